//! The platform of a fault test: a server behind a network that breaks on command, disks that fill on command, the
//! service, the agent, and the load on all of them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{
    API, ASTERISK, ClusterOptions, Link, Proxy, Random, SUPERUSER, Scenario, StopMode, Strategy, TestApi,
    TestCluster, TestDb, TestNode, assert_invariants, project,
};

use super::load::Load;
use crate::api_faults::support::cookie;
use crate::node::support::{Folder, eventually};

pub struct Stage {
    // In the order in which they end.
    pub agent: Mutex<Option<Arc<TestNode>>>,
    pub api: Mutex<Option<Arc<TestApi>>>,
    pub load: Arc<Load>,
    pub scenario: Scenario,
    pub proxy: Proxy,
    pub db: TestDb,
    pub disks: Option<Disks>,
    spool: Arc<Folder>,
    /// Somebody migrates the database again and again.
    migrates: AtomicBool,
}

impl Stage {
    /// With disks of its own the server can find them full; only root can make them.
    pub async fn start(small_disks: bool, pace: Duration, random: &mut Random) -> Self {
        let settings = [
            "max_connections = 60",
            "min_wal_size = 32MB",
            "max_wal_size = 64MB",
        ];
        let options = ClusterOptions {
            settings: settings.map(str::to_owned).to_vec(),
            ..ClusterOptions::default()
        };
        let cluster = TestCluster::start_with(options).await;
        let db = TestDb::sample_on(cluster.clone()).await;
        let disks = match small_disks {
            true => Some(Disks::under(&cluster).await),
            false => None,
        };
        let proxy = Proxy::before(cluster.port()).await;
        let links = [Link::cap(9), Link::cap(9), Link::cap(9)];
        let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await;
        let spool = Arc::new(Folder::new());
        let api = start_service(&db, &proxy).await;
        let agent = start_agent(&db, &proxy, &spool).await;
        let cookie = cookie(&api, "seller_alice").await;
        let password = db.config(ASTERISK);
        let password = password.get_password().expect("a password");
        let mut switch = tokio_postgres::Config::new();
        switch
            .host("127.0.0.1")
            .port(proxy.port())
            .user(ASTERISK)
            .password(password)
            .dbname(db.name());
        let load = Load::start(
            vec![switch],
            &scenario.did,
            &api,
            &cookie,
            spool.clone(),
            pace,
            random,
        );
        Self {
            agent: Mutex::new(Some(Arc::new(agent))),
            api: Mutex::new(Some(Arc::new(api))),
            load,
            scenario,
            proxy,
            db,
            disks,
            spool,
            migrates: AtomicBool::new(false),
        }
    }

    pub fn migrates(&self) -> bool {
        self.migrates.load(Ordering::Relaxed)
    }

    pub fn will_migrate(&self, migrates: bool) {
        self.migrates.store(migrates, Ordering::Relaxed);
    }

    pub fn cluster(&self) -> &Arc<TestCluster> {
        self.db.cluster()
    }

    pub fn api(&self) -> Arc<TestApi> {
        self.api.lock().unwrap().clone().expect("the service runs")
    }

    pub fn agent(&self) -> Arc<TestNode> {
        self.agent.lock().unwrap().clone().expect("the agent runs")
    }

    /// The service's process is gone; its supervisor starts it again.
    pub async fn service_again(&self) {
        self.api.lock().unwrap().take();
        let api = start_service(&self.db, &self.proxy).await;
        self.load.serve_by(&api);
        *self.api.lock().unwrap() = Some(Arc::new(api));
    }

    pub async fn agent_again(&self) {
        self.agent.lock().unwrap().take();
        let agent = start_agent(&self.db, &self.proxy, &self.spool).await;
        *self.agent.lock().unwrap() = Some(Arc::new(agent));
    }

    /// Starts the server if nobody else does, and waits until it takes logins.
    pub async fn server_is_up(&self) {
        let config = self.db.config(SUPERUSER);
        eventually("the server takes logins", || async {
            self.cluster().start().await;
            match config.connect(tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    client.simple_query("select 1").await.is_ok()
                }
                Err(_) => false,
            }
        })
        .await;
    }

    /// The load has ended: no call is left that nobody ends, and no slot with it.
    pub async fn is_empty(&self) {
        let superuser = self.db.superuser().await;
        let sql = "select (select coalesce(string_agg(uniqueid, ' '), '') from capconduit.live_calls),
                          (select coalesce(sum(active), 0)::bigint from capconduit.link_counters)";
        let row = superuser.query_one(sql, &[]).await.expect("what is left");
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i64>(1)), ("", 0));
    }

    /// Nobody has to mend anything: whatever was answered is there, counters agree with rows, service and agent are well.
    pub async fn is_well(&self) {
        let told = self.load.told();
        let superuser = self.db.superuser().await;
        let lost = told.lost(&superuser).await;
        assert!(lost.is_empty(), "told, and lost: {lost:#?}");
        self.load.assert_no_surprise();
        assert_invariants(&self.db).await;
        for problem in ["database", "replay", "spool", "set_aside"] {
            eventually(&format!("the agent has no {problem} alarm"), || async {
                self.agent().problem(problem).await.is_none()
            })
            .await;
        }
        eventually("the service is ready", || async {
            self.api().nobody().get("/ready").await.status == 200
        })
        .await;
        assert_eq!(self.spool.refused(), [""; 0]);
    }
}

pub fn through(proxy: &Proxy, db: &TestDb, login: &str) -> String {
    let port = |port: u16| format!(":{port}/");
    db.url(login)
        .replace(&port(db.cluster().port()), &port(proxy.port()))
}

async fn start_service(db: &TestDb, proxy: &Proxy) -> TestApi {
    let url = through(proxy, db, API);
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("CAPCONDUIT_REQUEST_SECONDS", "4"),
    ];
    TestApi::start_with(db, &settings).await
}

async fn start_agent(db: &TestDb, proxy: &Proxy, spool: &Folder) -> TestNode {
    let url = through(proxy, db, ASTERISK);
    TestNode::start_with(db, spool.path(), &[("DATABASE_URL", &url)]).await
}

/// Two small file systems in memory, for the server's data and for its WAL.
pub struct Disks {
    cluster: Arc<TestCluster>,
    home: PathBuf,
}

impl Disks {
    /// Moves a server that runs onto them.
    async fn under(cluster: &Arc<TestCluster>) -> Self {
        cluster.stop(StopMode::Fast).await;
        let home = cluster.state_folder().join("server");
        let home = home.canonicalize().expect("the server's files");
        let disks = Self {
            cluster: cluster.clone(),
            home,
        };
        disks.shell(
            "cd \"$home\" && mkdir wal && mount -t tmpfs -o size=128m,mode=700 tmpfs wal && cp -a data/pg_wal/. wal && \
             chown --reference=data wal && rm -rf data/pg_wal && mv data data.before && mkdir data && \
             mount -t tmpfs -o size=400m,mode=700 tmpfs data && cp -a data.before/. data && \
             chown --reference=data.before data && rm -rf data.before && ln -s ../wal data/pg_wal",
        );
        cluster.start().await;
        disks
    }

    /// Until nothing more fits on `wal` or on `data`.
    pub fn fill(&self, disk: &str) {
        let ballast = self.home.join(disk).join("ballast");
        let full = std::fs::write(&ballast, vec![0; 450 << 20]).expect_err("it is small");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    pub fn make_room(&self, disk: &str) {
        std::fs::remove_file(self.home.join(disk).join("ballast")).expect("the ballast");
    }

    fn shell(&self, script: &str) {
        let status = Command::new("bash")
            .args(["-c", script])
            .env("home", &self.home)
            .status();
        assert!(status.expect("bash runs").success(), "{script}");
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        let _ = project::script("server", self.cluster.state_folder(), &["stop", "immediate"]).status();
        for disk in ["data", "wal"] {
            let _ = Command::new("umount")
                .arg("--lazy")
                .arg(self.home.join(disk))
                .status();
        }
    }
}
