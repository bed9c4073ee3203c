//! `route_call` asked twice, `next_target` after a failure: one call's way from link to link, within its ring budget.

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};

use super::support::{refusal, run, value, values};

#[tokio::test]
async fn a_repeated_route_gets_the_same_answer_and_no_second_slot() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let first = switch
        .route_on("+18005550101", "call-1", "+15550001", "pbx1")
        .await
        .unwrap();
    let again = switch
        .route_on("18005550101", "call-1", "+15550001", "pbx1")
        .await
        .unwrap();
    assert_eq!(again, first);
    let second = switch.next("call-1", 1, "BUSY").await.unwrap();
    let present = switch.route("+18005550101", "call-1").await.unwrap();
    assert_eq!(present, second, "the present target, not the first one");
    let held: i64 = value(
        &db.superuser().await,
        "select sum(active)::bigint from link_counters",
    )
    .await;
    assert_eq!(held, 1);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn two_calls_under_one_uniqueid_are_refused() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    switch
        .route_on("+18005550101", "call-1", "", "pbx1")
        .await
        .unwrap()
        .link();
    for (did, node) in [("+12125550102", "pbx1"), ("+18005550101", "pbx2")] {
        let (code, message) = refusal(switch.route_on(did, "call-1", "", node).await);
        assert_eq!(code, "22023");
        assert!(message.contains("systemname"), "it says what to do: {message}");
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn next_target_answers_the_same_failure_the_same_way() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Weighted, &[Link::cap(1); 4]).await;
    let switch = db.asterisk().await;
    let mut seen = vec![switch.route(&scenario.did, "call-1").await.unwrap().link()];
    for failed in 1..4 {
        let target = switch.next("call-1", failed, "NOANSWER").await.unwrap();
        // A draw of chance, but the repeat is not drawn again.
        for _ in 0..5 {
            assert_eq!(switch.next("call-1", failed, "BUSY").await.unwrap(), target);
        }
        assert!(!seen.contains(&target.link()), "{seen:?} {target:?}");
        seen.push(target.link());
    }
    let nobody = switch.next("call-1", 4, "CHANUNAVAIL").await.unwrap();
    assert_eq!(
        (nobody.reject_reason(), nobody.hangup_cause),
        ("no_more_targets", Some(19))
    );
    assert_eq!(switch.next("call-1", 4, "BUSY").await.unwrap(), nobody);
    assert_eq!(switch.route(&scenario.did, "call-1").await.unwrap(), nobody);
    let attempts: Vec<String> = values(
        &db.superuser().await,
        "select format('%s %s', attempt, dial_status) from call_attempts order by attempt",
    )
    .await;
    assert_eq!(
        attempts,
        ["1 NOANSWER", "2 NOANSWER", "3 NOANSWER", "4 CHANUNAVAIL"]
    );
    // The ended call holds no slot and waits for its record.
    let row: String = value(
        &db.superuser().await,
        "select format('%s %s %s %s', holds_slot, attempt, end_reason, end_cause) from live_calls",
    )
    .await;
    assert_eq!(row, "f 4 no_more_targets 19");
    assert_invariants(&db).await;
    let logged = switch.log("call-1", &scenario.did, "CHANUNAVAIL").await.unwrap();
    assert_eq!(logged.status, "logged");
    let record: String = value(
        &db.superuser().await,
        "select format('%s attempts, link %s, counted %s', attempts, link_id, counted) from call_logs",
    )
    .await;
    assert_eq!(record, format!("4 attempts, link {}, counted f", seen[3]));
    assert_invariants(&db).await;
}

#[tokio::test]
async fn attempts_that_cannot_fail_now_are_refused() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    switch.route("+18005550101", "call-1").await.unwrap().link();
    for failed in [2, 7, i32::MAX, 0, -1, i32::MIN] {
        assert_eq!(
            refusal(switch.next("call-1", failed, "BUSY").await).0,
            "22023",
            "attempt {failed}"
        );
    }
    let gone = switch.next("never-seen", 1, "BUSY").await.unwrap();
    assert_eq!(
        (gone.reject_reason(), gone.hangup_cause),
        ("call_ended", Some(16))
    );
    switch.log("call-1", "+18005550101", "CANCEL").await.unwrap();
    let ended = switch.next("call-1", 1, "BUSY").await.unwrap();
    assert_eq!(ended.reject_reason(), "call_ended");
    assert_invariants(&db).await;
}

#[tokio::test]
async fn an_empty_dial_status_is_a_channel_that_was_not_there() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    switch.route("+18005550101", "call-1").await.unwrap().link();
    switch.next("call-1", 1, "").await.unwrap().link();
    switch.next("call-1", 2, " busy ").await.unwrap();
    let told: Vec<String> = values(
        &db.superuser().await,
        "select dial_status from call_attempts order by attempt",
    )
    .await;
    assert_eq!(told, ["CHANUNAVAIL", "BUSY"]);
}

#[tokio::test]
async fn the_ring_budget_bounds_the_next_attempt_and_ends_the_call() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(1); 4]).await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let first = switch.route(&scenario.did, "call-1").await.unwrap();
    assert_eq!(first.dial_timeout_seconds, Some(20));
    let left = async |seconds: i32| {
        let sql = format!(
            "update live_calls set ring_deadline = clock_timestamp() + interval '{seconds}.9 seconds'"
        );
        run(&superuser, &sql).await;
    };
    left(3_000).await;
    assert_eq!(
        switch
            .next("call-1", 1, "NOANSWER")
            .await
            .unwrap()
            .dial_timeout_seconds,
        Some(20)
    );
    left(12).await;
    let short = switch
        .next("call-1", 2, "NOANSWER")
        .await
        .unwrap()
        .dial_timeout_seconds
        .unwrap();
    assert!(
        (5..=12).contains(&short),
        "what is left of the budget, not the campaign's 20: {short}"
    );
    left(3).await;
    let spent = switch.next("call-1", 3, "NOANSWER").await.unwrap();
    assert_eq!(
        (spent.reject_reason(), spent.hangup_cause),
        ("ring_budget_spent", Some(19))
    );
    left(100).await;
    assert_eq!(
        switch.next("call-1", 3, "NOANSWER").await.unwrap(),
        spent,
        "an end is an end"
    );
    let held: i64 = value(&superuser, "select sum(active)::bigint from link_counters").await;
    assert_eq!(held, 0);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_campaign_s_own_ring_budget_bounds_the_first_attempt_too() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    run(
        &db.admin().await,
        "update campaigns set max_ring_seconds = 12 where id = 1",
    )
    .await;
    let target = switch.route("+18005550101", "call-1").await.unwrap();
    assert_eq!(target.dial_timeout_seconds, Some(12));
    let budget: i32 = value(
        &db.superuser().await,
        "select extract(epoch from ring_deadline - routed_at)::int from live_calls",
    )
    .await;
    assert_eq!(budget, 12);
}

/// However short it is: an attempt that rang on would outlast the caller's patience.
#[tokio::test]
async fn the_platform_s_ring_budget_bounds_the_first_attempt_too() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    run(&superuser, "load 'capconduit'").await;
    for seconds in [1, 4, 5, 24, 25, 600] {
        run(
            &superuser,
            &format!("set capconduit.max_ring_seconds = {seconds}"),
        )
        .await;
        let id = format!("call-{seconds}");
        let target = superuser.route("+18005550101", &id).await.unwrap();
        assert_eq!(target.dial_timeout_seconds, Some(seconds.min(25)));
        let answer = superuser.next(&id, 1, "NOANSWER").await.unwrap();
        assert_eq!(answer.is_ok(), seconds >= 24, "{seconds}: {answer:?}");
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_call_keeps_the_settings_it_was_routed_with() {
    let db = TestDb::sample().await;
    let (switch, admin) = (db.asterisk().await, db.admin().await);
    let first = switch.route("+18005550101", "call-1").await.unwrap();
    run(
        &admin,
        "update campaigns set dial_timeout_seconds = 50, max_ring_seconds = 10, routing_strategy = 'weighted'
          where id = 1",
    )
    .await;
    assert_eq!(switch.route("+18005550101", "call-1").await.unwrap(), first);
    let second = switch.next("call-1", 1, "BUSY").await.unwrap();
    assert_eq!((second.link(), second.dial_timeout_seconds), (2, Some(25)));
    assert_eq!(second.max_call_seconds, Some(14_400));
}

#[tokio::test]
async fn the_platform_s_settings_give_lease_and_budget() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    run(
        &superuser,
        "select capconduit.explain_route('+1'); set capconduit.max_call_seconds = 90; set capconduit.max_ring_seconds = 33",
    )
    .await;
    let target = superuser.route("+18005550101", "call-1").await.unwrap();
    assert_eq!(target.max_call_seconds, Some(90));
    let times: String = value(
        &superuser,
        "select format('%s %s', extract(epoch from lease_until - routed_at)::int,
                       extract(epoch from ring_deadline - routed_at)::int) from live_calls",
    )
    .await;
    assert_eq!(times, "150 33", "a lease is a minute longer than the call may be");
}

#[tokio::test]
async fn round_robin_goes_on_behind_a_failover_and_skips_the_full() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(
        &db.admin().await,
        Strategy::RoundRobin,
        &[Link::cap(9), Link::cap(1), Link::cap(9)],
    )
    .await;
    let switch = db.asterisk().await;
    let did = scenario.did.as_str();
    let name = |link: i64| scenario.link_ids.iter().position(|id| *id == link).unwrap();
    let mut order = Vec::new();
    order.push(name(switch.route(did, "a").await.unwrap().link()));
    // A failover takes its target's turn.
    order.push(name(switch.next("a", 1, "BUSY").await.unwrap().link()));
    order.push(name(switch.route(did, "b").await.unwrap().link()));
    order.push(name(switch.route(did, "c").await.unwrap().link()));
    // The second link is full with call a: it is passed over …
    order.push(name(switch.route(did, "d").await.unwrap().link()));
    order.push(name(switch.route(did, "e").await.unwrap().link()));
    switch.log("a", did, "ANSWERED").await.unwrap();
    // … and has kept its place: it is next as soon as it has room.
    order.push(name(switch.route(did, "f").await.unwrap().link()));
    assert_eq!(order, [0, 1, 2, 0, 2, 0, 1]);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_link_or_client_deleted_in_mid_call_ends_nothing_it_should_not() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(1); 3]).await;
    let (switch, admin) = (db.asterisk().await, db.admin().await);
    switch.route(&scenario.did, "call-1").await.unwrap().link();
    let refused = admin
        .execute(
            "delete from campaign_client_settings where id = $1",
            &[&scenario.link_ids[0]],
        )
        .await;
    assert_eq!(refusal(refused).0, "23001");
    // The links that hold nothing may go; the call moves on to what is left.
    let gone = admin
        .execute(
            "delete from campaign_client_settings where id = $1",
            &[&scenario.link_ids[1]],
        )
        .await;
    assert_eq!(gone.unwrap(), 1);
    let next = switch.next("call-1", 1, "BUSY").await.unwrap();
    assert_eq!(next.link(), scenario.link_ids[2]);
    assert_invariants(&db).await;
}
