//! Every reason of a reject and the hangup cause that goes with it, and the order in which they apply.

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::support::{run, value};

async fn rejected(switch: &Client, did: &str, reason: &str, cause: i32) {
    let answer = switch.route(did, "call-rejected").await.unwrap();
    assert_eq!(
        (answer.reject_reason(), answer.hangup_cause),
        (reason, Some(cause))
    );
    assert_eq!(
        (answer.link_id, answer.attempt, answer.dial),
        (None, None, None),
        "a reject names nobody"
    );
}

#[tokio::test]
async fn the_first_thing_that_stops_a_call_is_its_reason() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(1)]).await;
    let did = scenario.did.as_str();
    // Everything is wrong at once; then it is mended from the first check to the last.
    run(
        &admin,
        &format!(
            "update dids set status = 'inactive' where id = {};
             update users set status = 'suspended' where id = {};
             update campaigns set status = 'inactive' where id = {};
             update campaign_client_settings set status = 'inactive' where id = {}",
            scenario.did_id, scenario.user_id, scenario.campaign_id, scenario.link_ids[0]
        ),
    )
    .await;
    rejected(&switch, "anonymous", "invalid_did_input", 1).await;
    rejected(&switch, "+1999000", "did_not_found", 1).await;
    rejected(&switch, did, "did_inactive", 1).await;
    let mend = async |table: &str, id: i64| {
        run(
            &admin,
            &format!("update {table} set status = 'active' where id = {id}"),
        )
        .await
    };
    mend("dids", scenario.did_id).await;
    rejected(&switch, did, "owner_inactive", 1).await;
    mend("users", scenario.user_id).await;
    rejected(&switch, did, "no_active_campaign_for_did", 1).await;
    mend("campaigns", scenario.campaign_id).await;
    rejected(&switch, did, "no_active_clients_in_campaign", 20).await;
    mend("campaign_client_settings", scenario.link_ids[0]).await;
    assert_eq!(
        switch.route(did, "call-1").await.unwrap().link(),
        scenario.link_ids[0]
    );
    rejected(&switch, did, "no_eligible_clients_available", 17).await;
    assert_invariants(&db).await;
}

#[tokio::test]
async fn every_status_but_active_stops_an_owner_or_a_campaign() {
    let db = TestDb::sample().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    for status in ["inactive", "pending_approval", "suspended"] {
        run(
            &admin,
            &format!("update users set status = '{status}' where id = 3"),
        )
        .await;
        rejected(&switch, "+18005550101", "owner_inactive", 1).await;
    }
    run(&admin, "update users set status = 'active' where id = 3").await;
    for status in ["inactive", "paused"] {
        run(
            &admin,
            &format!("update campaigns set status = '{status}' where id = 1"),
        )
        .await;
        rejected(&switch, "+18005550101", "no_active_campaign_for_did", 1).await;
    }
}

#[tokio::test]
async fn a_campaign_of_another_owner_never_takes_the_call() {
    let db = TestDb::sample().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    // Only an administrator can make such a row; the call is still not given to the other seller's campaign.
    run(
        &admin,
        "update campaign_dids set campaign_id = 3 where did_id = 1",
    )
    .await;
    rejected(&switch, "+18005550101", "no_active_campaign_for_did", 1).await;
}

#[tokio::test]
async fn nobody_reachable_is_not_the_same_as_everybody_full() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::Weighted, &[Link::cap(1), Link::cap(1)]).await;
    run(&admin, "update pjsip_aors set contact = null").await;
    rejected(&switch, &scenario.did, "no_active_clients_in_campaign", 20).await;
    // One that is full would have taken the call: busy, not gone.
    run(
        &admin,
        &format!(
            "update pjsip_aors set contact = 'sip:127.0.0.1' where client_id = {}",
            scenario.client_ids[1]
        ),
    )
    .await;
    assert_eq!(
        switch.route(&scenario.did, "call-1").await.unwrap().link(),
        scenario.link_ids[1]
    );
    rejected(&switch, &scenario.did, "no_eligible_clients_available", 17).await;
}

#[tokio::test]
async fn caps_count_calls_in_flight_and_calls_that_counted() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9).allowed(3)]).await;
    let did = scenario.did.as_str();
    switch.route(did, "call-1").await.unwrap().link();
    switch.log("call-1", did, "ANSWERED").await.unwrap();
    switch.route(did, "call-2").await.unwrap().link();
    switch.route(did, "call-3").await.unwrap().link();
    // One counted and two that may be: three.
    rejected(&switch, did, "no_eligible_clients_available", 17).await;
    switch.log("call-2", did, "NOANSWER").await.unwrap();
    switch.route(did, "call-4").await.unwrap().link();
    rejected(&switch, did, "no_eligible_clients_available", 17).await;
    run(
        &admin,
        "update campaign_client_settings set total_calls_allowed = null",
    )
    .await;
    switch.route(did, "call-5").await.unwrap().link();
    let counters: String = value(
        &admin,
        "select format('%s active, %s counted', active, total) from link_counters",
    )
    .await;
    assert_eq!(counters, "3 active, 1 counted");
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_number_is_taken_with_and_without_plus_and_nothing_else_is_guessed() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    for (n, did) in ["+18005550101", "18005550101", "  18005550101 "]
        .iter()
        .enumerate()
    {
        switch.route(did, &format!("call-{n}")).await.unwrap().link();
    }
    for did in [
        "",
        "+",
        "+1 800 555 0101",
        "0018005550101",
        "8005550101x",
        "١٨٠٠٥٥٥٠١٠١",
        "+1800555010112345",
        "\t18005550101",
    ] {
        rejected(&switch, did, "invalid_did_input", 1).await;
    }
}
