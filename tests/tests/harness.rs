//! The harness itself: a test that could not fail would start here.

use std::time::Duration;

use capconduit_tests::{
    ADMIN, API, ASTERISK, Calls, ClusterOptions, Link, SUPERUSER, Scenario, StopMode, Strategy, TestDb,
    Watch, assert_consistent, assert_invariants,
};

#[tokio::test]
async fn every_login_role_connects() {
    let db = TestDb::new().await;
    for login in [SUPERUSER, ADMIN, API, ASTERISK] {
        let client = db.connect_as(login).await;
        let who: String = client
            .query_one("select current_user::text", &[])
            .await
            .unwrap()
            .get(0);
        assert!(
            who == login || (login == ADMIN && who == "capconduit_owner"),
            "{login} is {who}"
        );
    }
}

#[tokio::test]
async fn each_database_is_a_test_s_own() {
    let (one, other) = (TestDb::new().await, TestDb::new().await);
    let (one, other) = (one.admin().await, other.admin().await);
    Scenario::new(&one, Strategy::Priority, &[Link::cap(1)]).await;
    let users: i64 = other
        .query_one("select count(*) from capconduit.users", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(users, 0);
}

#[tokio::test]
async fn a_call_is_routed_and_logged() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(1)]).await;
    let switch = db.asterisk().await;
    assert_eq!(
        switch.route(&scenario.did, "call-1").await.unwrap().link(),
        scenario.link_ids[0]
    );
    let second = switch.route(&scenario.did, "call-2").await.unwrap();
    assert_eq!(second.reject_reason(), "no_eligible_clients_available");
    assert_invariants(&db).await;
    assert_eq!(
        switch
            .log("call-1", &scenario.did, "ANSWERED")
            .await
            .unwrap()
            .status,
        "logged"
    );
    assert_invariants(&db).await;
}

/// An assertion that never fails would make every test built on it worthless: each promise is broken once.
#[tokio::test]
async fn every_broken_promise_is_seen() {
    const COPY_OF_THE_RECORD: &str = "
        alter table call_logs drop constraint call_logs_asterisk_uniqueid_key;
        insert into call_logs (asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, counted)
        select asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, false
          from call_logs where asterisk_uniqueid = 'ended'";
    let broken = [
        (
            "update link_counters set active = 7",
            "active is 7, the rows behind it say 1",
        ),
        (
            "update link_counters set total = 7",
            "total is 7, the rows behind it say 1",
        ),
        (
            "update campaign_client_settings set total_calls_allowed = 1",
            "1 counted and 1 in flight, 1 allowed",
        ),
        (COPY_OF_THE_RECORD, "call ended has 2 records"),
        (
            "update live_calls set uniqueid = 'ended'",
            "call ended is recorded and still in flight",
        ),
    ];
    for (sql, seen) in broken {
        let (db, _) = one_call_ended_one_in_flight().await;
        assert_invariants(&db).await;
        db.superuser().await.batch_execute(sql).await.unwrap();
        let report = tokio::spawn(async move { assert_invariants(&db).await })
            .await
            .unwrap_err();
        let report = *report.into_panic().downcast::<String>().unwrap();
        assert!(report.contains(seen), "{sql}: {report}");
    }
}

#[tokio::test]
async fn a_lowered_cap_is_no_inconsistency() {
    let (db, scenario) = one_call_ended_one_in_flight().await;
    let switch = db.asterisk().await;
    switch
        .route(&scenario.did, "second in flight")
        .await
        .unwrap()
        .link();
    let admin = db.admin().await;
    admin
        .batch_execute("update campaign_client_settings set max_concurrency = 1")
        .await
        .unwrap();
    assert_consistent(&db).await;
    let report = tokio::spawn(async move { assert_invariants(&db).await })
        .await
        .unwrap_err();
    let report = *report.into_panic().downcast::<String>().unwrap();
    assert!(
        report.contains("2 calls hold a slot, max_concurrency is 1"),
        "{report}"
    );
}

#[tokio::test]
async fn a_watch_reports_what_lasted_only_a_moment() {
    let (db, _) = one_call_ended_one_in_flight().await;
    let watch = Watch::start(&db, Duration::from_millis(1)).await;
    let superuser = db.superuser().await;
    superuser
        .batch_execute("update link_counters set active = 2")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    superuser
        .batch_execute("update link_counters set active = 1")
        .await
        .unwrap();
    let report = tokio::spawn(watch.finish()).await.unwrap_err();
    let report = *report.into_panic().downcast::<String>().unwrap();
    assert!(report.contains("active is 2"), "{report}");
    assert_invariants(&db).await;
}

async fn one_call_ended_one_in_flight() -> (TestDb, Scenario) {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(2)]).await;
    let switch = db.asterisk().await;
    for uniqueid in ["ended", "in flight"] {
        switch.route(&scenario.did, uniqueid).await.unwrap().link();
    }
    assert_eq!(
        switch
            .log("ended", &scenario.did, "ANSWERED")
            .await
            .unwrap()
            .status,
        "logged"
    );
    (db, scenario)
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_it_had_answered() {
    let db = TestDb::on_own_server(ClusterOptions::default()).await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(1)]).await;
    let switch = db.asterisk().await;
    let routed = switch.route(&scenario.did, "call-1").await.unwrap();
    db.cluster().stop(StopMode::Kill).await;
    assert!(switch.route(&scenario.did, "call-1").await.is_err());
    db.cluster().start().await;
    assert_eq!(
        db.asterisk().await.route(&scenario.did, "call-1").await.unwrap(),
        routed
    );
    assert_invariants(&db).await;
}
