//! Callers and call centers, each a SIPp of its own with a scenario from sipp/. Owns: how one is started and ended.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::site::{Place, Site, script};
use super::switch::TestAsterisk;
use super::trace::Seen;
use crate::project;

#[derive(Debug)]
struct Sipp {
    child: Child,
    folder: PathBuf,
}

impl Sipp {
    fn start(site: &Site, address: &str, scenario: &str, values: &[(&str, &str)], args: &[&str]) -> Self {
        let folder = site.folder(&format!("sipp-{address}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = project::root().join(format!("tests/src/asterisk/sipp/{scenario}.xml"));
        let mut text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{scenario}: {error}"));
        for (name, value) in values {
            text = text.replace(&format!("{{{{{name}}}}}"), value);
        }
        assert!(
            !text.contains("{{"),
            "{scenario} needs more values than {values:?}"
        );
        std::fs::write(folder.join("scenario.xml"), text).expect("the scenario");
        let output = std::fs::File::create(folder.join("output")).expect("a file");
        let child = Command::new(script())
            .args(["sipp", site.name()])
            .arg(&folder)
            .args([
                "-sf",
                "scenario.xml",
                "-i",
                address,
                "-p",
                "5060",
                "-mi",
                address,
                "-nostdin",
            ])
            .args([
                "-trace_msg",
                "-message_file",
                "messages",
                "-trace_err",
                "-error_file",
                "errors",
            ])
            .args(args)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the file again"))
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .expect("scripts/asterisk can be run");
        Self { child, folder }
    }

    fn seen(&self) -> Seen {
        Seen::read(&std::fs::read(self.folder.join("messages")).unwrap_or_default())
    }

    fn complaint(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let (errors, output) = (read("errors"), read("output"));
        if errors.is_empty() { output } else { errors }
    }
}

/// A call center: takes what is sent to its address as its scenario says, until it is dropped.
#[derive(Debug)]
pub struct Center {
    sipp: Sipp,
    pub address: String,
}

impl Center {
    pub async fn start(site: &Site, scenario: &str, values: &[(&str, &str)]) -> Self {
        let address = site.address(Place::Center);
        Self::start_at(site, &address, scenario, values, &[]).await
    }

    /// With an address of its own, and SIPp's own options.
    pub async fn start_at(
        site: &Site,
        address: &str,
        scenario: &str,
        values: &[(&str, &str)],
        args: &[&str],
    ) -> Self {
        let sipp = Sipp::start(site, address, scenario, values, args);
        let center = Self {
            sipp,
            address: address.to_owned(),
        };
        for _ in 0..200 {
            if center.listens(if args.contains(&"t1") { "tcp" } else { "udp" }) {
                return center;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the call center does not listen:\n{}", center.sipp.complaint());
    }

    /// The kernel's table of the process's own network: address and port in hexadecimal, the address reversed.
    fn listens(&self, protocol: &str) -> bool {
        let octets = self
            .address
            .split('.')
            .map(|octet| octet.parse::<u8>().expect("an address"));
        let reversed: String = octets.rev().map(|octet| format!("{octet:02X}")).collect();
        let pid = self.sipp.child.id().expect("it runs");
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).unwrap_or_default();
        table.contains(&format!(" {reversed}:{:04X} ", 5060))
    }

    pub fn contact(&self) -> String {
        format!("sip:{}:5060", self.address)
    }

    pub fn seen(&self) -> Seen {
        self.sipp.seen()
    }
}

/// Somebody who calls a number through a trunk.
#[derive(Debug, Clone)]
pub struct Caller {
    site: Arc<Site>,
    switch: String,
    address: String,
    scenario: &'static str,
    number: String,
    from: String,
    user: String,
    headers: String,
    media: String,
    talk_ms: u32,
}

impl Caller {
    pub fn new(site: &Arc<Site>, switch: &TestAsterisk, number: &str) -> Self {
        Self::to(site, switch.address(), number)
    }

    /// Through a switch at this address.
    pub fn to(site: &Arc<Site>, switch: &str, number: &str) -> Self {
        Self {
            site: site.clone(),
            switch: switch.to_owned(),
            address: site.address(Place::TrunkA),
            scenario: "caller",
            number: number.to_owned(),
            from: "\"Jane Doe\" <sip:+15550001111@carrier.example>".to_owned(),
            user: "caller".to_owned(),
            headers: String::new(),
            // SIPp's own, where it listens and says nothing.
            media: "[media_port]".to_owned(),
            talk_ms: 300,
        }
    }

    /// From a carrier of trunk-b, or a stranger.
    pub fn at(self, place: Place) -> Self {
        Self {
            address: self.site.address(place),
            ..self
        }
    }

    pub fn from_address(self, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..self
        }
    }

    /// The name that the scenario registers.
    pub fn named(self, user: &str) -> Self {
        Self {
            user: user.to_owned(),
            ..self
        }
    }

    /// The From header's value, without its tag.
    pub fn from(self, from: &str) -> Self {
        Self {
            from: from.to_owned(),
            ..self
        }
    }

    /// One more header line of the INVITE.
    pub fn with_header(self, header: &str) -> Self {
        let headers = self.headers.clone() + "\n      " + header;
        Self { headers, ..self }
    }

    /// Wants its media at a port where the test listens.
    pub fn hears_at(self, port: u16) -> Self {
        Self {
            media: port.to_string(),
            ..self
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn talks_for(self, talk_ms: u32) -> Self {
        Self { talk_ms, ..self }
    }

    /// Does not hang up first.
    pub fn waits(self) -> Self {
        Self {
            scenario: "caller-waits",
            ..self
        }
    }

    /// Gives up after this much ringing.
    pub fn abandons_after(self, ms: u32) -> Self {
        Self {
            scenario: "caller-abandons",
            talk_ms: ms,
            ..self
        }
    }

    /// Another scenario of sipp/.
    pub fn plays(self, scenario: &'static str) -> Self {
        Self { scenario, ..self }
    }

    pub fn start(&self) -> Running {
        self.start_with(&["-m", "1"])
    }

    /// With SIPp's own options: how many calls, how fast.
    pub fn start_with(&self, args: &[&str]) -> Running {
        let talk = self.talk_ms.to_string();
        let values = [
            ("NUMBER", self.number.as_str()),
            ("FROM", self.from.as_str()),
            ("USER", self.user.as_str()),
            ("HEADERS", self.headers.as_str()),
            ("MEDIA", self.media.as_str()),
            ("TALK", talk.as_str()),
        ];
        let target = format!("{}:5060", self.switch);
        let mut all = vec![target.as_str()];
        all.extend(args);
        Running(Sipp::start(
            &self.site,
            &self.address,
            self.scenario,
            &values,
            &all,
        ))
    }

    pub async fn call(&self) -> Seen {
        self.start().finish().await
    }
}

/// A caller on the line.
#[derive(Debug)]
pub struct Running(Sipp);

impl Running {
    pub fn seen(&self) -> Seen {
        self.0.seen()
    }

    /// The caller has played its scenario to the end; anything else is a failure of the test.
    pub async fn finish(mut self) -> Seen {
        let end = tokio::time::timeout(Duration::from_secs(150), self.0.child.wait()).await;
        let status = end
            .unwrap_or_else(|_| panic!("the caller waits for ever: {:#?}", self.seen()))
            .expect("it ends");
        assert!(
            status.success(),
            "the caller met something else:\n{}\n{:#?}",
            self.0.complaint(),
            self.seen()
        );
        self.0.seen()
    }

    /// As `finish`, for many calls of which some may fail in SIPp's eyes.
    pub async fn finish_anyhow(mut self) -> Seen {
        let end = tokio::time::timeout(Duration::from_secs(150), self.0.child.wait()).await;
        end.unwrap_or_else(|_| panic!("the callers wait for ever"))
            .expect("it ends");
        self.0.seen()
    }
}
