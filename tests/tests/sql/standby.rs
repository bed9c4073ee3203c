//! On a hot standby: looking and rejecting work, writing is refused clearly.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use capconduit_tests::{ADMIN, Calls, ClusterOptions, TestDb, project};
use tokio_postgres::{Client, NoTls};

use super::support::{sqlstate, value};

/// A copy of a server that never stops recovering.
struct Standby {
    state: PathBuf,
    port: u16,
}

impl Standby {
    fn of(db: &TestDb) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let standby = Self {
            state: db.cluster().state_folder().to_owned(),
            port,
        };
        standby.shell(&format!(
            "PGPASSFILE=$STATE/pgpass \"$BIN/pg_basebackup\" --host=127.0.0.1 --port={} --username=postgres \
                 --pgdata=\"$DATA\" --wal-method=stream --checkpoint=fast && touch \"$DATA/standby.signal\" &&
             printf 'port = {port}\\n' >>\"$DATA/instance.conf\" &&
             if ((EUID == 0)); then chown -R \"$(server_user)\" \"$DATA\"; fi &&
             as_server \"$BIN/pg_ctl\" start --pgdata=\"$DATA\" --log=\"$DATA/server.log\" --wait --timeout=60 --silent",
            db.cluster().port()
        ));
        standby
    }

    fn shell(&self, script: &str) {
        let head = ". scripts/lib.sh; home=$(cd \"$STATE/server\" && pwd -P); DATA=$home/standby
                    BIN=$(dirname \"$(find \"$home/prefix\" -name pg_basebackup)\")";
        let output = Command::new("bash")
            .current_dir(project::root())
            .args(["-c", &format!("{head}\n{script}")])
            .env("CAPCONDUIT_STATE", &self.state)
            .output()
            .expect("bash runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    async fn connect(&self, db: &TestDb, login: &str) -> Client {
        let url = db
            .url(login)
            .replace(&format!(":{}/", db.cluster().port()), &format!(":{}/", self.port));
        let (client, connection) = tokio_postgres::connect(&url, NoTls)
            .await
            .expect("the standby answers");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.shell("as_server \"$BIN/pg_ctl\" stop --pgdata=\"$DATA\" --mode=immediate --silent || true");
    }
}

#[tokio::test]
async fn a_hot_standby_explains_and_rejects_and_reserves_nothing() {
    let db = TestDb::on_own_server(ClusterOptions::default()).await;
    let db = TestDb::sample_on(db.cluster().clone()).await;
    let primary = db.admin().await;
    primary.route("+18005550101", "call-1").await.unwrap().link();
    primary.log("ended", "+18005550101", "NOANSWER").await.unwrap();
    let copied = Standby::of(&db);
    let standby = copied.connect(&db, ADMIN).await;
    assert!(value::<bool>(&standby, "select pg_is_in_recovery()").await);
    for did in [
        "+18005550101",
        "+12125550102",
        "+13105550103",
        "+442075550104",
        "x",
    ] {
        assert_eq!(
            standby.explain(did).await.unwrap(),
            primary.explain(did).await.unwrap(),
            "{did}"
        );
    }
    assert_eq!(
        standby.explain("+18005550101").await.unwrap()[0].active,
        Some(1),
        "the call in flight is seen"
    );
    let wrong: i64 = value(&standby, "select count(*) from capconduit.verify_counters()").await;
    assert_eq!(wrong, 0);
    // A reject writes nothing, so it can be told here too.
    let unknown = standby.route("+19990001", "call-2").await.unwrap();
    assert_eq!(unknown.reject_reason(), "did_not_found");
    let ended = standby.route("+18005550101", "ended").await.unwrap();
    assert_eq!(ended.reject_reason(), "call_ended");
    // Everything else belongs to the primary, and says so.
    assert_eq!(sqlstate(standby.route("+18005550101", "call-2").await), "25006");
    assert_eq!(sqlstate(standby.log("call-1", "", "BUSY").await), "25006");
    assert_eq!(sqlstate(standby.answered("call-1").await), "25006");
}
