//! The switch's functions over HTTP take what they take in SQL, and store the same: a record is never refused for the texts
//! that describe it, and no talk is made up.

use capconduit_tests::assert_invariants;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{World, json_of};

const LOG: &str = "/api/internal/log_call";

/// The record's own columns: what is stored of the arguments.
async fn stored(client: &Client, uniqueid: &str) -> Value {
    let sql = format!(
        "select to_jsonb(g) - array['id', 'created_at', 'changed_xid', 'asterisk_uniqueid'] from call_logs g
          where asterisk_uniqueid = '{uniqueid}'"
    );
    json_of(client, &sql).await
}

/// log_call's keys over HTTP, and what they are called in SQL.
const KEYS: &[(&str, &str)] = &[
    ("incomingDidNumber", "did"),
    ("callStatus", "call_status"),
    ("timestampStart", "started_at"),
    ("timestampAnswered", "answered_at"),
    ("timestampEnd", "ended_at"),
    ("callerIdNum", "caller_number"),
    ("callerIdName", "caller_name"),
    ("durationSeconds", "duration_seconds"),
    ("billsecSeconds", "billsec_seconds"),
    ("hangupCauseCode", "hangup_cause_code"),
    ("hangupCauseText", "hangup_cause_text"),
    ("hangupBy", "hangup_by"),
    ("sipCallId", "sip_call_id"),
    ("asteriskLinkedid", "linkedid"),
    ("campaignClientSettingId", "link_id"),
];

/// The same record in SQL; None: refused.
async fn log_in_sql(client: &Client, uniqueid: &str, record: &Value) -> Option<()> {
    let mut sql = format!("select log_call(uniqueid => '{uniqueid}'");
    for (key, name) in KEYS {
        let value = &record[*key];
        let literal = match value {
            Value::Null => continue,
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            other => other.to_string(),
        };
        sql.push_str(&format!(", {name} => {literal}"));
    }
    sql.push(')');
    client.query(&sql, &[]).await.ok().map(|_| ())
}

fn record(change: &[(&str, Value)]) -> Value {
    let mut record = json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-03-01T09:30:00Z",
        "timestampAnswered": "2026-03-01T09:30:10Z", "timestampEnd": "2026-03-01T09:31:00Z", "callStatus": "ANSWERED"});
    for (key, value) in change {
        record[*key] = value.clone();
    }
    record
}

#[tokio::test]
async fn a_record_over_http_is_the_record_in_sql() {
    let world = World::new().await;
    let (switch, client) = (world.api.switch(), world.db.superuser().await);
    let long = |length: usize| json!("é".repeat(length));
    let odd = "a\u{7}b\u{1b}[31m\r\n\tc\u{9f}\u{202e}d";
    let mut cases: Vec<Vec<(&str, Value)>> = vec![vec![]];
    for (key, length) in [
        ("incomingDidNumber", 50),
        ("callStatus", 50),
        ("callerIdNum", 50),
        ("callerIdName", 100),
        ("hangupCauseText", 50),
        ("sipCallId", 255),
        ("asteriskLinkedid", 150),
    ] {
        cases.push(vec![(key, long(length))]);
        cases.push(vec![(key, long(length + 1))]);
        cases.push(vec![(key, long(5000))]);
        cases.push(vec![(key, json!(odd))]);
        cases.push(vec![(key, json!("  blanks  "))]);
        cases.push(vec![(key, json!(""))]);
    }
    for (key, value) in [
        ("callStatus", json!(" answered ")),
        ("callStatus", json!(" ")),
        ("callStatus", json!("\t")),
        ("hangupBy", json!("caller")),
        ("hangupBy", json!("")),
        ("hangupBy", json!("nobody")),
        ("timestampStart", json!("1969-07-20T20:17:00Z")),
        ("timestampStart", json!("2300-01-01T00:00:00Z")),
        ("timestampStart", json!("infinity")),
        ("timestampStart", json!("yesterday evening")),
        ("durationSeconds", json!(-1)),
        ("durationSeconds", json!(2_147_483_647)),
        ("durationSeconds", json!(2_147_483_648_i64)),
        ("billsecSeconds", json!(-1)),
        ("hangupCauseCode", json!(-1)),
        ("hangupCauseCode", json!(100_000)),
        ("campaignClientSettingId", json!(1)),
        ("campaignClientSettingId", json!(999_999)),
    ] {
        cases.push(vec![(key, value)]);
    }
    // Without an end.
    for change in [
        vec![],
        vec![("durationSeconds", json!(90))],
        vec![("billsecSeconds", json!(90))],
        vec![("timestampAnswered", Value::Null)],
        vec![("timestampAnswered", Value::Null), ("billsecSeconds", json!(5))],
    ] {
        cases.push([vec![("timestampEnd", Value::Null)], change].concat());
    }
    for (n, change) in cases.iter().enumerate() {
        let record = record(change);
        let (by_sql, by_http) = (format!("twin-sql-{n}"), format!("twin-http-{n}"));
        let taken = log_in_sql(&client, &by_sql, &record).await.is_some();
        let mut body = record.clone();
        body["asteriskUniqueid"] = json!(by_http);
        let answer = switch.post(LOG, body).await;
        if taken {
            answer.expect_status(201);
        } else {
            assert!(
                (400..500).contains(&answer.status),
                "{}: {change:?}",
                answer.status
            );
        }
        assert_eq!(
            stored(&client, &by_http).await,
            stored(&client, &by_sql).await,
            "{change:?}"
        );
    }
    // What no text of the database can hold is left out.
    let mut body = record(&[("callerIdName", json!("a\u{0}b"))]);
    body["asteriskUniqueid"] = json!("twin-nul");
    switch.post(LOG, body).await.expect_status(201);
    assert_eq!(stored(&client, "twin-nul").await["caller_id_name"], "ab");
    assert_invariants(&world.db).await;
    // A seller reads them all.
    world
        .alice
        .get("/api/seller/logs?per_page=500")
        .await
        .expect_status(200);
    world.alice.get("/api/seller/logs.csv").await.expect_status(200);
}

#[tokio::test]
async fn a_call_over_http_is_the_call_in_sql() {
    let world = World::new().await;
    let (switch, client) = (world.api.switch(), world.db.superuser().await);
    let odd = "a\u{7}b\r\n\tc";
    client
        .batch_execute("update campaign_client_settings set max_concurrency = 100")
        .await
        .expect("room for all");
    for (n, (number, name, status)) in [
        ("+4915100001", "Jane", "BUSY"),
        (odd, odd, odd),
        ("", "", ""),
        (&"9".repeat(2000), &"é".repeat(2000), &"x".repeat(2000)),
    ]
    .into_iter()
    .enumerate()
    {
        let call = format!("twin-{n}");
        let body = json!({"did": "+18005550101", "uniqueid": call, "callerNumber": number, "callerName": name,
            "linkedid": name});
        assert_eq!(
            switch.post("/api/internal/route_call", body).await.ok()["status"],
            "ok"
        );
        let failed = json!({"uniqueid": call, "failedAttempt": 1, "dialStatus": status});
        assert_eq!(
            switch.post("/api/internal/next_target", failed).await.ok()["status"],
            "ok"
        );
        client
            .query(
                "select route_call('+18005550101', $1, $2, $3, $3)",
                &[&format!("sql-{call}"), &number, &name],
            )
            .await
            .expect("a route");
        client
            .query(
                "select next_target($1, 1, $2)",
                &[&format!("sql-{call}"), &status],
            )
            .await
            .expect("a target");
        let look = |id: &str| {
            format!(
                "select jsonb_build_array(caller_number, caller_name, linkedid,
                    (select dial_status from call_attempts a where a.uniqueid = l.uniqueid))
                   from live_calls l where uniqueid = '{id}'"
            )
        };
        assert_eq!(
            json_of(&client, &look(&call)).await,
            json_of(&client, &look(&format!("sql-{call}"))).await
        );
    }
}

/// A record that comes days late, without an end, says nothing of how long the call was.
#[tokio::test]
async fn no_talk_is_made_up_for_a_call_whose_end_is_not_told() {
    let world = World::new().await;
    let client = world.db.superuser().await;
    let times = async |uniqueid: &str| {
        let sql = format!(
            "select jsonb_build_array(extract(epoch from timestamp_end - timestamp_start)::bigint, duration_seconds,
                billsec_seconds, counted) from call_logs where asterisk_uniqueid = '{uniqueid}'"
        );
        json_of(&client, &sql).await
    };
    let log = async |uniqueid: &str, more: &str| {
        let sql = format!("select log_call('{uniqueid}', '+18005550101', 'ANSWERED', {more})");
        client
            .query(&sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        times(uniqueid).await
    };
    let start = "started_at => now() - interval '695 days'";
    let answer = "answered_at => now() - interval '695 days' + interval '8 seconds'";
    assert_eq!(log("late-1", start).await, json!([0, 0, 0, false]));
    assert_eq!(
        log("late-2", &format!("{start}, {answer}, link_id => 1")).await,
        json!([8, 8, 0, true])
    );
    assert_eq!(
        log("late-3", &format!("{start}, {answer}, billsec_seconds => 30")).await,
        json!([38, 38, 30, false])
    );
    assert_eq!(
        log("late-4", &format!("{start}, {answer}, duration_seconds => 20")).await,
        json!([20, 20, 12, false])
    );
    // In flight until now: it ends now, but never after its lease.
    for (call, lease, least, most) in [
        ("live-1", "now() + interval '1 hour'", 59, 120),
        ("live-2", "now() - interval '40 seconds'", 19, 21),
    ] {
        client
            .query("select route_call('+18005550101', $1)", &[&call])
            .await
            .expect("a route");
        client
            .batch_execute(&format!(
                "update live_calls set routed_at = now() - interval '70 seconds', answered_at = now() - interval '60 seconds',
                    lease_until = {lease} where uniqueid = '{call}'"
            ))
            .await
            .expect("an older call");
        let talk = log(call, "node => 'pbx1'").await[2].as_i64().expect("seconds");
        assert!((least..=most).contains(&talk), "{call}: {talk}");
    }
    // Closed as LOST: what the true record does not say stays.
    client
        .query("select route_call('+18005550101', 'lost-1')", &[])
        .await
        .expect("a route");
    client
        .batch_execute(
            "update live_calls set routed_at = now() - interval '2 days', answered_at = now() - interval '2 days',
                attempt_at = now() - interval '2 days' where uniqueid = 'lost-1';
             select release_call('lost-1', 'a test')",
        )
        .await
        .expect("released");
    let lost = times("lost-1").await;
    assert_eq!(log("lost-1", "node => 'pbx1'").await, lost);
    // Its reservation was moved by hand, out of the windows that had counted it.
    client
        .query("select reconcile_counters()", &[])
        .await
        .expect("mended");
    assert_invariants(&world.db).await;
}
