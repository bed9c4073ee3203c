//! The sample data, as a newcomer tries it: every sentence of the README's first minutes, asked as the switch.

use capconduit_tests::{Calls, Target, TestDb, assert_invariants};

use super::support::{run, value};

const PRIORITY: &str = "+18005550101";
const ROUND_ROBIN: &str = "+12125550102";
const WEIGHTED: &str = "+13105550103";
const INACTIVE: &str = "+442075550104";

#[tokio::test]
async fn ten_calls_fill_alpha_and_the_eleventh_gets_beta() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let first = switch.route(PRIORITY, "call-1").await.unwrap();
    assert_eq!(
        first,
        Target {
            status: "ok".into(),
            reason: None,
            hangup_cause: None,
            attempt: Some(1),
            link_id: Some(1),
            client_identifier: Some("client_alpha_sales".into()),
            dial: Some("PJSIP/client_alpha_sales".into()),
            dial_timeout_seconds: Some(25),
            max_call_seconds: Some(14_400),
            caller_id: Some("Alice Leads <+18005551111>".into()),
            campaign_id: Some(1),
            decision: Some("1=selected|2=eligible".into()),
        }
    );
    for n in 2..=10 {
        assert_eq!(
            switch.route(PRIORITY, &format!("call-{n}")).await.unwrap().link(),
            1
        );
    }
    for n in 11..=15 {
        let target = switch.route(PRIORITY, &format!("call-{n}")).await.unwrap();
        assert_eq!(
            target.client_identifier.as_deref(),
            Some("client_beta_support"),
            "call {n}"
        );
        assert_eq!(target.decision.as_deref(), Some("2=selected|1=concurrency_cap"));
    }
    let full = switch.route(PRIORITY, "call-16").await.unwrap();
    assert_eq!(full.reject_reason(), "no_eligible_clients_available");
    assert_eq!(full.hangup_cause, Some(17));
    assert_eq!(
        full.decision.as_deref(),
        Some("1=concurrency_cap|2=concurrency_cap")
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn round_robin_alternates_strictly() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let mut clients = Vec::new();
    for n in 1..=12 {
        let target = switch.route(ROUND_ROBIN, &format!("call-{n}")).await.unwrap();
        clients.push(target.client_identifier.unwrap());
    }
    let pair = ["client_beta_support", "client_gamma_intake"];
    assert_eq!(clients, pair.repeat(6));
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_client_at_its_total_gets_no_call_and_an_inactive_one_neither() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    for n in 1..=5 {
        let target = switch.route(WEIGHTED, &format!("call-{n}")).await.unwrap();
        assert_eq!(target.client_identifier.as_deref(), Some("client_alpha_sales"));
        assert_eq!(
            target.decision.as_deref(),
            Some("6=selected|5=total_cap|7=link_inactive")
        );
    }
    let full = switch.route(WEIGHTED, "call-6").await.unwrap();
    assert_eq!(full.reject_reason(), "no_eligible_clients_available");
    assert_eq!(
        full.decision.as_deref(),
        Some("5=total_cap|6=concurrency_cap|7=link_inactive")
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn inactive_and_unknown_numbers_are_rejected_with_reason_and_cause() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    for (did, reason) in [
        (INACTIVE, "did_inactive"),
        ("+19995550000", "did_not_found"),
        ("1-800", "invalid_did_input"),
    ] {
        let answer = switch.route(did, "call-1").await.unwrap();
        assert_eq!(answer.reject_reason(), reason);
        assert_eq!(answer.hangup_cause, Some(1));
        assert_eq!(answer.dial, None);
    }
    let live: i64 = value(&db.superuser().await, "select count(*) from live_calls").await;
    assert_eq!(live, 0, "a reject leaves nothing behind");
}

#[tokio::test]
async fn next_target_walks_on_and_never_repeats() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    assert_eq!(switch.route(PRIORITY, "call-1").await.unwrap().link(), 1);
    let second = switch.next("call-1", 1, "BUSY").await.unwrap();
    assert_eq!((second.link(), second.attempt), (2, Some(2)));
    assert_eq!(
        second.decision.as_deref(),
        Some("1=selected|2=eligible;2:2=selected|1=already_tried")
    );
    let nobody = switch.next("call-1", 2, "NOANSWER").await.unwrap();
    assert_eq!(nobody.reject_reason(), "no_more_targets");
    assert_eq!(nobody.hangup_cause, Some(17), "the first one was busy");
    assert_invariants(&db).await;
}

#[tokio::test]
async fn log_call_counts_once_whatever_is_repeated() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let superuser = db.superuser().await;
    let counter =
        "select format('%s active, %s counted', active, total) from link_counters where link_id = 1";
    assert_eq!(value::<String>(&superuser, counter).await, "0 active, 1 counted");
    switch.route(PRIORITY, "call-1").await.unwrap();
    assert_eq!(value::<String>(&superuser, counter).await, "1 active, 1 counted");
    let logged = switch.log("call-1", PRIORITY, "ANSWERED").await.unwrap();
    assert_eq!(logged.status, "logged");
    for status in ["ANSWERED", "ANSWERED", "BUSY"] {
        let again = switch.log("call-1", PRIORITY, status).await.unwrap();
        assert_eq!(
            (again.status.as_str(), again.cdr_id),
            ("duplicate", logged.cdr_id)
        );
        assert_eq!(value::<String>(&superuser, counter).await, "0 active, 2 counted");
    }
    let late = switch.route(PRIORITY, "call-1").await.unwrap();
    assert_eq!(
        (late.reject_reason(), late.hangup_cause),
        ("call_ended", Some(16))
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn every_client_gets_its_way_to_be_reached_and_its_caller_id() {
    let db = TestDb::sample().await;
    run(
        &db.superuser().await,
        "update pjsip_endpoints set callerid = null where client_id = 2",
    )
    .await;
    let switch = db.asterisk().await;
    let beta = switch.route(ROUND_ROBIN, "call-1").await.unwrap();
    assert_eq!(beta.dial.as_deref(), Some("PJSIP/client_beta_support"));
    assert_eq!(beta.caller_id, None, "the caller's own is passed on");
    let gamma = switch.route(ROUND_ROBIN, "call-2").await.unwrap();
    assert_eq!(gamma.caller_id.as_deref(), Some("Bob Broker <+19005553333>"));
    assert_eq!(gamma.dial_timeout_seconds, Some(35), "the campaign's own timeout");
}
