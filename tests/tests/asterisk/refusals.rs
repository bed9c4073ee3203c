//! Calls that nobody gets: the SIP status for the carrier, and the record that says why.

use capconduit_tests::{CallRecord, Caller, Link, Seen, Strategy, assert_invariants};

use super::support::{Line, becomes};

async fn refused(line: &Line, seen: &Seen, sip: u16, cause: i32, status: &str) -> CallRecord {
    assert_eq!(seen.final_status(), sip);
    let record = CallRecord::of(line.db, seen).await;
    record.assert_equals(seen);
    assert_eq!((record.status.as_str(), record.cause), (status, Some(cause)));
    assert_eq!(record.hangup_by.as_deref(), Some("system"));
    record
}

#[tokio::test]
async fn an_unknown_number_is_not_found() {
    let (line, _center) = Line::answering().await;
    let seen = Caller::new(line.site, line.switch, "+442079460999").call().await;
    refused(&line, &seen, 404, 1, "REJECTED_DID_NOT_FOUND").await;
}

#[tokio::test]
async fn what_is_no_number_is_recorded_as_invalid() {
    let (line, _center) = Line::answering().await;
    for number in ["reception", "1';drop", "0800"] {
        let seen = Caller::new(line.site, line.switch, number).call().await;
        let status = if number == "0800" {
            "REJECTED_DID_NOT_FOUND"
        } else {
            "REJECTED_INVALID_DID_INPUT"
        };
        refused(&line, &seen, 404, 1, status).await;
    }
}

#[tokio::test]
async fn at_the_concurrency_cap_the_caller_hears_busy() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let center = line.center(0, "answers", &[("RING", "100")]).await;
    let first = line.caller().talks_for(6000).start();
    while line.counters(0).await != (1, 0) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let seen = line.caller().call().await;
    let record = refused(&line, &seen, 486, 17, "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE").await;
    let why = format!("{}=concurrency_cap", line.scenario.link_ids[0]);
    assert_eq!(record.decision, Some(why));
    CallRecord::of(line.db, &first.finish().await).await;
    assert_eq!(line.counters(0).await, (0, 1));
    assert_eq!(center.seen().requests("INVITE").len(), 1);
    // And there is room again.
    assert_eq!(line.caller().call().await.final_status(), 200);
}

/// Nobody is rung for it; others who call the same number are heard.
#[tokio::test]
async fn a_caller_who_is_blocked_is_forbidden() {
    let (line, center) = Line::answering().await;
    let block = format!(
        "insert into caller_marks (campaign_id, caller, kind) values ({}, '+12125550188', 'blocked')",
        line.scenario.campaign_id
    );
    line.db
        .admin()
        .await
        .batch_execute(&block)
        .await
        .expect("a block");
    let seen = line.caller().from("<sip:+12125550188@10.0.0.1>").call().await;
    refused(&line, &seen, 403, 21, "REJECTED_CALLER_BLOCKED").await;
    assert_eq!(
        line.caller()
            .from("<sip:+12125550189@10.0.0.1>")
            .call()
            .await
            .final_status(),
        200
    );
    assert_eq!(center.seen().requests("INVITE").len(), 1);
}

/// What is said of hours, pauses, callers and seats, as the carrier hears it and as the record tells it. Before the call that is refused comes one
/// that is answered, where its caller is to have called.
#[tokio::test]
async fn what_is_closed_paused_or_remembered_is_refused_by_its_own_reason() {
    const CALLER: &str = "<sip:+12125550187@10.0.0.1>";
    const NOBODY: &str = "<sip:anonymous@anonymous.invalid>";
    let never = "insert into schedules (user_id, name, weekly) values (SELLER, 'Never', '[]');
                 update WHAT set schedule_id = (select id from schedules where user_id = SELLER) where id = ";
    let never = |table: &str, id: &str| never.replace("WHAT", table) + id;
    let told = "select set_seats(CLIENT, 0, 90)".to_owned();
    let stale = "select set_seats(CLIENT, 9, 90, 'close');
                 update meters set seats_until = now() where subject_type = 'client' and subject_id = CLIENT";
    let cases = [
        (never("campaigns", "CAMPAIGN"), CALLER, 480, 20, "CLOSED", None),
        (never("dids", "NUMBER"), CALLER, 480, 20, "CLOSED", None),
        (
            never("campaign_client_settings", "LINK"),
            CALLER,
            480,
            20,
            "ALL_CLOSED",
            Some("LINK=link_closed"),
        ),
        (
            "update campaigns set paused_until = 'infinity', pause_reason = 'Fire' where id = CAMPAIGN".to_owned(),
            CALLER,
            480,
            20,
            "CAMPAIGN_PAUSED",
            None,
        ),
        (
            "update campaigns set anonymous_callers = 'reject' where id = CAMPAIGN".to_owned(),
            NOBODY,
            403,
            21,
            "ANONYMOUS_CALLER",
            None,
        ),
        (
            r#"update campaigns set caller_rules = '[{"after": "answered", "action": "reject"}]' where id = CAMPAIGN"#.to_owned(),
            CALLER,
            403,
            21,
            "DUPLICATE_CALLER",
            None,
        ),
        (
            "update campaigns set min_redial_seconds = 3600 where id = CAMPAIGN".to_owned(),
            CALLER,
            403,
            21,
            "REDIAL_TOO_SOON",
            None,
        ),
        (told, CALLER, 486, 17, "NO_ELIGIBLE_CLIENTS_AVAILABLE", Some("LINK=client_seats")),
        (
            stale.to_owned(),
            CALLER,
            480,
            20,
            "NO_ACTIVE_CLIENTS_IN_CAMPAIGN",
            Some("LINK=client_seats_stale"),
        ),
    ];
    for (set, from, sip, cause, reason, why) in cases {
        let (line, center) = Line::answering().await;
        let named = |text: &str| {
            let of = &line.scenario;
            [
                ("SELLER", of.user_id),
                ("CAMPAIGN", of.campaign_id),
                ("NUMBER", of.did_id),
                ("LINK", of.link_ids[0]),
                ("CLIENT", of.client_ids[0]),
            ]
            .iter()
            .fold(text.to_owned(), |text, (name, id)| {
                text.replace(name, &id.to_string())
            })
        };
        line.admin.batch_execute(&named(&set)).await.expect("what is set");
        let has_called = ["DUPLICATE_CALLER", "REDIAL_TOO_SOON"].contains(&reason);
        if has_called {
            let first = line.caller().from(from).call().await;
            assert_eq!(first.final_status(), 200, "{reason}");
            CallRecord::of(line.db, &first).await.assert_equals(&first);
        }
        let seen = line.caller().from(from).call().await;
        let record = refused(&line, &seen, sip, cause, &format!("REJECTED_{reason}")).await;
        assert_eq!(record.decision, why.map(named), "{reason}");
        assert_eq!(
            center.seen().requests("INVITE").len(),
            usize::from(has_called),
            "{reason}"
        );
        assert_invariants(line.db).await;
    }
}

#[tokio::test]
async fn at_the_total_cap_the_caller_hears_busy() {
    let line = Line::new(Strategy::Priority, &[Link::cap(5).allowed(1)]).await;
    let center = line.center(0, "answers", &[("RING", "100")]).await;
    let first = line.caller().call().await;
    CallRecord::of(line.db, &first).await.assert_equals(&first);
    let seen = line.caller().call().await;
    let record = refused(&line, &seen, 486, 17, "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE").await;
    assert_eq!(
        record.decision,
        Some(format!("{}=total_cap", line.scenario.link_ids[0]))
    );
    assert_eq!(center.seen().requests("INVITE").len(), 1);
    assert_invariants(line.db).await;
}

/// One link at its concurrency cap, one at its total, one at both: each is named in the record.
#[tokio::test]
async fn when_every_link_is_full_the_caller_hears_busy() {
    let links = [Link::cap(1), Link::cap(5).allowed(1), Link::cap(1).allowed(2)];
    let line = Line::new(Strategy::RoundRobin, &links).await;
    let mut centers = Vec::new();
    for n in 0..links.len() {
        centers.push(line.center(n, "answers", &[("RING", "100")]).await);
    }
    // A call each in turn; those of the first and the last link go on.
    let on_the_line = [
        line.caller().talks_for(15_000).start(),
        line.caller().talks_for(15_000).start(),
        line.caller().talks_for(15_000).start(),
    ];
    let taken = async || line.counters(0).await.0 + line.counters(1).await.0 + line.counters(2).await.0;
    becomes("calls in flight", 3, taken).await;
    for _ in 0..2 {
        let seen = line.caller().call().await;
        let record = refused(&line, &seen, 486, 17, "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE").await;
        let [a, b, c] = line.scenario.link_ids[..] else {
            panic!("three links")
        };
        let why = format!("{a}=concurrency_cap|{b}=total_cap|{c}=concurrency_cap");
        assert_eq!(record.decision, Some(why));
        assert_eq!((record.link_id, record.failed_attempts.len()), (None, 0));
    }
    for caller in on_the_line {
        let seen = caller.finish().await;
        CallRecord::of(line.db, &seen).await.assert_equals(&seen);
    }
    for (n, center) in centers.iter().enumerate() {
        assert_eq!(line.counters(n).await, (0, 1));
        assert_eq!(center.seen().requests("INVITE").len(), 1);
    }
    assert_invariants(line.db).await;
}

#[tokio::test]
async fn without_an_active_client_nobody_is_reached() {
    let (line, _center) = Line::answering().await;
    line.admin
        .execute(
            "update clients set status = 'inactive' where id = $1",
            &[&line.scenario.client_ids[0]],
        )
        .await
        .expect("the client");
    let seen = line.caller().call().await;
    refused(&line, &seen, 480, 20, "REJECTED_NO_ACTIVE_CLIENTS_IN_CAMPAIGN").await;
}

#[tokio::test]
async fn a_dialplan_may_ask_before_it_answers() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let ask = || {
        line.switch.cli(&format!(
            "dialplan eval function CC_PREVIEW({})",
            line.scenario.did
        ))
    };
    assert!(ask().contains("ok"), "{}", ask());
    let _center = line.center(0, "answers", &[("RING", "100")]).await;
    let first = line.caller().talks_for(4000).start();
    becomes("the call takes the slot", (1, 0), async || line.counters(0).await).await;
    assert!(ask().contains("reject"), "{}", ask());
    CallRecord::of(line.db, &first.finish().await).await;
    assert!(ask().contains("ok"), "{}", ask());
}
