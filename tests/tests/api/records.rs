//! The switch over HTTP: the twins of the call functions, and the record that is written once or not at all.

use capconduit_tests::{Answer, Calls, assert_invariants};
use serde_json::{Value, json};

use super::support::{World, field_error, json_of, keys, number_of};

const ROUTE: &str = "/api/internal/route_call";
const NEXT: &str = "/api/internal/next_target";
const LOG: &str = "/api/internal/log_call";

/// log_call's errors are plain JSON with a textual status.
fn log_error(answer: Answer, status: u16) -> Value {
    let answer = answer.expect_status(status);
    assert_eq!(answer.content_type(), "application/json");
    let body = answer.json();
    assert_eq!(body["status"], "error", "{body}");
    assert!(
        body["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{body}"
    );
    body
}

fn record(uniqueid: &str, call_status: &str) -> Value {
    json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-03-01T09:30:00", "callStatus": call_status,
           "asteriskUniqueid": uniqueid})
}

#[tokio::test]
async fn the_twins_answer_as_the_functions_do() {
    let world = World::new().await;
    let (switch, sql) = (world.api.switch(), world.db.asterisk().await);
    let call = json!({"did": "+18005550101", "uniqueid": "http-1", "callerNumber": "+4915112345", "callerName": "A",
                      "linkedid": "http-1", "node": "pbx1"});
    let routed = switch.post(ROUTE, call.clone()).await.ok();
    assert_eq!(
        keys(&routed),
        [
            "attempt",
            "callerId",
            "campaignId",
            "clientIdentifier",
            "decision",
            "dial",
            "dialTimeoutSeconds",
            "hangupCause",
            "linkId",
            "maxCallSeconds",
            "reason",
            "settingsId",
            "status"
        ]
    );
    let same = sql
        .route_on("+18005550101", "sql-1", "+4915112345", "pbx1")
        .await
        .unwrap();
    assert_eq!(routed["dial"].as_str(), same.dial.as_deref());
    assert_eq!(routed["linkId"].as_i64(), same.link_id);
    assert_eq!(routed["callerId"].as_str(), same.caller_id.as_deref());
    // The switch may ask twice; asking about another number under the same id is misuse.
    assert_eq!(switch.post(ROUTE, call).await.ok(), routed);
    assert_eq!(
        number_of(
            &world.db.superuser().await,
            "select active from link_counters where link_id = 1"
        )
        .await,
        2
    );
    let other = json!({"did": "+12125550102", "uniqueid": "http-1"});
    switch.post(ROUTE, other).await.problem(400, "not_valid");
    let failed = json!({"uniqueid": "http-1", "failedAttempt": 1, "dialStatus": "BUSY", "hangupCause": 17});
    let next = switch.post(NEXT, failed.clone()).await.ok();
    assert_eq!((&next["attempt"], &next["linkId"]), (&json!(2), &json!(2)));
    assert_eq!(switch.post(NEXT, failed).await.ok(), next);
    let early = json!({"uniqueid": "http-1", "failedAttempt": 5, "dialStatus": "BUSY"});
    switch.post(NEXT, early).await.problem(400, "not_valid");
    let unknown = json!({"uniqueid": "never-routed", "failedAttempt": 1, "dialStatus": "BUSY"});
    assert_eq!(switch.post(NEXT, unknown).await.ok()["reason"], "call_ended");
    for (path, body, key) in [
        (ROUTE, json!({"did": "+18005550101"}), "uniqueid"),
        (ROUTE, json!({"did": "+18005550101", "uniqueid": ""}), "uniqueid"),
        (
            ROUTE,
            json!({"did": "+18005550101", "uniqueid": "x".repeat(151)}),
            "uniqueid",
        ),
        (ROUTE, json!({"did": 1, "uniqueid": "x"}), "did"),
        (
            NEXT,
            json!({"uniqueid": "x", "dialStatus": "BUSY"}),
            "failedAttempt",
        ),
        (
            NEXT,
            json!({"uniqueid": "x", "failedAttempt": 0, "dialStatus": "BUSY"}),
            "failedAttempt",
        ),
    ] {
        field_error(
            &switch.post(path, body).await.problem(400, "validation_failed"),
            key,
        );
    }
    // What is logged gives its slot back and takes no other.
    switch
        .post(LOG, record("http-1", "ANSWERED"))
        .await
        .expect_status(201);
    let late = switch
        .post(ROUTE, json!({"did": "+18005550101", "uniqueid": "http-1"}))
        .await
        .ok();
    assert_eq!(
        (&late["status"], &late["reason"]),
        (&json!("reject"), &json!("call_ended"))
    );
    assert_invariants(&world.db).await;
}

#[tokio::test]
async fn a_record_is_written_once() {
    let world = World::new().await;
    let (switch, superuser) = (world.api.switch(), world.db.superuser().await);
    let total = "select total from link_counters where link_id = 2";
    let before = number_of(&superuser, total).await;
    let mut body = record("call-1", "answered");
    body["campaignClientSettingId"] = json!(2);
    body["timestampAnswered"] = json!("2026-03-01T10:30:10+01:00");
    body["billsecSeconds"] = json!("50");
    body["nonsense"] = json!({"ignored": true});
    let logged = switch.post(LOG, body.clone()).await.expect_status(201).ok();
    assert_eq!(
        (keys(&logged), &logged["status"]),
        (vec!["cdrId", "message", "status"], &json!("success"))
    );
    let again = log_error(switch.post(LOG, body).await, 409);
    assert_eq!(again["message"], "Duplicate Asterisk Unique ID: call-1");
    assert_eq!(number_of(&superuser, total).await, before + 1, "counted once");
    let stored = json_of(
        &superuser,
        "select to_jsonb(g) from call_logs g where asterisk_uniqueid = 'call-1'",
    )
    .await;
    for (key, value) in [
        ("id", logged["cdrId"].clone()),
        ("call_status", json!("ANSWERED")),
        ("link_id", json!(2)),
        ("client_id", json!(2)),
        ("campaign_id", json!(1)),
        ("user_id", json!(3)),
        ("did_id", json!(1)),
        ("counted", json!(true)),
        ("billsec_seconds", json!(50)),
    ] {
        assert_eq!(stored[key], value, "{key}");
    }
    let times = "select timestamp_start = '2026-03-01 09:30Z' and timestamp_answered = '2026-03-01 09:30:10Z'
                   from call_logs where asterisk_uniqueid = 'call-1'";
    assert_eq!(
        json_of(&superuser, times).await,
        true,
        "without an offset a time is UTC"
    );
    // A call that was never routed, to a number that nobody owns.
    let mut stray = record("call-2", "REJECTED_DID_NOT_FOUND");
    stray["incomingDidNumber"] = json!("12345");
    stray["hangupCauseCode"] = Value::Null;
    switch.post(LOG, stray).await.expect_status(201);
    // Every outcome gives the slot back.
    for status in ["BUSY", "NOANSWER", "CANCEL", "ANSWERED", "whatever"] {
        let uniqueid = format!("held-{status}");
        switch
            .post(ROUTE, json!({"did": "+12125550102", "uniqueid": uniqueid}))
            .await
            .ok();
        let mut ended = record(&uniqueid, status);
        ended["incomingDidNumber"] = json!("+12125550102");
        switch.post(LOG, ended).await.expect_status(201);
    }
    assert_eq!(number_of(&superuser, "select count(*) from live_calls").await, 0);
    assert_eq!(
        json_of(
            &superuser,
            "select call_status from call_logs where asterisk_uniqueid = 'held-whatever'"
        )
        .await,
        "WHATEVER"
    );
    assert_invariants(&world.db).await;
}

#[tokio::test]
async fn faulty_records_are_refused_whole() {
    let world = World::new().await;
    let (switch, superuser) = (world.api.switch(), world.db.superuser().await);
    let records = "select jsonb_build_array((select count(*) from call_logs), (select jsonb_agg(n) from link_counters n))";
    let before = json_of(&superuser, records).await;
    for (key, value) in [
        ("incomingDidNumber", Value::Null),
        ("timestampStart", json!("yesterday")),
        ("timestampStart", json!(1_700_000_000)),
        ("timestampStart", json!("2026-02-30T00:00:00Z")),
        ("timestampStart", json!("99999-01-01T00:00:00Z")),
        ("callStatus", json!("")),
        ("asteriskUniqueid", json!("")),
        ("asteriskUniqueid", json!("x".repeat(151))),
        ("callerIdNum", json!(15_551_234_567_i64)),
        ("timestampAnswered", json!("soon")),
        ("timestampEnd", json!(true)),
        ("durationSeconds", json!(-1)),
        ("billsecSeconds", json!(1.5)),
        ("billsecSeconds", json!(2_147_483_648_i64)),
        ("userId", json!("three")),
        ("clientId", json!(0)),
    ] {
        let mut body = record("call-1", "ANSWERED");
        body[key] = value.clone();
        let error = log_error(switch.post(LOG, body).await, 400);
        assert_eq!(keys(&error["errors"]), [key], "{key} {value}");
    }
    let missing = log_error(switch.post(LOG, json!({"callerIdNum": "1"})).await, 400);
    assert_eq!(
        keys(&missing["errors"]),
        [
            "asteriskUniqueid",
            "callStatus",
            "incomingDidNumber",
            "timestampStart"
        ]
    );
    let with = |key: &str, id: i64| {
        let mut body = record("call-1", "ANSWERED");
        body["campaignClientSettingId"] = json!(2);
        body[key] = json!(id);
        body
    };
    log_error(
        switch.post(LOG, with("campaignClientSettingId", 999_999)).await,
        404,
    );
    for (key, id) in [("campaignId", 2), ("clientId", 1), ("userId", 4)] {
        log_error(switch.post(LOG, with(key, id)).await, 400);
    }
    log_error(switch.raw("POST", LOG, Some("text/plain"), "{".into()).await, 415);
    log_error(
        switch
            .raw("POST", LOG, Some("application/json"), "{".into())
            .await,
        400,
    );
    log_error(switch.post(LOG, json!({})).await, 400);
    assert_eq!(json_of(&superuser, records).await, before, "nothing was written");
}
