//! A standby of a test's server, made by streaming replication on this machine. Owns: its life; its files lie beside the
//! primary's and go with them.

use std::process::Command;
use std::sync::Arc;

use tokio_postgres::Config;
use tokio_postgres::config::TargetSessionAttrs;

use crate::cluster::free_port;
use crate::{TestCluster, TestDb, project};

#[derive(Debug)]
pub struct Standby {
    cluster: Arc<TestCluster>,
    name: String,
    /// An address, or the folder of its unix socket.
    host: String,
    port: u16,
}

impl Standby {
    /// A copy of the server that follows it, under this name: its slot's, and the one that
    /// `synchronous_standby_names` knows it by.
    pub async fn of(cluster: &Arc<TestCluster>, name: &str) -> Self {
        Self::through(cluster, cluster.port(), name).await
    }

    /// The same, with a proxy at this port between the two.
    pub async fn through(cluster: &Arc<TestCluster>, port: u16, name: &str) -> Self {
        let standby = Self {
            cluster: cluster.clone(),
            name: name.to_owned(),
            host: "127.0.0.1".to_owned(),
            port: free_port(),
        };
        standby.copy_of(port, &format!("port = {}", standby.port)).await;
        standby
    }

    /// One with the primary's port, at other addresses, in the primary's network: there tests connect by its unix socket.
    pub async fn at(cluster: &Arc<TestCluster>, addresses: &[&str], name: &str) -> Self {
        let sockets = cluster.state_folder().join("server").join(format!("{name}.run"));
        let standby = Self {
            cluster: cluster.clone(),
            name: name.to_owned(),
            host: sockets.display().to_string(),
            port: cluster.port(),
        };
        standby.shell("as_server mkdir \"$DATA.run\"".to_owned()).await;
        let settings = format!(
            "listen_addresses = '{}'\nunix_socket_directories = '{}'",
            addresses.join(","),
            standby.host
        );
        standby.copy_of(cluster.port(), &settings).await;
        standby
    }

    /// Copies the server at this port, adds settings of its own, and starts.
    async fn copy_of(&self, port: u16, settings: &str) {
        let name = &self.name;
        let script = format!(
            "as_server env PGPASSFILE=\"$PGPASSFILE\" \"$BIN/pg_basebackup\" \
                 --dbname=\"host=127.0.0.1 port={port} user=postgres application_name={name}\" \
                 --pgdata=\"$DATA\" --wal-method=stream --checkpoint=fast --write-recovery-conf \
                 --create-slot --slot={name}
             as_server tee -a \"$DATA/instance.conf\" <<<\"{settings}\" >/dev/null"
        );
        self.shell(script).await;
        self.start().await;
    }

    pub async fn start(&self) {
        let script = "as_server \"$BIN/pg_ctl\" start --pgdata=\"$DATA\" --log=\"$DATA.log\" --wait --timeout=60 --silent";
        self.shell(script.to_owned()).await;
    }

    /// Sessions are ended, everything is written and sent.
    pub async fn stop(&self) {
        let script =
            "as_server \"$BIN/pg_ctl\" stop --pgdata=\"$DATA\" --mode=fast --wait --timeout=60 --silent";
        self.shell(script.to_owned()).await;
    }

    /// Its processes end at once, and nothing is written: the primary notices.
    pub async fn dies(&self) {
        let script =
            "as_server \"$BIN/pg_ctl\" stop --pgdata=\"$DATA\" --mode=immediate --wait --timeout=60 --silent";
        self.shell(script.to_owned()).await;
    }

    /// From now on it is a primary.
    pub async fn promote(&self) {
        let script = "as_server \"$BIN/pg_ctl\" promote --pgdata=\"$DATA\" --wait --timeout=60 --silent";
        self.shell(script.to_owned()).await;
    }

    /// The dead old primary becomes a standby of this one: what it had goes, a new copy takes its place.
    pub async fn takes_back_the_old_primary(&self) {
        let script = format!(
            "as_server rm -rf \"$home/data\"
             as_server env PGPASSFILE=\"$PGPASSFILE\" \"$BIN/pg_basebackup\" \
                 --dbname=\"host=127.0.0.1 port={} user=postgres application_name=old\" \
                 --pgdata=\"$home/data\" --wal-method=stream --checkpoint=fast --write-recovery-conf \
                 --create-slot --slot=old",
            self.port
        );
        self.shell(script).await;
        self.cluster.start().await;
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How to connect to it alone.
    pub fn config(&self, db: &TestDb, login: &str) -> Config {
        let primary = db.config(login);
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(login)
            .password(primary.get_password().expect("a password"))
            .dbname(db.name())
            .options("-c search_path=capconduit")
            .application_name("capconduit-tests");
        config
    }

    /// Both of them, of which only the one that can be written lets anybody in.
    pub fn either(&self, db: &TestDb, login: &str) -> Vec<Config> {
        let mut both = vec![db.config(login), self.config(db, login)];
        for config in &mut both {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        both
    }

    /// The same as one URL.
    pub fn either_url(&self, db: &TestDb, login: &str) -> String {
        let at = format!("@127.0.0.1:{}/", db.cluster().port());
        let both = format!("@127.0.0.1:{},127.0.0.1:{}/", db.cluster().port(), self.port);
        db.url(login).replace(&at, &both)
    }

    async fn shell(&self, script: String) {
        let command = self.command(&script);
        let output = tokio::process::Command::from(command).output().await;
        let output = output.expect("bash runs");
        assert!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn command(&self, script: &str) -> Command {
        let head = format!(
            "set -euo pipefail; . scripts/lib/common.sh
             home=$(cd \"$STATE/server\" && pwd -P); DATA=$home/{}; PGPASSFILE=$home/pgpass
             BIN=$(dirname \"$(find \"$home/prefix\" -name pg_basebackup)\")
             [ -e \"$PGPASSFILE\" ] || as_server sh -c 'umask 077; cat >\"$1\"' sh \"$PGPASSFILE\" <\"$STATE/pgpass\"",
            self.name
        );
        let mut command = match self.cluster.network() {
            None => Command::new("bash"),
            Some(network) => {
                let mut inside = Command::new("nsenter");
                inside.args([&format!("--net=/run/netns/{network}"), "bash"]);
                inside
            }
        };
        command
            .current_dir(project::root())
            .args(["-c", &format!("{head}\n{script}")])
            .env("CAPCONDUIT_STATE", self.cluster.state_folder());
        command
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // It may have been stopped already.
        let script = "as_server \"$BIN/pg_ctl\" stop --pgdata=\"$DATA\" --mode=immediate --silent";
        let _ = self.command(script).output();
    }
}
