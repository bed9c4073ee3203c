//! docs/HA.md is walked through as it stands, on two real servers: its blocks are run, with this machine's ports and
//! folders, and a password, put in.

use std::process::Command;

use capconduit_tests::{
    ASTERISK, Calls, Link, SUPERUSER, Scenario, StopMode, Strategy, TestDb, assert_invariants_at, free_port,
    project,
};
use tokio_postgres::{Client, NoTls};

use super::{blocks, read};
use crate::node::support::eventually;

/// The n-th block under a heading, from 0.
fn block(heading: &str, n: usize) -> String {
    blocks("docs/HA.md", &format!("## {heading}"))[n].clone()
}

struct Walk {
    db: TestDb,
    did: String,
    /// Of db1 and db2.
    ports: [u16; 2],
}

const FOLDERS: [&str; 2] = ["data", "db2"];

impl Walk {
    async fn at(&self, server: usize, login: &str) -> Client {
        let mut config = tokio_postgres::Config::new();
        let primary = self.db.config(login);
        config
            .host("127.0.0.1")
            .port(self.ports[server])
            .user(login)
            .dbname(self.db.name());
        config.password(primary.get_password().expect("a password"));
        config.options("-c search_path=capconduit");
        let (client, connection) = config.connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }

    /// As `postgres` on a server, in a shell, with what differs here.
    fn shell(&self, server: usize, commands: &str) {
        let commands = commands
            .replace("host=db1 ", &format!("host=127.0.0.1 port={} ", self.ports[0]))
            .replace("host=db2 ", &format!("host=127.0.0.1 port={} ", self.ports[1]))
            .replace(
                "/var/lib/postgresql/15/main",
                &format!("$HOME/{}", FOLDERS[server]),
            )
            .replace(
                "pg_ctl start ",
                &format!("pg_ctl start --options='-p {}' ", self.ports[server]),
            );
        let output = self.command(&commands).output().expect("bash");
        let log = self.db.cluster().state_folder().join("server/walk.log");
        let log = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(output.status.success(), "{commands}\n{output:?}\n{}", log());
    }

    /// A server that is started there keeps its output open: it goes to a file.
    fn command(&self, commands: &str) -> Command {
        let mut command = Command::new("bash");
        let inside = "set -euo pipefail; . scripts/lib/common.sh; home=$(cd \"$STATE/server\" && pwd -P)
            bin=$(dirname \"$(find \"$home/prefix\" -name pg_basebackup)\")
            as_server env HOME=\"$home\" PATH=\"$bin:/usr/bin:/bin\" sh -euc \"exec >>~/walk.log 2>&1; $1\"";
        command
            .current_dir(project::root())
            .args(["-c", inside, "bash", commands])
            .env("CAPCONDUIT_STATE", self.db.cluster().state_folder());
        command
    }

    /// Each statement of a block by itself, as psql sends them.
    async fn sql(&self, server: usize, statements: &str) {
        let superuser = self.at(server, SUPERUSER).await;
        for statement in statements.split_inclusive(";\n") {
            superuser
                .batch_execute(statement)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
    }

    /// Until the block's query, asked there, has a row like this.
    async fn shows(&self, server: usize, query: &str, row: &str) {
        let superuser = self.at(server, SUPERUSER).await;
        let query = query.trim().trim_end_matches(';');
        let sql = format!("select exists (select from ({query}) as shown where {row})");
        eventually(row, async || {
            superuser
                .query_one(&sql, &[])
                .await
                .expect("an answer")
                .get::<_, bool>(0)
        })
        .await;
    }

    async fn a_call(&self, server: usize, name: &str) {
        let switch = self.at(server, ASTERISK).await;
        switch.route(&self.did, name).await.expect("an answer").link();
        let logged = switch.log(name, &self.did, "ANSWERED").await.expect("an answer");
        assert_eq!(logged.status, "logged");
    }

    /// Everything that was logged until now, and no more.
    async fn has_calls(&self, server: usize, calls: i64) {
        let superuser = self.at(server, SUPERUSER).await;
        let row = superuser.query_one("select count(*) from call_logs", &[]).await;
        assert_eq!(row.expect("a number").get::<_, i64>(0), calls);
        let found = superuser
            .query("select * from verify_counters()", &[])
            .await
            .expect("rows");
        assert!(found.is_empty());
        assert_invariants_at(&superuser).await;
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        // Its guard knows the first server only.
        let _ = self
            .command("pg_ctl stop --pgdata=$HOME/db2 --mode=immediate")
            .output();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: copies a server twice"]
async fn two_servers_are_set_up_and_change_places_as_the_text_says() {
    let db = TestDb::on_own_server(Default::default()).await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(5)]).await;
    let ports = [db.cluster().port(), free_port()];
    let walk = Walk {
        db,
        did: scenario.did,
        ports,
    };
    walk.a_call(0, "before").await;

    let secret = "replication-password";
    walk.sql(0, &block("Set up", 0).replace('…', secret)).await;
    // Only the text's own line lets a standby in.
    let rule = block("Set up", 1).replace("10.0.0.0/24", "127.0.0.1/32");
    walk.shell(
        0,
        &format!("sed -i /replication/d ~/data/pg_hba.conf; echo '{rule}' >>~/data/pg_hba.conf"),
    );
    walk.sql(0, "select pg_reload_conf();\n").await;
    walk.shell(
        1,
        &format!("umask 077; echo '*:*:*:capconduit_replication:{secret}' >~/.pgpass"),
    );
    walk.shell(1, &block("Set up", 2));
    let standby = "application_name = 'db2' and state = 'streaming'";
    walk.shows(
        0,
        &block("Set up", 3),
        &format!("{standby} and sync_state = 'async'"),
    )
    .await;
    walk.sql(0, &block("Set up", 4)).await;
    walk.shows(
        0,
        &block("Set up", 3),
        &format!("{standby} and sync_state = 'sync'"),
    )
    .await;
    walk.a_call(0, "synchronous").await;

    walk.db.cluster().stop(StopMode::Kill).await;
    let text = read("docs/HA.md");
    let promote = text
        .split('`')
        .find(|code| code.starts_with("pg_ctl promote "))
        .expect("how to promote");
    walk.shell(1, promote);
    walk.has_calls(1, 2).await;
    walk.a_call(1, "promoted").await;

    walk.shell(0, &block("The old primary comes back", 0));
    let standby = "application_name = 'db1' and state = 'streaming'";
    walk.shows(
        1,
        &block("Set up", 3),
        &format!("{standby} and sync_state = 'async'"),
    )
    .await;
    walk.a_call(1, "followed").await;

    walk.sql(1, &block("A planned switchover", 0)).await;
    walk.at(1, ASTERISK)
        .await
        .route(&walk.did, "closed")
        .await
        .expect_err("nobody writes");
    walk.shows(
        1,
        &block("A planned switchover", 1),
        "application_name = 'db1' and has_it_all",
    )
    .await;
    walk.sql(0, "select pg_promote();\n").await;
    walk.has_calls(0, 4).await;
    walk.a_call(0, "home again").await;
    // And the other one comes back, as the text says of the first.
    walk.shell(1, "pg_ctl stop --pgdata=$HOME/db2 --mode=fast");
    let again = block("The old primary comes back", 0).replace("host=db2", "host=db1");
    walk.shell(
        1,
        &again
            .replace("application_name=db1", "application_name=db2")
            .replace("slot=db1", "slot=db2"),
    );
    let standby = "application_name = 'db2' and state = 'streaming'";
    walk.shows(0, &block("Set up", 3), standby).await;
    walk.has_calls(0, 5).await;
}
