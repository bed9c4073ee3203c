//! A private PostgreSQL server for tests. Owns: its life, from the first start to its certain end.
//!
//! `scripts/server hold` is the server's guard: it holds our pipe, and when that ends – the test process exits,
//! panics, is interrupted or killed – it stops the server and deletes its files. `fsync` stays on, so what a test
//! finds after a crash is what a real server would keep.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls};

use crate::project;

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Sessions are ended, everything is written: what `make down` does.
    Fast,
    /// Recovery runs at the next start.
    Immediate,
    /// `kill -9` of the postmaster: its backends find out by themselves.
    Kill,
}

/// What a server of one's own may have otherwise.
#[derive(Debug, Default, Clone)]
pub struct ClusterOptions {
    /// Lines for postgresql.conf, for example `max_prepared_transactions = 10`.
    pub settings: Vec<String>,
    /// A library preloaded into the server, for example one that slows fsync down.
    pub preload: Option<PathBuf>,
    /// A network namespace that the server lives in. The tests, outside of it, connect by its unix socket.
    pub network: Option<String>,
    /// Another build of the extension's library than the one that is tested.
    pub library: Option<PathBuf>,
}

#[derive(Debug)]
pub struct TestCluster {
    state: PathBuf,
    host: String,
    port: u16,
    options: ClusterOptions,
    passwords: HashMap<String, String>,
    guard: Child,
    template: OnceCell<()>,
    sample_template: OnceCell<()>,
}

pub(crate) const TEMPLATE: &str = "capconduit_template";
pub(crate) const SAMPLE_TEMPLATE: &str = "capconduit_sample_template";

impl TestCluster {
    /// The server that all tests of this process share.
    pub async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<TestCluster>> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async {
                bound_run_time();
                Self::start_with(ClusterOptions::default()).await
            })
            .await
            .clone()
    }

    /// A server for one test alone: to crash it, to stop it, to configure it.
    pub async fn start_with(options: ClusterOptions) -> Arc<Self> {
        // Starting takes about two seconds: not on a thread that other tasks need.
        tokio::task::spawn_blocking(|| Arc::new(Self::start_blocking(options)))
            .await
            .expect("the private server starts")
    }

    fn start_blocking(options: ClusterOptions) -> Self {
        let state = project::fresh_state_folder();
        let port = free_port();
        std::fs::create_dir(&state).expect("a state folder in the temporary folder");
        if !options.settings.is_empty() {
            std::fs::write(state.join("extra.conf"), options.settings.join("\n") + "\n").expect("extra.conf");
        }
        let mut hold = script("server", &state, port, &options, &["hold"]);
        let mut guard = hold
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/server can be run");
        let mut first_line = String::new();
        let stdout = guard.stdout.take().expect("the guard's output is piped");
        BufReader::new(stdout)
            .read_line(&mut first_line)
            .expect("the guard's output is text");
        assert_eq!(
            first_line, "ready\n",
            "scripts/server hold did not start a server: see its message above"
        );
        let passwords = read_passwords(&state);
        let host = match options.network {
            None => "127.0.0.1".to_owned(),
            Some(_) => read_socket_folder(&state),
        };
        Self {
            state,
            host,
            port,
            options,
            passwords,
            guard,
            template: OnceCell::new(),
            sample_template: OnceCell::new(),
        }
    }

    /// How to connect as a login role (`SUPERUSER`, `ADMIN`, `API`, `ASTERISK`), over TCP as in production.
    pub fn config(&self, login: &str, database: &str) -> Config {
        let password = self
            .passwords
            .get(login)
            .unwrap_or_else(|| panic!("{login} is no login role"));
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(login)
            .password(password)
            .dbname(database)
            .application_name("capconduit-tests");
        config
    }

    pub async fn connect(&self, login: &str, database: &str) -> Client {
        connect(&self.config(login, database)).await
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// An address, or the folder of its unix socket.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The namespace that it lives in.
    pub(crate) fn network(&self) -> Option<&str> {
        self.options.network.as_deref()
    }

    pub fn state_folder(&self) -> &std::path::Path {
        &self.state
    }

    /// The server's processes, the first of them its parent.
    pub fn processes(&self) -> Vec<u32> {
        processes_of(&self.state.join("server/data"))
    }

    /// The processor time of all of them, those that have ended included, in clock ticks.
    pub fn processor_ticks(&self) -> u64 {
        let processes = self.processes();
        let living: u64 = processes.iter().map(|&pid| project::processor_ticks(pid)).sum();
        living + project::ended_children_ticks(processes[0])
    }

    /// Stops the server's processes where they are, or lets them go on: what a stalled machine looks like.
    pub fn freeze(&self, frozen: bool) {
        send_signal(if frozen { "STOP" } else { "CONT" }, &self.processes());
    }

    /// The server's own log: what a test looks through for secrets, deadlocks and panics.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.state.join("server/postgresql.log")).expect("the server's log")
    }

    pub async fn stop(&self, mode: StopMode) {
        match mode {
            StopMode::Fast => self.server(&["stop", "fast"]).await,
            StopMode::Immediate => self.server(&["stop", "immediate"]).await,
            StopMode::Kill => self.server(&["kill"]).await,
        }
    }

    /// Starts a stopped or killed server again, with the same files, port and options.
    pub async fn start(&self) {
        self.server(&["start"]).await;
    }

    /// Puts another build of the library in place while the server runs, as an upgrade does: for whoever connects from now on.
    pub async fn install(&self, library: &std::path::Path) {
        let mut command = self.script("server", &["install"]);
        command.env("CAPCONDUIT_SO", library);
        run(command).await;
    }

    async fn server(&self, args: &[&str]) {
        run(self.script("server", args)).await;
    }

    pub(crate) fn script(&self, name: &str, args: &[&str]) -> Command {
        script(name, &self.state, self.port, &self.options, args)
    }

    /// Makes the migrated, empty template database once.
    pub(crate) async fn template(&self) -> &'static str {
        let make = || async {
            run(self.script("server", &["database", "migrate", TEMPLATE])).await;
            self.close_template(TEMPLATE).await;
        };
        self.template.get_or_init(make).await;
        TEMPLATE
    }

    /// Makes the template with the sample data once, out of the empty one.
    pub(crate) async fn sample_template(&self) -> &'static str {
        self.template().await;
        let make = || async {
            self.copy_database(TEMPLATE, SAMPLE_TEMPLATE).await;
            run(self.script("server", &["database", "sample", SAMPLE_TEMPLATE])).await;
            self.close_template(SAMPLE_TEMPLATE).await;
        };
        self.sample_template.get_or_init(make).await;
        SAMPLE_TEMPLATE
    }

    /// Nobody connects to a template any more: a copy needs it to be unused.
    async fn close_template(&self, name: &str) {
        let client = self.connect(crate::SUPERUSER, "postgres").await;
        let sql = format!("alter database {name} with allow_connections false is_template true");
        client.batch_execute(&sql).await.expect("the template is closed");
    }

    /// A copy that is equal in everything: `create database … template` leaves out what is stored outside of the
    /// database, namely its owner, its access rights and the settings of roles in it.
    pub(crate) async fn copy_database(&self, template: &str, name: &str) {
        let client = self.connect(crate::SUPERUSER, "postgres").await;
        client
            .batch_execute(&format!("create database {name} template {template}"))
            .await
            .expect("a database from the template");
        client
            .batch_execute(&format!(
                "update pg_database d set datdba = t.datdba, datacl = t.datacl, datconnlimit = t.datconnlimit
                   from pg_database t where t.datname = '{template}' and d.datname = '{name}';
                 insert into pg_db_role_setting
                 select d.oid, s.setrole, s.setconfig
                   from pg_db_role_setting s
                   join pg_database t on t.oid = s.setdatabase, pg_database d
                  where t.datname = '{template}' and d.datname = '{name}'"
            ))
            .await
            .expect("the template's rights and settings");
    }

    /// Drops databases when nobody waits for it. Called by the guard of a `TestDb`.
    pub(crate) async fn drop_database(&self, name: &str) {
        // The server may be gone: a crash test killed it. Then its files go with it.
        if let Ok((client, connection)) = self.config(crate::SUPERUSER, "postgres").connect(NoTls).await {
            let driver = tokio::spawn(connection);
            // A test may have left its server waiting for a standby that has gone.
            let _ = client.batch_execute("set synchronous_commit = local").await;
            let _ = client
                .batch_execute(&format!("drop database if exists {name} with (force)"))
                .await;
            drop(client);
            let _ = driver.await;
        }
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        // The end of its input is the guard's sign to stop the server and delete its files.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Of the server whose data lies there, the first of them its parent.
pub(crate) fn processes_of(data: &std::path::Path) -> Vec<u32> {
    let file = std::fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
    let postmaster: u32 = file
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("a process id");
    let children = format!("/proc/{postmaster}/task/{postmaster}/children");
    let children = std::fs::read_to_string(children).expect("the kernel lists children");
    let mut all = vec![postmaster];
    all.extend(
        children
            .split_whitespace()
            .map(|pid| pid.parse::<u32>().expect("a process id")),
    );
    all
}

pub(crate) fn send_signal(name: &str, pids: &[u32]) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .args(pids.iter().map(u32::to_string))
        .status()
        .expect("kill");
    // A process that ended meanwhile is no failure; one that was not asked is.
    assert!(status.code().is_some());
}

pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .expect("a connection to the test server");
    // A cut connection is what some tests are about: the client's next statement reports it.
    tokio::spawn(connection);
    client
}

/// A test that waits for ever must not hold up whoever waits for the result: the process ends, and its servers with
/// it. libtest has told by then which tests were still running.
fn bound_run_time() {
    let Ok(minutes) = std::env::var("CAPCONDUIT_TEST_MINUTES") else {
        return;
    };
    let minutes: u64 = minutes.parse().expect("CAPCONDUIT_TEST_MINUTES is a number");
    std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(minutes * 60);
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        // Not eprintln: libtest would keep that for the report of a test that now has no end.
        let _ = writeln!(
            std::io::stderr(),
            "the tests did not end within {minutes} minutes"
        );
        std::process::abort();
    });
}

/// A script for the server of this folder, where and as its options say.
fn script(
    name: &str,
    state: &std::path::Path,
    port: u16,
    options: &ClusterOptions,
    args: &[&str],
) -> Command {
    let plain = project::script(name, state, args);
    let mut command = match &options.network {
        None => plain,
        Some(network) => {
            let mut inside = Command::new("nsenter");
            inside.arg(format!("--net=/run/netns/{network}"));
            inside.arg(plain.get_program()).args(plain.get_args());
            inside.env("CAPCONDUIT_STATE", state);
            inside
        }
    };
    command.env("CAPCONDUIT_PORT", port.to_string());
    if let Some(library) = &options.preload {
        command.env("CAPCONDUIT_SERVER_PRELOAD", library);
    }
    if let Some(library) = &options.library {
        command.env("CAPCONDUIT_SO", library);
    }
    command
}

async fn run(command: Command) {
    let output = tokio::process::Command::from(command)
        .output()
        .await
        .expect("the script can be run");
    assert!(
        output.status.success(),
        "a script failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// `CAPCONDUIT_ADMIN_PASSWORD=…` → capconduit_admin; the server's own superuser is `postgres`.
fn read_passwords(state: &std::path::Path) -> HashMap<String, String> {
    let secrets = std::fs::read_to_string(state.join("secrets")).expect("the server's passwords");
    let logins = [
        ("CAPCONDUIT_SUPERUSER_PASSWORD", crate::SUPERUSER),
        ("CAPCONDUIT_ADMIN_PASSWORD", crate::ADMIN),
        ("CAPCONDUIT_API_PASSWORD", crate::API),
        ("CAPCONDUIT_ASTERISK_PASSWORD", crate::ASTERISK),
    ];
    let value = |key: &str| {
        secrets
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .expect("every password")
    };
    logins
        .iter()
        .map(|&(key, login)| (login.to_owned(), value(key).to_owned()))
        .collect()
}

fn read_socket_folder(state: &std::path::Path) -> String {
    let env = std::fs::read_to_string(state.join("env")).expect("the server's addresses");
    env.lines()
        .find_map(|line| {
            line.strip_prefix("export CAPCONDUIT_SOCKET_DIR='")?
                .strip_suffix('\'')
        })
        .expect("the folder of the server's socket")
        .to_owned()
}

/// A port that nobody listens on, below the range from which the system takes ports for outgoing connections.
/// Each process begins elsewhere, so that two of them rarely try the same one.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 1000) as u16 * 10;
    (0..10_000)
        .map(|_| 21_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("a free port")
}
