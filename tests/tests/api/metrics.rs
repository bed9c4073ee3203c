//! /metrics: what the service counted, what the database tells, and that no caller can make labels.

use std::time::Duration;

use capconduit_tests::{Calls, TestApi};
use serde_json::json;

use super::support::{World, run};

/// The value of one line: `name{labels}`; 0 when nothing was counted under it yet.
async fn metric(api: &TestApi, line: &str) -> f64 {
    let text = api.metrics().await;
    let value = text
        .lines()
        .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}

/// What the database tells is up to ten seconds late; the limit is one that no slow machine reaches.
async fn becomes(api: &TestApi, line: &str, expected: f64) {
    for _ in 0..240 {
        if metric(api, line).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{line} never was {expected}:\n{}", api.metrics().await);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let world = World::new().await;
    let route = r#"method="GET",route="/api/seller/dids/{id}""#;
    for id in ["1", "2", "3", "x"] {
        world.alice.get(&format!("/api/seller/dids/{id}")).await;
    }
    let count = |status: u16| format!(r#"capconduit_http_requests_total{{{route},status="{status}"}}"#);
    assert_eq!(metric(&world.api, &count(200)).await, 2.0);
    assert_eq!(metric(&world.api, &count(404)).await, 2.0);
    let seconds = format!("capconduit_http_request_seconds_count{{{route}}}");
    assert_eq!(metric(&world.api, &seconds).await, 4.0);
    let bucket = format!(r#"capconduit_http_request_seconds_bucket{{{route},le="+Inf"}}"#);
    assert_eq!(metric(&world.api, &bucket).await, 4.0);
    // The four sessions of this world.
    assert_eq!(metric(&world.api, "capconduit_login_seconds_count").await, 4.0);
    assert!(metric(&world.api, r#"capconduit_pool_connections{state="idle"}"#).await >= 1.0);
    assert_eq!(
        metric(&world.api, r#"capconduit_pool_connections{state="awaited"}"#).await,
        0.0
    );
}

#[tokio::test]
async fn nobody_makes_labels() {
    let world = World::new().await;
    let nobody = world.api.nobody();
    for n in 0..20 {
        nobody
            .get(&format!("/no/such/address/{n}"))
            .await
            .expect_status(404);
        nobody.send(&format!("METHOD{n}"), "/health", None).await;
        let call = json!({"asteriskUniqueid": format!("label-{n}"), "incomingDidNumber": "+19990001",
            "timestampStart": "2026-01-01T00:00:00Z", "callStatus": format!("MADE_UP_{n}")});
        world
            .api
            .switch()
            .post("/api/internal/log_call", call)
            .await
            .expect_status(201);
    }
    let unmatched = r#"capconduit_http_requests_total{method="GET",route="unmatched",status="404"}"#;
    assert_eq!(metric(&world.api, unmatched).await, 20.0);
    let text = world.api.metrics().await;
    assert!(text.contains(r#"method="other",route="/health""#), "{text}");
    assert!(!text.contains("METHOD") && !text.contains("such"), "{text}");
    // The metrics are not at the service's own address, nor the service at theirs.
    nobody.get("/metrics").await.expect_status(404);
}

#[tokio::test]
async fn the_database_tells_about_calls() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    let superuser = world.db.superuser().await;
    // The first look is where counting begins.
    assert_eq!(metric(&world.api, "capconduit_database_up").await, 1.0);
    assert_eq!(
        metric(&world.api, r#"capconduit_call_records_total{status="ANSWERED"}"#).await,
        0.0
    );

    for n in 1..=3 {
        switch
            .route("+18005550101", &format!("held-{n}"))
            .await
            .unwrap()
            .link();
    }
    switch.log("held-1", "+18005550101", "ANSWERED").await.unwrap();
    switch
        .log("rejected", "+19990001", "REJECTED_DID_NOT_FOUND")
        .await
        .unwrap();
    switch.log("odd", "+19990001", "MADE_UP").await.unwrap();
    // Released by hand: the record says LOST.
    run(&superuser, "select * from release_call('held-2', 'a test')").await;
    for (line, expected) in [
        (r#"capconduit_call_records_total{status="ANSWERED"}"#, 1.0),
        (
            r#"capconduit_call_records_total{status="REJECTED_DID_NOT_FOUND"}"#,
            1.0,
        ),
        (r#"capconduit_call_records_total{status="other"}"#, 1.0),
        (r#"capconduit_calls_ended_total{routed="no"}"#, 2.0),
    ] {
        becomes(&world.api, line, expected).await;
    }
    // A lease that is over shows as long as the service cannot give its slot back: somebody has the row locked.
    run(
        &superuser,
        "update live_calls set lease_until = now() - interval '1 second' where uniqueid = 'held-3'; commit;
         begin; select from live_calls where uniqueid = 'held-3' for update",
    )
    .await;
    becomes(&world.api, "capconduit_leases_expired", 1.0).await;
    run(&superuser, "commit").await;
    becomes(&world.api, "capconduit_leases_expired", 0.0).await;
    becomes(&world.api, r#"capconduit_call_records_total{status="LOST"}"#, 2.0).await;
    becomes(&world.api, r#"capconduit_calls_ended_total{routed="yes"}"#, 3.0).await;
    becomes(&world.api, r#"capconduit_calls_in_flight{slot="held"}"#, 0.0).await;
}

#[tokio::test]
async fn the_database_tells_how_many_caps_are_full() {
    let world = World::uncapped().await;
    let switch = world.db.asterisk().await;
    let superuser = world.db.superuser().await;
    let full = |window: &str| format!(r#"capconduit_caps_full{{window="{window}"}}"#);
    run(
        &superuser,
        "insert into caps (link_id, counts, span, set_by, max_calls)
         values (1, 'answered', 'day', 'seller', 1), (1, 'offered', 'day', 'platform', 1), (1, 'offered', 'hour', 'seller', 2),
                (1, 'offered', 'concurrent', 'seller', 1), (2, 'offered', 'week', 'seller', 0)",
    )
    .await;
    switch.route("+18005550101", "a").await.unwrap();
    for (window, expected) in [("day", 2.0), ("concurrent", 1.0), ("hour", 0.0), ("week", 0.0)] {
        becomes(&world.api, &full(window), expected).await;
    }
    switch.log("a", "+18005550101", "BUSY").await.unwrap();
    becomes(&world.api, &full("concurrent"), 0.0).await;
    becomes(&world.api, &full("day"), 1.0).await;
    // Of each window, and of nobody in particular.
    let text = world.api.metrics().await;
    let lines = text
        .lines()
        .filter(|line| line.starts_with("capconduit_caps_full"));
    assert_eq!(lines.count(), 6, "{text}");
}

/// A service that nobody looked at for days finds millions of records: it reads a part at each look, and loses none.
#[tokio::test]
async fn a_look_after_a_long_gap_reads_a_part_and_the_next_ones_catch_up() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    assert_eq!(metric(&world.api, "capconduit_database_up").await, 1.0);
    run(
        &superuser,
        "insert into call_logs (asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, counted, created_at)
         select 'gap-' || n, '+18005550101', now() - interval '1 hour', 'BUSY', false, now() - interval '1 hour'
           from generate_series(1, 220000) n",
    )
    .await;
    let busy = r#"capconduit_call_records_total{status="BUSY"}"#;
    let mut seen = vec![0.0];
    for _ in 0..240 {
        let text = world.api.metrics().await;
        let value = |line: &str| {
            let found = text
                .lines()
                .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
            found.map_or(0.0, |value| value.parse::<f64>().expect("a number"))
        };
        assert_eq!(value("capconduit_database_up"), 1.0);
        let now = value(busy);
        let step = now - seen[seen.len() - 1];
        assert!(step <= 100_000.0, "a look counted {step}");
        if step > 0.0 {
            seen.push(now);
        }
        if now == 220_000.0 {
            assert!(seen.len() > 3, "{seen:?}");
            assert_eq!(value("capconduit_call_records_behind"), 0.0);
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("never caught up: {seen:?}");
}

#[tokio::test]
async fn a_call_in_flight_and_a_forgotten_transaction_show() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    switch.route("+18005550101", "held").await.unwrap().link();
    becomes(&world.api, r#"capconduit_calls_in_flight{slot="held"}"#, 1.0).await;
    let forgotten = world.db.superuser().await;
    run(
        &forgotten,
        "begin isolation level repeatable read; select 1 from users",
    )
    .await;
    let busy = world.db.superuser().await;
    for _ in 0..200 {
        run(&busy, "select pg_current_xact_id()").await;
    }
    for _ in 0..240 {
        if metric(&world.api, "capconduit_oldest_xmin_age").await >= 200.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!(
        "the forgotten transaction does not show:\n{}",
        world.api.metrics().await
    );
}

#[tokio::test]
async fn rejected_calls_are_counted_by_reason() {
    let world = World::new().await;
    // The first look says from where on is counted.
    let rejects = |reason: &str| format!(r#"capconduit_rejects_total{{reason="{reason}"}}"#);
    assert_eq!(metric(&world.api, &rejects("did_not_found")).await, 0.0);
    let switch = world.db.asterisk().await;
    for call in 0..3 {
        switch
            .route("+99999999999", &format!("reject-{call}"))
            .await
            .unwrap();
    }
    switch.route("nonsense", "reject-4").await.unwrap();
    drop(switch);
    becomes(&world.api, &rejects("did_not_found"), 3.0).await;
    becomes(&world.api, &rejects("invalid_did_input"), 1.0).await;
    let text = world.api.metrics().await;
    assert!(!text.contains("99999999999"), "{text}");
}
