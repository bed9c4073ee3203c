//! A call center does not take the call: who is asked next, and for how long altogether.

use std::time::Duration;

use capconduit_tests::{CallRecord, Link, Strategy, assert_invariants};

use super::support::Line;

const TWO: [Link; 2] = [Link::cap(3), Link::cap(3)];

async fn fails_over_from(scenario: &str, values: &[(&str, &str)], dial_status: &str, cause: i32) -> Duration {
    let line = Line::new(Strategy::Priority, &TWO).await;
    line.set_campaign("dial_timeout_seconds = 5").await;
    let _first = line.center(0, scenario, values).await;
    let second = line.center(1, "answers", &[("RING", "100")]).await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 200);
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.link_id, Some(line.scenario.link_ids[1]));
    assert_eq!(
        record.failed_attempts,
        [(line.scenario.link_ids[0], dial_status.to_owned(), Some(cause))]
    );
    assert_eq!(line.counters(0).await, (0, 0));
    assert_eq!(line.counters(1).await, (0, 1));
    assert_invariants(line.db).await;
    let reached = second.seen().invited_at();
    Duration::try_from(reached.duration_since(seen.invited_at())).expect("after the call came in")
}

#[tokio::test]
async fn busy_goes_to_the_next() {
    fails_over_from("refuses", &[("CODE", "486")], "BUSY", 17).await;
}

#[tokio::test]
async fn no_answer_goes_to_the_next() {
    let after = fails_over_from("rings", &[], "NOANSWER", 19).await;
    assert!(
        (4.9..7.0).contains(&after.as_secs_f64()),
        "the next was asked after {after:?}"
    );
}

#[tokio::test]
async fn an_unknown_user_goes_to_the_next() {
    fails_over_from("refuses", &[("CODE", "404")], "CHANUNAVAIL", 1).await;
}

#[tokio::test]
async fn an_overloaded_call_center_goes_to_the_next() {
    fails_over_from("refuses", &[("CODE", "503")], "CONGESTION", 34).await;
}

/// 20 seconds of ringing are allowed; a machine that sends nothing at all does not get them.
#[tokio::test]
async fn a_target_that_sends_nothing_costs_less_than_seven_seconds() {
    let line = Line::new(Strategy::Priority, &TWO).await;
    let _deaf = line.center(0, "silent", &[]).await;
    let second = line.center(1, "answers", &[("RING", "100")]).await;
    let seen = line.caller().call().await;
    let after = second
        .seen()
        .invited_at()
        .duration_since(seen.invited_at())
        .as_secs_f64();
    assert!((5.0..7.0).contains(&after), "the next was asked after {after} s");
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    let no_end_was_sent = (line.scenario.link_ids[0], "CHANUNAVAIL".to_owned(), None);
    assert_eq!(record.failed_attempts, [no_end_was_sent]);
}

/// Nobody can even be called there: what stands in its rows is no address, or nothing that Asterisk can use.
#[tokio::test]
async fn a_call_center_that_cannot_be_dialled_is_passed_over() {
    for no_use in [
        "update pjsip_aors set contact = 'nowhere' where client_id = $1",
        "update pjsip_endpoints set allow = 'nothing' where client_id = $1",
    ] {
        let line = Line::new(Strategy::Priority, &TWO).await;
        let first = line.center(0, "answers", &[("RING", "100")]).await;
        let _second = line.center(1, "answers", &[("RING", "100")]).await;
        let client = &line.scenario.client_ids[0];
        assert_eq!(line.admin.execute(no_use, &[client]).await.expect("the row"), 1);
        let seen = line.caller().call().await;
        assert_eq!(seen.final_status(), 200, "{no_use}");
        let record = CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        let undialled = (line.scenario.link_ids[0], "CHANUNAVAIL".to_owned(), None);
        assert_eq!(record.failed_attempts, [undialled], "{no_use}");
        assert!(first.seen().messages.is_empty());
    }
}

#[tokio::test]
async fn refused_by_all_is_busy_when_one_was() {
    let line = Line::new(Strategy::Priority, &TWO).await;
    let _busy = line.center(0, "refuses", &[("CODE", "486")]).await;
    let _gone = line.center(1, "refuses", &[("CODE", "404")]).await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 486);
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.status, "CHANUNAVAIL");
    assert_eq!(record.cause, Some(17));
    assert_eq!(record.hangup_by.as_deref(), Some("system"));
    assert_eq!(line.counters(0).await, (0, 0));
    assert_eq!(line.counters(1).await, (0, 0));
}

#[tokio::test]
async fn the_ring_budget_ends_the_search() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1), Link::cap(1), Link::cap(1)]).await;
    line.set_campaign("dial_timeout_seconds = 6, max_ring_seconds = 10")
        .await;
    let _one = line.center(0, "rings", &[]).await;
    let _two = line.center(1, "rings", &[]).await;
    let three = line.center(2, "rings", &[]).await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 480);
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    // Six seconds, then less than five are left: no second attempt is worth it.
    let rang = seen.ended_at().duration_since(seen.invited_at()).as_secs_f64();
    assert!((5.9..11.0).contains(&rang), "it rang for {rang} s");
    assert!(three.seen().messages.is_empty());
    assert_eq!(record.status, "NOANSWER");
    assert_eq!(record.cause, Some(19));
}

/// The second attempt gets what is left of the eleven seconds, in whole ones.
#[tokio::test]
async fn ringing_ends_within_a_second_of_the_ring_budget() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1), Link::cap(1), Link::cap(1)]).await;
    line.set_campaign("dial_timeout_seconds = 5, max_ring_seconds = 11")
        .await;
    let _one = line.center(0, "rings", &[]).await;
    let two = line.center(1, "rings", &[]).await;
    let three = line.center(2, "rings", &[]).await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 480);
    let rang = seen.ended_at().duration_since(seen.invited_at()).as_secs_f64();
    assert!((10.0..12.0).contains(&rang), "it rang for {rang} s");
    assert_eq!(two.seen().requests("CANCEL").len(), 1);
    assert!(three.seen().messages.is_empty());
    CallRecord::of(line.db, &seen).await.assert_equals(&seen);
    assert_invariants(line.db).await;
}
