//! Many migrates at one time, beside each other and beside calls.

use std::time::Duration;

use capconduit_tests::{
    ADMIN, Calls, ClusterOptions, Link, SUPERUSER, Scenario, Strategy, TestCluster, TestDb,
    assert_invariants, project,
};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{capconduit, command};
use crate::node::support::signal;

/// Roles belong to the cluster, the lock to the database: so two databases of a cluster that knows no roles yet.
#[tokio::test]
async fn twenty_on_each_of_two_databases_leave_one_result_each() {
    let cluster = TestCluster::start_with(ClusterOptions::default()).await;
    let databases = [
        TestDb::bare_on(cluster.clone()).await,
        TestDb::bare_on(cluster.clone()).await,
    ];
    let roles = "select count(*) from pg_roles where rolname like 'capconduit%'";
    let server = databases[0].connect_as(SUPERUSER).await;
    assert_eq!(server.query_one(roles, &[]).await.unwrap().get::<_, i64>(0), 0);

    let mut runs = JoinSet::new();
    for number in 0..40 {
        let url = databases[number % 2].url(SUPERUSER);
        runs.spawn(async move { (number % 2, capconduit(&url, &["migrate"]).await.ok()) });
    }
    let mut made = [0, 0];
    while let Some(run) = runs.join_next().await {
        let (database, run) = run.unwrap();
        made[database] += usize::from(run.out.contains("V1__tables"));
    }
    assert_eq!(made, [1, 1], "one of twenty makes the tables");
    assert_eq!(server.query_one(roles, &[]).await.unwrap().get::<_, i64>(0), 8);
    for database in &databases {
        let client = database.connect_as(SUPERUSER).await;
        let history = "select count(*) from capconduit.refinery_schema_history";
        let applied: i64 = client.query_one(history, &[]).await.unwrap().get(0);
        assert_eq!(applied, numbered_files());
        let check = capconduit(&database.url(SUPERUSER), &["migrate", "--check"]).await;
        assert_eq!(check.code, 0, "{check:?}");
    }
}

fn numbered_files() -> i64 {
    let files = std::fs::read_dir(project::root().join("migrations")).unwrap();
    files
        .filter(|file| {
            file.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with('V')
        })
        .count() as i64
}

/// A migrate that finds a table in use steps back: calls go on, and it is done when the table is free.
#[tokio::test]
async fn calls_go_on_while_a_migrate_waits_for_a_table() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[Link::cap(1000), Link::cap(1000)]).await;
    admin
        .batch_execute("begin; lock table capconduit.audit_log in access share mode")
        .await
        .unwrap();

    let mut migrate = command(&db.url(ADMIN), &["migrate", "--force"], &[])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut routed = 0;
    let switch = db.asterisk().await;
    let until = tokio::time::Instant::now() + Duration::from_secs(4);
    while tokio::time::Instant::now() < until {
        // Its lock_timeout of 3 s would make a call that waits for the migrate's end an error.
        let uniqueid = format!("call-{routed}");
        assert!(switch.route(&scenario.did, &uniqueid).await.unwrap().is_ok());
        let logged = switch.log(&uniqueid, &scenario.did, "ANSWERED").await.unwrap();
        assert_eq!(logged.status, "logged");
        routed += 1;
    }
    assert!(migrate.try_wait().unwrap().is_none(), "the table is still held");
    admin.batch_execute("commit").await.unwrap();
    let output = migrate.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("a table is in use"), "{said}");
    assert_invariants(&db).await;
    assert!(
        !db.cluster()
            .log()
            .contains(&format!("deadlock detected on {}", db.name()))
    );
}

#[tokio::test]
async fn a_second_migrate_waits_for_the_first_only_so_long() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    admin
        .batch_execute("begin; lock table capconduit.audit_log in access share mode")
        .await
        .unwrap();
    let mut first = command(&db.url(ADMIN), &["migrate", "--force"], &[]);
    let first = first.stdout(std::process::Stdio::null()).spawn().unwrap();
    let at_work = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
                    where l.locktype = 'advisory' and l.granted and d.datname = current_database()";
    let mut tries = 0..200;
    while admin.query_one(at_work, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(tries.next().is_some(), "the first migrate takes its lock");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    capconduit(&db.url(SUPERUSER), &["migrate", "--wait", "1"])
        .await
        .refused("another migrate or wipe is at work");
    capconduit(&db.url(SUPERUSER), &["wipe", "--database-name", db.name()])
        .await
        .refused("another migrate or wipe is at work");
    admin.batch_execute("commit").await.unwrap();
    assert!(first.wait_with_output().await.unwrap().status.success());
}

/// A migrate that is stopped between two statements with every table locked. Where it was too quick: again.
async fn stopped_with_every_lock(db: &TestDb) -> Child {
    let superuser = db.superuser().await;
    let held = superuser
        .prepare(
            "select exists (select from pg_locks l where l.relation = 'capconduit.live_calls'::regclass
                               and l.mode = 'AccessExclusiveLock' and l.granted)",
        )
        .await
        .unwrap();
    let idle = "select count(*) from pg_stat_activity
                 where datname = current_database() and application_name = 'capconduit migrate'
                   and state = 'idle in transaction'";
    for _ in 0..20 {
        let mut migrate = command(&db.url(ADMIN), &["migrate", "--force"], &[])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = migrate.id().unwrap();
        while migrate.try_wait().unwrap().is_none() {
            if superuser.query_one(&held, &[]).await.unwrap().get(0) {
                signal("STOP", pid);
                break;
            }
        }
        // What it had asked for when it was stopped is done first.
        sleep(Duration::from_millis(1500)).await;
        if superuser.query_one(idle, &[]).await.unwrap().get::<_, i64>(0) == 1
            && superuser.query_one(&held, &[]).await.unwrap().get(0)
        {
            return migrate;
        }
        signal("CONT", pid);
        assert!(migrate.wait_with_output().await.unwrap().status.success());
    }
    panic!("twenty times it could not be stopped in time");
}

/// Ctrl-Z, a laptop that is closed, a machine without power: to the server it is a client that says nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migrate_that_is_stopped_gives_its_locks_back() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(1000)]).await;
    let switch = db.asterisk().await;
    let migrate = stopped_with_every_lock(&db).await;
    let stopped = Instant::now();
    let mut refused = 0;
    while let Err(error) = switch.route(&scenario.did, "call").await {
        assert_eq!(error.code().map(|code| code.code()), Some("55P03"), "{error:?}");
        refused += 1;
        assert!(stopped.elapsed() < Duration::from_secs(15), "calls go on");
    }
    println!(
        "calls went on after {:.1?}, {refused} tries were refused",
        stopped.elapsed()
    );
    assert!(refused > 0, "it held the locks");
    signal("CONT", migrate.id().unwrap());
    let ended = migrate.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("idle-in-transaction timeout"), "{said}");
    capconduit(&db.url(ADMIN), &["migrate", "--force"]).await.ok();
    let logged = switch.log("call", &scenario.did, "ANSWERED").await.unwrap();
    assert_eq!(logged.status, "logged");
    assert_invariants(&db).await;
}
