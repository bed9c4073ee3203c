//! Kamailio between carrier and switch, which keeps its calls alive by OPTIONS. Owns: its settings, its start and end.

use std::process::Command;
use std::time::Duration;

use super::site::{Place, Site};
use super::switch::TestAsterisk;
use crate::guarded::Guarded;
use crate::project;

#[derive(Debug)]
pub struct Kamailio {
    process: Guarded,
    address: String,
}

/// Calls go to the switch; the switch is asked every few seconds whether it still knows each of them, and a call is ended
/// when it does not say.
const SETTINGS: &str = r#"#!KAMAILIO
debug=2
log_stderror=yes
children=2
disable_tcp=yes
listen=udp:ADDRESS:5060
mpath="MODULES"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "dialog.so"
modparam("rr", "append_fromtag", 1)
modparam("tm", "fr_timer", 5000)
modparam("dialog", "ka_timer", 5)
modparam("dialog", "ka_interval", 30)
modparam("dialog", "ka_failed_limit", 1)
request_route {
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    record_route();
    if (is_method("INVITE")) {
        dlg_manage();
        dlg_set_property("ka-dst");
    }
    $du = "sip:SWITCH:5060";
    t_relay();
}
"#;

impl Kamailio {
    /// At an address of trunk-a's.
    pub async fn start(site: &Site, switch: &TestAsterisk) -> Self {
        let address = site.address(Place::TrunkA);
        let folder = site.folder("kamailio");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::os::unix::fs::chown(&folder, Some(Site::USER), Some(Site::USER)).expect("root's right");
        let installed = project::root().join(".tools/kamailio");
        let libraries = std::fs::read_dir(installed.join("usr/lib"))
            .expect("Kamailio is missing: scripts/setup lint unpacks it")
            .find_map(|entry| Some(entry.ok()?.path().join("kamailio")).filter(|path| path.exists()))
            .expect("Kamailio's modules");
        // To where its user may read, wherever the project lies.
        let program = folder.join("kamailio");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(installed.join("usr/sbin/kamailio"))
            .arg(&folder)
            .status();
        assert!(copied.expect("cp").success());
        let modules = folder.join("lib");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(&libraries)
            .arg(&modules)
            .status();
        assert!(copied.expect("cp").success());
        let settings = SETTINGS
            .replace("ADDRESS", &address)
            .replace("SWITCH", switch.address())
            .replace("MODULES", &format!("{}/modules/", modules.display()));
        let file = folder.join("kamailio.cfg");
        std::fs::write(&file, settings).expect("its settings");
        let user = Site::USER.to_string();
        // Its root is the system's own: the site's guard would let it be.
        // What it says at its start goes where its log goes: nobody reads the other.
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "exec \"$@\" >&2",
                "sh",
                "ip",
                "netns",
                "exec",
                site.name(),
                "setpriv",
                "--clear-groups",
            ])
            .args([format!("--reuid={user}"), format!("--regid={user}")])
            .arg(&program)
            .args(["-DD", "-E", "-m", "16", "-M", "4", "-f"])
            .arg(&file)
            .arg("-Y")
            .arg(&folder)
            .arg("-w")
            .arg(&folder)
            .env("LD_LIBRARY_PATH", &modules);
        let process = Guarded::run("kamailio", &command);
        let kamailio = Self { process, address };
        for _ in 0..200 {
            if kamailio.listens() {
                return kamailio;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("Kamailio does not listen:\n{}", kamailio.log());
    }

    fn listens(&self) -> bool {
        let octets = self
            .address
            .split('.')
            .map(|octet| octet.parse::<u8>().expect("an address"));
        let reversed: String = octets.rev().map(|octet| format!("{octet:02X}")).collect();
        let pid = self.process.pid();
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/udp")).unwrap_or_default();
        table.contains(&format!(" {reversed}:{:04X} ", 5060))
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn log(&self) -> String {
        self.process.log()
    }
}
