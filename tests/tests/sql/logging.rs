//! `log_call`: one record per call, from what the reservation knows, what the switch says and what the number tells.

use capconduit_tests::{
    Calls, Link, Record, Scenario, Strategy, TestDb, assert_consistent, assert_invariants, campaign,
};
use jiff::SignedDuration;
use tokio_postgres::Client;

use super::support::{refusal, run, sqlstate, value, values};

const DID: &str = "+18005550101";

/// A record's columns as one text.
async fn stored(db: &Client, columns: &str, uniqueid: &str) -> String {
    let sql = format!(
        "select concat_ws(' ', {columns}) from capconduit.call_logs where asterisk_uniqueid = '{uniqueid}'"
    );
    value(db, &sql).await
}

async fn counter(db: &Client, link_id: i64) -> String {
    let sql = format!(
        "select format('%s active, %s counted', active, total) from capconduit.link_counters where link_id = {link_id}"
    );
    value(db, &sql).await
}

#[tokio::test]
async fn the_reservation_knows_the_parties_and_the_switch_the_times() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let start = switch.database_time().await.unwrap();
    switch
        .route_on(DID, "call-1", "+15550001", "pbx1")
        .await
        .unwrap()
        .link();
    switch.next("call-1", 1, "BUSY").await.unwrap().link();
    let record = Record {
        started_at: Some(start),
        answered_at: Some(start + SignedDuration::from_millis(4_200)),
        ended_at: Some(start + SignedDuration::from_millis(64_100)),
        hangup_cause_code: Some(16),
        hangup_cause_text: Some("Normal Clearing".into()),
        hangup_by: Some("client".into()),
        sip_call_id: Some("abc@pbx".into()),
        linkedid: Some("linked-1".into()),
        caller_name: Some("Ann".into()),
        ..Record::new("call-1", DID, "answered")
    };
    assert_eq!(switch.log_record(&record).await.unwrap().status, "logged");
    let columns = "user_id, campaign_id, did_id, client_id, link_id, node, incoming_did_number, caller_id_num, caller_id_name,
                   asterisk_linkedid, duration_seconds, billsec_seconds, call_status, hangup_cause_code,
                   hangup_cause_text, hangup_by, sip_call_id, attempts, counted";
    assert_eq!(
        stored(&superuser, columns, "call-1").await,
        "3 1 1 2 2 pbx1 +18005550101 +15550001 Ann linked-1 64 59 ANSWERED 16 Normal Clearing client abc@pbx 2 t"
    );
    assert_eq!(counter(&superuser, 2).await, "0 active, 2 counted");
    assert_eq!(counter(&superuser, 1).await, "0 active, 1 counted");
    assert_eq!(
        stored(&superuser, "decision", "call-1").await,
        "1=selected|2=eligible;2:2=selected|1=already_tried"
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn what_the_switch_does_not_say_comes_from_the_call_itself() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    switch.route(DID, "call-1").await.unwrap().link();
    assert_eq!(switch.answered("call-1").await.unwrap(), "ok");
    assert_eq!(switch.answered("call-1").await.unwrap(), "ok");
    assert_eq!(switch.answered("call-2").await.unwrap(), "not_in_flight");
    run(
        &superuser,
        "update live_calls set routed_at = routed_at - interval '100 s', answered_at = answered_at - interval '80 s'",
    )
    .await;
    switch.log("call-1", "", "ANSWERED").await.unwrap();
    let columns = "incoming_did_number, duration_seconds, billsec_seconds,
                   timestamp_end - timestamp_answered >= interval '80 s', timestamp_end <= now()";
    assert_eq!(
        stored(&superuser, columns, "call-1").await,
        "+18005550101 100 80 t t"
    );
    // Measured by the switch beats computed.
    switch.route(DID, "call-2").await.unwrap().link();
    let record = Record {
        duration_seconds: Some(7),
        billsec_seconds: Some(3),
        ..Record::new("call-2", DID, "ANSWERED")
    };
    switch.log_record(&record).await.unwrap();
    assert_eq!(
        stored(&superuser, "duration_seconds, billsec_seconds", "call-2").await,
        "7 3"
    );
}

#[tokio::test]
async fn only_answered_calls_with_a_link_count() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for status in [
        "BUSY",
        "NOANSWER",
        "CANCEL",
        "CONGESTION",
        "CHANUNAVAIL",
        "FAILED_DATABASE",
    ] {
        switch.route(DID, status).await.unwrap().link();
        assert_eq!(switch.log(status, DID, status).await.unwrap().status, "logged");
        assert_eq!(
            stored(&superuser, "link_id, counted", status).await,
            "1 f",
            "the link is kept"
        );
    }
    assert_eq!(counter(&superuser, 1).await, "0 active, 1 counted");
    // Answered, says the switch, but nobody knows by whom: recorded, not counted.
    switch.log("never-routed", DID, "ANSWERED").await.unwrap();
    assert_eq!(
        stored(
            &superuser,
            "user_id, campaign_id, did_id, link_id is null, attempts, counted",
            "never-routed"
        )
        .await,
        "3 1 1 t 0 f"
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_rejected_call_is_recorded_with_its_decision() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    run(
        &superuser,
        "update campaign_client_settings set total_calls_allowed = 0 where campaign_id = 1",
    )
    .await;
    let reject = switch.route(DID, "call-1").await.unwrap();
    let record = Record {
        decision: reject.decision.clone(),
        ..Record::new(
            "call-1",
            DID,
            &format!("REJECTED_{}", reject.reason.unwrap().to_uppercase()),
        )
    };
    switch.log_record(&record).await.unwrap();
    assert_eq!(
        stored(
            &superuser,
            "call_status, decision, user_id, campaign_id, attempts, counted",
            "call-1"
        )
        .await,
        "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE 1=total_cap|2=total_cap 3 1 0 f"
    );
    // A number of nobody's is kept as it was dialled.
    switch
        .log("call-2", "0800 CALL ME", "REJECTED_INVALID_DID_INPUT")
        .await
        .unwrap();
    assert_eq!(
        stored(
            &superuser,
            "incoming_did_number, user_id is null, campaign_id is null",
            "call-2"
        )
        .await,
        "0800 CALL ME t t"
    );
    // The limits were lowered below what was counted.
    assert_consistent(&db).await;
}

#[tokio::test]
async fn ids_given_explicitly_are_checked() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let new = |uniqueid: &str| Record::new(uniqueid, DID, "ANSWERED");
    // A link names campaign, client and seller.
    let by_link = Record {
        link_id: Some(2),
        ..new("by-link")
    };
    switch.log_record(&by_link).await.unwrap();
    assert_eq!(
        stored(
            &superuser,
            "user_id, campaign_id, client_id, did_id, counted",
            "by-link"
        )
        .await,
        "3 1 2 1 t"
    );
    assert_eq!(counter(&superuser, 2).await, "0 active, 2 counted");
    let contradictions = [
        Record {
            link_id: Some(2),
            client_id: Some(1),
            ..new("x")
        },
        Record {
            link_id: Some(2),
            campaign_id: Some(2),
            ..new("x")
        },
        Record {
            link_id: Some(2),
            user_id: Some(4),
            ..new("x")
        },
        Record {
            campaign_id: Some(3),
            user_id: Some(3),
            ..new("x")
        },
        Record {
            did_id: Some(2),
            ..new("x")
        },
        Record {
            did_id: Some(3),
            link_id: Some(1),
            did: String::new(),
            ..new("x")
        },
    ];
    for record in &contradictions {
        assert_eq!(sqlstate(switch.log_record(record).await), "22023", "{record:?}");
    }
    let unknown = [
        Record {
            link_id: Some(99),
            ..new("x")
        },
        Record {
            campaign_id: Some(i64::MAX),
            ..new("x")
        },
        Record {
            client_id: Some(0),
            ..new("x")
        },
        Record {
            did_id: Some(-1),
            ..new("x")
        },
        Record {
            user_id: Some(i64::MIN),
            ..new("x")
        },
    ];
    for record in &unknown {
        assert_eq!(sqlstate(switch.log_record(record).await), "P0002", "{record:?}");
    }
    // The reservation's parties stand: what contradicts them is refused, and the call stays in flight.
    switch.route(DID, "call-1").await.unwrap().link();
    let other = Record {
        link_id: Some(2),
        ..new("call-1")
    };
    let (code, message) = refusal(switch.log_record(&other).await);
    assert_eq!(code, "22023");
    assert!(message.contains("link_id 2"), "{message}");
    assert_eq!(counter(&superuser, 1).await, "1 active, 1 counted");
    let same = Record {
        link_id: Some(1),
        user_id: Some(3),
        ..new("call-1")
    };
    assert_eq!(switch.log_record(&same).await.unwrap().status, "logged");
    let refused: i64 = value(
        &superuser,
        "select count(*) from call_logs where asterisk_uniqueid = 'x'",
    )
    .await;
    assert_eq!(refused, 0);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn what_describes_is_cut_and_what_identifies_is_refused() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let long = "é☎".repeat(2_500);
    let long = Some(long);
    let record = Record {
        node: long.clone(),
        linkedid: long.clone(),
        caller_number: long.clone(),
        caller_name: long.clone(),
        hangup_cause_text: long.clone(),
        sip_call_id: long.clone(),
        decision: long.clone(),
        call_status: long.clone().unwrap(),
        did: long.clone().unwrap(),
        ..Record::new("call-1", "", "")
    };
    assert_eq!(switch.log_record(&record).await.unwrap().status, "logged");
    let lengths: Vec<i32> = values(
        &superuser,
        "select length(v) from call_logs g,
                unnest(array[node, asterisk_linkedid, caller_id_num, caller_id_name, hangup_cause_text, sip_call_id,
                             decision, call_status, incoming_did_number]) v
          where asterisk_uniqueid = 'call-1'",
    )
    .await;
    assert_eq!(lengths, [24, 150, 50, 100, 50, 255, 1024, 50, 50]);
    let id = "u".repeat(150);
    assert_eq!(
        switch.log(&id, DID, "BUSY").await.unwrap().status,
        "logged",
        "150 are enough"
    );
    for uniqueid in ["", &"u".repeat(151)] {
        assert_eq!(sqlstate(switch.log(uniqueid, DID, "BUSY").await), "22023");
        assert_eq!(sqlstate(switch.route(DID, uniqueid).await), "22023");
        assert_eq!(sqlstate(switch.next(uniqueid, 1, "BUSY").await), "22023");
        assert_eq!(sqlstate(switch.answered(uniqueid).await), "22023");
    }
    for record in [
        Record {
            hangup_by: Some("nobody".into()),
            ..Record::new("x", DID, "BUSY")
        },
        Record::new("x", DID, ""),
        Record::new("x", DID, "   "),
        Record {
            duration_seconds: Some(-1),
            ..Record::new("x", DID, "BUSY")
        },
        Record {
            billsec_seconds: Some(-1),
            ..Record::new("x", DID, "BUSY")
        },
        Record {
            hangup_cause_code: Some(-16),
            ..Record::new("x", DID, "BUSY")
        },
    ] {
        assert_eq!(sqlstate(switch.log_record(&record).await), "22023", "{record:?}");
    }
}

#[tokio::test]
async fn a_record_beyond_the_limit_is_kept_and_flagged() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(5).allowed(3)]).await;
    for n in 1..=3 {
        switch
            .route(&scenario.did, &format!("call-{n}"))
            .await
            .unwrap()
            .link();
    }
    run(
        &admin,
        "update campaign_client_settings set total_calls_allowed = 1",
    )
    .await;
    for n in 1..=3 {
        switch
            .log(&format!("call-{n}"), &scenario.did, "ANSWERED")
            .await
            .unwrap();
    }
    let flagged: Vec<String> = values(
        &admin,
        "select format('%s of link %s: %s counted, %s allowed', asterisk_uniqueid, link_id, counted, total_calls_allowed)
           from late_excess_view order by id",
    )
    .await;
    let link = scenario.link_ids[0];
    assert_eq!(
        flagged,
        [
            format!("call-2 of link {link}: 3 counted, 1 allowed"),
            format!("call-3 of link {link}: 3 counted, 1 allowed")
        ]
    );
    assert_consistent(&db).await;
}

/// What a link allows is looked for in the call's campaign first: the link may have left it, and another may be there.
#[tokio::test]
async fn a_record_beyond_the_allowed_total_is_flagged_wherever_its_link_is_now() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let links = [Link::cap(5).allowed(9), Link::cap(5).priority(1)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let elsewhere = campaign(&admin, scenario.user_id, Strategy::Priority).await;
    for call in ["stays", "moved", "unlimited"] {
        let routed = switch.route(&scenario.did, call).await.unwrap().link();
        assert_eq!(routed, scenario.link_ids[0]);
    }
    let settings = async |what: &str| {
        let sql = "update campaign_client_settings set";
        run(
            &admin,
            &format!("{sql} {what} where id = {}", scenario.link_ids[0]),
        )
        .await;
    };
    settings("total_calls_allowed = 0").await;
    switch.log("stays", &scenario.did, "ANSWERED").await.unwrap();
    settings(&format!("campaign_id = {elsewhere}")).await;
    switch.log("moved", &scenario.did, "ANSWERED").await.unwrap();
    settings("total_calls_allowed = null").await;
    switch.log("unlimited", &scenario.did, "ANSWERED").await.unwrap();
    let flagged: Vec<String> = values(
        &admin,
        "select asterisk_uniqueid from call_logs where late_excess order by id",
    )
    .await;
    assert_eq!(flagged, ["stays", "moved"]);
    assert_consistent(&db).await;
}

#[tokio::test]
async fn a_call_that_the_switch_itself_calls_lost_counts_if_it_was_answered() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for uniqueid in ["answered", "ringing"] {
        switch.route(DID, uniqueid).await.unwrap().link();
    }
    switch.answered("answered").await.unwrap();
    for uniqueid in ["answered", "ringing"] {
        assert_eq!(switch.log(uniqueid, DID, "LOST").await.unwrap().status, "logged");
    }
    assert_eq!(stored(&superuser, "counted", "answered").await, "t");
    assert_eq!(stored(&superuser, "counted", "ringing").await, "f");
    assert_invariants(&db).await;
}
