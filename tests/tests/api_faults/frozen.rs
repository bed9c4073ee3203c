//! The service stopped in mid-write, as by Ctrl-Z or a machine that stands still: what it has in hand, calls must get back.

use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestApi, TestDb, assert_consistent};
use serde_json::json;

use super::support::{cookie, eventually, signal};

/// A write holds its link's counter between two statements. A call that waits for it gives up after 3 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_refused_for_a_write_that_stands_still() {
    let db = TestDb::sample().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(1000)]).await;
    let api = TestApi::start(&db).await;
    let admin = api.nobody().with("cookie", &cookie(&api, "platform_admin").await);
    let (superuser, switch) = (db.superuser().await, db.asterisk().await);
    switch.route(&scenario.did, "warm").await.unwrap().link();

    // Its statement waits behind the audit log, with the counter in hand, until the service is stopped.
    superuser
        .batch_execute("begin; lock table audit_log in share mode")
        .await
        .unwrap();
    let path = format!("/api/admin/links/{}/adjust", scenario.link_ids[0]);
    let change = json!({"delta": 5, "reason": "frozen"});
    let writing = tokio::spawn(async move { admin.send("POST", &path, Some(&change)).await });
    let waits =
        "select count(*) from pg_locks where relation = 'capconduit.audit_log'::regclass and not granted";
    eventually("the write waits", || async {
        superuser.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    signal("STOP", &[api.pid()]);
    superuser.batch_execute("rollback").await.unwrap();
    let stopped = Instant::now();
    let routed = switch.route(&scenario.did, "call").await;
    let took = stopped.elapsed();
    println!("a call waited {took:.1?}");
    routed.expect("a call waits, and is not refused").link();
    assert!(
        took > Duration::from_millis(1000),
        "the counter was held: {took:?}"
    );

    signal("CONT", &[api.pid()]);
    writing.await.unwrap().problem(503, "database_unavailable");
    let total = "select total from link_counters where link_id = $1";
    let total = superuser
        .query_one(total, &[&scenario.link_ids[0]])
        .await
        .unwrap();
    assert_eq!(total.get::<_, i64>(0), 0, "the write was rolled back");
    eventually("the service is ready", || async {
        api.nobody().get("/ready").await.status == 200
    })
    .await;
    assert_consistent(&db).await;
}
