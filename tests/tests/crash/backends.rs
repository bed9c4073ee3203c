//! One connection breaks, not the server: its backend is killed, or its client is cut off before or after the
//! commit. No slot leaks, and the switch that asks again gets the answer that was lost.

use std::process::Command;

use capconduit_tests::{ASTERISK, Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use super::{Crashable, ask};

/// A connection that can be cut, as a broken network does.
async fn cuttable(db: &TestDb) -> (Client, JoinHandle<()>) {
    let (client, connection) = db.config(ASTERISK).connect(NoTls).await.expect("a connection");
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    (client, driver)
}

async fn slots(db: &TestDb) -> i64 {
    let sql = "select sum(active) from link_counters";
    db.superuser().await.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_client_cut_off_before_the_commit_asks_again() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(2); 2]).await;
    let mut holder = db.superuser().await;
    let lock = holder.transaction().await.unwrap();
    lock.execute("select from link_counters for update", &[])
        .await
        .unwrap();
    let (client, driver) = cuttable(&db).await;
    let did = scenario.did.clone();
    let asked = ask(async move { client.route(&did, "call-1").await }).await;
    driver.abort();
    lock.rollback().await.unwrap();
    assert!(asked.answer().await.is_err(), "the connection was cut");
    // Its backend may still be at it: this one takes its turn behind it, and gets the same slot or a first one.
    let again = db.asterisk().await.route(&scenario.did, "call-1").await.unwrap();
    assert_eq!(again.attempt, Some(1));
    assert_eq!(slots(&db).await, 1);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_broken_connection_leaks_nothing() {
    let server = Crashable::start(&[]).await;
    a_client_cut_off_after_the_commit_asks_again(&server).await;
    a_killed_backend_takes_nothing_with_it(&server).await;
    a_caller_whose_backend_was_killed_has_not_called(&server).await;
}

async fn a_client_cut_off_after_the_commit_asks_again(server: &Crashable) {
    let db = server.database().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(2); 2]).await;
    let (client, driver) = cuttable(&db).await;
    let did = scenario.did.clone();
    let stall = server.stall(&db).await;
    let asked = ask(async move { client.route(&did, "call-1").await }).await;
    assert_eq!(slots(&db).await, 1, "the commit is done, only the disk is not");
    driver.abort();
    assert!(asked.answer().await.is_err(), "the connection was cut");
    drop(stall);
    let again = db.asterisk().await.route(&scenario.did, "call-1").await.unwrap();
    assert_eq!(again.link(), scenario.link_ids[0]);
    assert_eq!(slots(&db).await, 1);
    assert_invariants(&db).await;
}

async fn a_killed_backend_takes_nothing_with_it(server: &Crashable) {
    let db = server.database().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(2); 2]).await;
    let first = db.asterisk().await.route(&scenario.did, "call-1").await.unwrap();
    let victim = db.asterisk().await;
    victim.batch_execute("begin").await.unwrap();
    victim.route(&scenario.did, "call-2").await.unwrap().link();
    victim.next("call-1", 1, "BUSY").await.unwrap().link();
    let pid: i32 = victim
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    kill(pid);
    // PostgreSQL restarts all backends: they may share damaged memory with the dead one.
    let switch = back_again(&db).await;
    assert_eq!(switch.route(&scenario.did, "call-1").await.unwrap(), first);
    assert_eq!(slots(&db).await, 1);
    assert_invariants(&db).await;
    let logged = switch.log("call-1", &scenario.did, "ANSWERED").await.unwrap();
    assert_eq!(logged.status, "logged");
    assert_invariants(&db).await;
}

async fn a_caller_whose_backend_was_killed_has_not_called(server: &Crashable) {
    const CALLER: &str = "+4930123456";
    let db = server.database().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let redial = "update campaigns set min_redial_seconds = 86400";
    admin.execute(redial, &[]).await.unwrap();
    let victim = db.asterisk().await;
    let pid = "select pg_backend_pid()";
    let pid: i32 = victim.query_one(pid, &[]).await.unwrap().get(0);
    victim.batch_execute("begin").await.unwrap();
    victim
        .route_on(&scenario.did, "killed", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    kill(pid);
    let switch = back_again(&db).await;
    let route = async |uniqueid: &str| {
        switch
            .route_on(&scenario.did, uniqueid, CALLER, "pbx1")
            .await
            .unwrap()
    };
    route("first").await.link();
    assert_eq!(route("second").await.reject_reason(), "redial_too_soon");
    assert_eq!(slots(&db).await, 1);
    assert_invariants(&db).await;
}

fn kill(pid: i32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.unwrap().success());
}

async fn back_again(db: &TestDb) -> Client {
    for _ in 0..600 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if let Ok((client, connection)) = db.config(ASTERISK).connect(NoTls).await {
            tokio::spawn(connection);
            if client.execute("select 1", &[]).await.is_ok() {
                return client;
            }
        }
    }
    panic!("the server did not come back");
}
