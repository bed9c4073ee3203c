//! The network of a test: a namespace for switches and SIPp, another one for the database. Owns: who has which address.
//! `scripts/asterisk hold` is its guard: when the test process ends, all of it goes.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::sync::OnceCell;

use crate::{ClusterOptions, Standby, TestAsterisk, TestCluster, TestDb, project};

/// Whose address it is: scripts/asterisk describes the ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Switch,
    TrunkA,
    TrunkB,
    Center,
    Stranger,
}

#[derive(Debug)]
pub struct Site {
    name: String,
    folder: PathBuf,
    guard: Child,
    next: AtomicU16,
}

impl Site {
    /// Whose programs go with the site, whatever happens: see scripts/asterisk.
    pub const USER: u32 = 61061;
    /// The database's address, as switches see it.
    pub const DATABASE: &str = "10.88.0.1";
    /// That of a second server, where a test has one.
    pub const STANDBY: &str = "10.88.0.3";

    /// The site that tests of single calls share, with its database and one switch, `pbx1`.
    pub async fn shared() -> &'static (Arc<Site>, TestDb, TestAsterisk) {
        static SHARED: OnceCell<(Arc<Site>, TestDb, TestAsterisk)> = OnceCell::const_new();
        let make = || async {
            let site = Site::start().await;
            let db = site.database().await;
            let switch = TestAsterisk::start(&site, &db, "pbx1").await;
            (site, db, switch)
        };
        SHARED.get_or_init(make).await
    }

    pub async fn start() -> Arc<Self> {
        // The first time Asterisk is fetched: not on a thread that other tasks need.
        tokio::task::spawn_blocking(|| Arc::new(Self::start_blocking()))
            .await
            .expect("the site is made")
    }

    fn start_blocking() -> Self {
        let folder = project::fresh_state_folder();
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let mut guard = Command::new(script())
            .args(["hold", &name])
            .arg(&folder)
            .arg("peer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/asterisk can be run");
        let mut first_line = String::new();
        BufReader::new(guard.stdout.take().expect("the guard's output is piped"))
            .read_line(&mut first_line)
            .expect("the guard's output is text");
        assert_eq!(
            first_line, "ready\n",
            "scripts/asterisk made no network: see its message above"
        );
        Self {
            name,
            folder,
            guard,
            next: AtomicU16::new(0),
        }
    }

    /// An empty database on a server of its own, at the other end of the cable, over TCP as in production.
    pub async fn database(&self) -> TestDb {
        self.database_with("host", Vec::new()).await
    }

    /// One that takes the switches' connections by another kind of rule, `hostssl`, and has further settings.
    pub async fn database_with(&self, kind: &str, mut settings: Vec<String>) -> TestDb {
        let rules = self.folder.join("pg_hba.conf");
        let lines = format!(
            "local all all scram-sha-256\nhost all,replication all 127.0.0.1/32 scram-sha-256\n\
             {kind} all all 10.88.0.2/32 scram-sha-256\n"
        );
        std::fs::write(&rules, lines).expect("pg_hba.conf");
        settings.push(format!("listen_addresses = '127.0.0.1,{}'", Self::DATABASE));
        settings.push(format!("hba_file = '{}'", rules.display()));
        let options = ClusterOptions {
            settings,
            network: Some(format!("{}-db", self.name)),
            ..ClusterOptions::default()
        };
        TestDb::on(TestCluster::start_with(options).await).await
    }

    /// A second server that follows this one, at `STANDBY` and the same port: the driver keeps one port for all hosts.
    pub async fn standby(&self, db: &TestDb, name: &str) -> Standby {
        Standby::at(db.cluster(), &["127.0.0.2", Self::STANDBY], name).await
    }

    /// An address that nobody else has.
    pub fn address(&self, place: Place) -> String {
        let n = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let third = match place {
            Place::Switch => 0,
            Place::TrunkA => 16,
            Place::TrunkB => 32,
            Place::Center => 64,
            Place::Stranger => 192,
        };
        format!("10.77.{}.{}", third + n / 250, n % 250 + 1)
    }

    /// A socket of the test's own in this network.
    pub fn socket(&self, address: &str, port: u16) -> UdpSocket {
        let at = (address.to_owned(), port);
        let socket = project::inside(&self.name, || UdpSocket::bind(at)).expect("the port is free");
        socket.set_nonblocking(true).expect("a socket");
        socket
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A folder for one program of this site.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Packets from the switches to the database get lost, silently, until it is undone.
    pub fn drop_packets(&self, lost: bool) {
        // The database's address at a machine that is not there: nothing answers, nothing refuses.
        let neighbour = [
            "neigh",
            "replace",
            Self::DATABASE,
            "dev",
            "to-db",
            "lladdr",
            "02:00:00:00:00:99",
            "nud",
            "permanent",
        ];
        let forget = ["neigh", "del", Self::DATABASE, "dev", "to-db"];
        let args: &[&str] = if lost { &neighbour } else { &forget };
        let status = Command::new("ip")
            .args(["-n", &self.name])
            .args(args)
            .status()
            .expect("ip");
        assert!(status.success(), "ip {args:?}");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

pub(crate) fn script() -> &'static Path {
    static SCRIPT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    SCRIPT.get_or_init(|| project::root().join("scripts/asterisk"))
}
