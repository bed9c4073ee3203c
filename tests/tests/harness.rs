//! The harness itself: a test that could not fail would start here.

use capconduit_tests::{
    ADMIN, API, ASTERISK, Calls, ClusterOptions, Link, SUPERUSER, Scenario, StopMode, Strategy, TestDb,
    assert_invariants,
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

#[tokio::test]
#[should_panic(expected = "active is 7, the rows behind it say 0")]
async fn a_wrong_counter_is_seen() {
    let db = TestDb::new().await;
    Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(10)]).await;
    db.superuser()
        .await
        .execute("update link_counters set active = 7", &[])
        .await
        .unwrap();
    assert_invariants(&db).await;
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
