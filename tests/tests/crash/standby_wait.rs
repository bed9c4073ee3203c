//! A synchronous standby that is away: a call's commit waits for it as long as a statement may take, and then the
//! connection ends without an answer. Nobody is told what no standby has.

use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Link, Scenario, Standby, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{ask, soon, until};

const LIMIT: Duration = Duration::from_millis(700);

async fn limited(db: &TestDb) -> Client {
    let switch = db.asterisk().await;
    let sql = format!("set statement_timeout = {}", LIMIT.as_millis());
    switch.batch_execute(&sql).await.unwrap();
    switch
}

/// It came when the limit was over, and it is the connection's end: neither an answer nor an error of the statement.
async fn ends_unanswered<T: std::fmt::Debug>(
    switch: &Client,
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) {
    let since = Instant::now();
    let error = soon(asking).await.expect_err("no standby has it");
    assert!(since.elapsed() >= LIMIT, "{:?}: {error:?}", since.elapsed());
    assert!(error.is_closed() || switch.is_closed(), "{error:?}");
}

#[tokio::test]
async fn a_call_waits_for_a_standby_as_long_as_a_statement_may_take() {
    let db = TestDb::on_own_server(Default::default()).await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(9)]).await;
    let superuser = db.superuser().await;
    for sql in [
        "set synchronous_commit = local",
        "alter system set synchronous_standby_names = 'away'",
        "select pg_reload_conf()",
    ] {
        superuser.batch_execute(sql).await.unwrap();
    }
    until(
        &db,
        "select current_setting('synchronous_standby_names') = 'away'",
    )
    .await;
    // The checkpointer tells the others that there are standbys: give it a moment.
    tokio::time::sleep(Duration::from_millis(300)).await;

    let did = scenario.did.as_str();
    let switch = limited(&db).await;
    ends_unanswered(&switch, switch.route(did, "call-1")).await;
    // It is committed here, and what rests on it is told as little.
    let switch = limited(&db).await;
    ends_unanswered(&switch, switch.route(did, "call-1")).await;
    let switch = limited(&db).await;
    switch.batch_execute("begin").await.unwrap();
    switch.log("call-1", did, "BUSY").await.unwrap();
    ends_unanswered(&switch, switch.batch_execute("commit")).await;

    // Whoever waits for no standby is not meant, and neither is who set no limit.
    let local = limited(&db).await;
    local
        .batch_execute("set synchronous_commit = local")
        .await
        .unwrap();
    soon(local.route(did, "call-2")).await.unwrap().link();
    tokio::time::sleep(LIMIT * 2).await;
    assert_eq!(
        soon(local.log("call-2", did, "BUSY")).await.unwrap().status,
        "logged"
    );
    let patient = db.asterisk().await;
    patient.batch_execute("set statement_timeout = 0").await.unwrap();
    let number = scenario.did.clone();
    let mut asked = ask(async move { patient.route(&number, "call-3").await.unwrap() }).await;
    tokio::time::sleep(LIMIT * 2).await;
    asked.is_silent().await;

    for sql in [
        "alter system reset synchronous_standby_names",
        "select pg_reload_conf()",
    ] {
        superuser.batch_execute(sql).await.unwrap();
    }
    asked.answer().await.link();
    let switch = limited(&db).await;
    assert_eq!(
        soon(switch.log("call-1", did, "BUSY")).await.unwrap().status,
        "duplicate"
    );
    assert_invariants(&db).await;
}

/// As docs/HA.md says: the death of one of two is nobody's business, that of the second is.
#[tokio::test]
async fn of_two_standbys_one_may_die() {
    let db = TestDb::on_own_server(Default::default()).await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(9)]).await;
    let did = scenario.did.as_str();
    let db2 = Standby::of(db.cluster(), "db2").await;
    let db3 = Standby::of(db.cluster(), "db3").await;
    let superuser = db.superuser().await;
    for sql in [
        "set synchronous_commit = local",
        "alter system set synchronous_standby_names = 'any 1 (db2, db3)'",
        "select pg_reload_conf()",
    ] {
        superuser.batch_execute(sql).await.unwrap();
    }
    let both = "select count(*) = 2 from pg_stat_replication where sync_state = 'quorum'";
    until(&db, both).await;
    db2.dies().await;
    let switch = limited(&db).await;
    for n in 0..20 {
        let id = format!("call-{n}");
        soon(switch.route(did, &id)).await.unwrap().link();
        assert_eq!(soon(switch.log(&id, did, "BUSY")).await.unwrap().status, "logged");
    }
    db3.dies().await;
    ends_unanswered(&switch, switch.route(did, "call-x")).await;
    // One of them is back.
    db2.start().await;
    let switch = limited(&db).await;
    until(
        &db,
        "select exists (select from pg_stat_replication where state = 'streaming')",
    )
    .await;
    soon(switch.route(did, "call-x")).await.unwrap().link();
    assert_invariants(&db).await;
}
