//! Call records: what one looks like, filters, days of a zone, and cursors that neither skip nor repeat.

use capconduit_tests::{Calls, Record};
use serde_json::{Value, json};

use super::support::{World, column, field_error, json_of, keys, run};

const LOGS: &str = "/api/seller/logs";

const RECORD_KEYS: &[&str] = &[
    "asteriskLinkedid",
    "asteriskUniqueid",
    "billsecSeconds",
    "callStatus",
    "callerIdName",
    "callerIdNum",
    "campaign",
    "client",
    "counted",
    "createdAt",
    "did",
    "durationSeconds",
    "hangupBy",
    "hangupCauseCode",
    "hangupCauseText",
    "id",
    "incomingDidNumber",
    "linkId",
    "node",
    "overflowExit",
    "overflowedFrom",
    "qualified",
    "reservedAt",
    "sipCallId",
    "timestampAnswered",
    "timestampEnd",
    "timestampStart",
];

/// Alice's records over a year, many of them at the same instants.
const MANY: &str = "
    insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id, incoming_did_number,
        caller_id_num, timestamp_start, duration_seconds, call_status, counted)
    select 'many-' || n, 3, 1 + n % 2, 1 + n % 2, 1 + n % 2, 1 + n % 3, '+18005550101', '+1555' || n % 10,
           timestamptz '2026-01-01 00:00:00.5+00' + interval '1 day' * ((n * 7919) % 40), n,
           (array['ANSWERED', 'BUSY', 'NOANSWER', 'LOST', 'REJECTED_TOTAL'])[1 + n % 5], false
      from generate_series(1, 1500) n";

#[tokio::test]
async fn a_record_with_its_attempts_and_its_decision() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    let routed = switch
        .route_on("+18005550101", "call-1", "+4915112345", "pbx1")
        .await
        .unwrap();
    assert_eq!(switch.next("call-1", 1, "BUSY").await.unwrap().link(), 2);
    switch.answered("call-1").await.unwrap();
    let record = Record {
        node: Some("pbx1".into()),
        duration_seconds: Some(42),
        billsec_seconds: Some(30),
        hangup_cause_code: Some(16),
        hangup_by: Some("client".into()),
        sip_call_id: Some("abc@host".into()),
        ..Record::new("call-1", "+18005550101", "ANSWERED")
    };
    let id = switch.log_record(&record).await.unwrap().cdr_id.expect("an id");
    let list = world.alice.get(&format!("{LOGS}?uniqueid=call-1")).await.ok();
    let item = &list["items"][0];
    assert_eq!(keys(item), RECORD_KEYS);
    assert_eq!(
        item["campaign"],
        json!({"id": 1, "name": "Alice Priority Tech Leads"})
    );
    assert_eq!(item["did"], json!({"id": 1, "number": "+18005550101"}));
    assert_eq!(
        item["client"],
        json!({"id": 2, "name": "Beta Industries", "clientIdentifier": "client_beta_support"})
    );
    for (key, value) in [
        ("id", json!(id)),
        ("linkId", json!(2)),
        ("counted", json!(true)),
        ("callStatus", json!("ANSWERED")),
        ("hangupBy", json!("client")),
        ("node", json!("pbx1")),
        ("sipCallId", json!("abc@host")),
        ("callerIdNum", json!("+4915112345")),
        ("billsecSeconds", json!(30)),
        ("durationSeconds", json!(42)),
    ] {
        assert_eq!(item[key], value, "{key}");
    }
    let detail = world.alice.get(&format!("{LOGS}/{id}")).await.ok();
    for key in RECORD_KEYS {
        assert_eq!(detail[key], item[key], "{key}");
    }
    assert!(
        detail["decision"]
            .as_str()
            .is_some_and(|text| text.contains("1=")),
        "{} / {routed:?}",
        detail["decision"]
    );
    let attempts = &detail["attempts"];
    assert_eq!(column(attempts, "attempt"), [1, 2]);
    assert_eq!(column(attempts, "linkId"), [1, 2]);
    assert_eq!(column(attempts, "dialStatus"), ["BUSY", "ANSWERED"]);
    assert_eq!(
        keys(&attempts[0]),
        [
            "attempt",
            "client",
            "dialStatus",
            "endedAt",
            "hangupCause",
            "linkId",
            "startedAt"
        ]
    );
    // Staff see the same, and whose it is.
    let staff = world.staff.get(&format!("/api/admin/logs/{id}")).await.ok();
    assert_eq!(staff["userId"], 3);
    assert_eq!(staff["attempts"], *attempts);
    world
        .bob
        .get(&format!("{LOGS}/{id}"))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(&superuser, MANY).await;
    let cases = [
        ("campaign_id=1", "campaign_id = 1"),
        ("did_id=2", "did_id = 2"),
        ("client_id=2", "client_id = 2"),
        ("link_id=3", "link_id = 3"),
        ("call_status=busy", "call_status = 'BUSY'"),
        ("call_status=REJECTED_TOTAL", "call_status = 'REJECTED_TOTAL'"),
        ("caller=%2B15553", "caller_id_num = '+15553'"),
        ("uniqueid=many-17", "asterisk_uniqueid = 'many-17'"),
        ("start_date=2026-01-10", "timestamp_start >= '2026-01-10 00:00Z'"),
        ("end_date=2026-01-10", "timestamp_start < '2026-01-11 00:00Z'"),
        (
            "start_date=2026-01-10&end_date=2026-01-10",
            "timestamp_start >= '2026-01-10 00:00Z' and timestamp_start < '2026-01-11 00:00Z'",
        ),
        ("start_date=2026-01-11&end_date=2026-01-10", "false"),
        // The records are half a second after midnight UTC: the day before in New York.
        (
            "start_date=2026-01-10&end_date=2026-01-10&tz=America/New_York",
            "timestamp_start >= '2026-01-10 05:00Z' and timestamp_start < '2026-01-11 05:00Z'",
        ),
        (
            "campaign_id=1&link_id=3&call_status=LOST&start_date=2026-01-05",
            "campaign_id = 1 and link_id = 3 and call_status = 'LOST' and timestamp_start >= '2026-01-05 00:00Z'",
        ),
        ("campaign_id=3", "false"),
    ];
    for (query, condition) in cases {
        let ids = format!(
            "select coalesce(jsonb_agg(id order by timestamp_start desc, id desc), '[]') from call_logs
              where user_id = 3 and {condition}"
        );
        let expected = json_of(&superuser, &ids).await;
        let expected: Vec<Value> = expected.as_array().unwrap().clone();
        let page = world
            .alice
            .get(&format!("{LOGS}?per_page=500&{query}"))
            .await
            .ok();
        assert_eq!(page["total"], expected.len(), "{query}");
        let found: Vec<Value> = column(&page["items"], "id").into_iter().cloned().collect();
        assert_eq!(found, expected[..expected.len().min(500)], "{query}");
    }
    for (query, key) in [
        ("start_date=2026-1-1", "start_date"),
        ("start_date=2026-02-30", "start_date"),
        ("end_date=tomorrow", "end_date"),
        ("tz=Mars/Olympus", "tz"),
        ("tz=UTC-5", "tz"),
        ("campaign_id=x", "campaign_id"),
        ("campaign_id=", "campaign_id"),
        ("link_id=0", "link_id"),
        ("after=x", "after"),
        ("caller=%00", "caller"),
    ] {
        for path in [LOGS.to_owned(), format!("{LOGS}.csv")] {
            if query.starts_with("after") && path.ends_with("csv") {
                continue;
            }
            let problem = world
                .alice
                .get(&format!("{path}?{query}"))
                .await
                .problem(400, "validation_failed");
            let text = field_error(&problem, key);
            if key.ends_with("_date") {
                assert!(text.starts_with(&format!("Invalid {key} format")), "{text}");
                assert_eq!(problem["message"], text);
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_neither_skips_nor_repeats() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(&superuser, MANY).await;
    for (filter, condition) in [
        ("", "true"),
        ("&campaign_id=1", "campaign_id = 1"),
        (
            "&call_status=LOST&start_date=2026-01-03",
            "call_status = 'LOST' and timestamp_start >= '2026-01-03 00:00Z'",
        ),
    ] {
        let sql = format!(
            "select jsonb_agg(id order by timestamp_start desc, id desc) from call_logs where user_id = 3 and {condition}"
        );
        let expected = json_of(&superuser, &sql).await;
        let mut found = Vec::new();
        let mut cursor = String::new();
        for step in 0.. {
            assert!(step < 100, "the end is never reached");
            let page = world
                .alice
                .get(&format!("{LOGS}?per_page=37&after={cursor}{filter}"))
                .await
                .ok();
            assert_eq!(
                keys(&page),
                ["items", "nextCursor", "perPage"],
                "nothing is counted"
            );
            found.extend(column(&page["items"], "id").into_iter().cloned());
            // Newer calls come in meanwhile: the rest of the walk does not move.
            let newer = format!(
                "insert into call_logs (asterisk_uniqueid, user_id, campaign_id, incoming_did_number, timestamp_start,
                     call_status, counted)
                 values ('new-{step}-{}', 3, 1, '+18005550101', now() + interval '{step} s', 'LOST', false)",
                filter.len()
            );
            run(&superuser, &newer).await;
            match page["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(Value::Array(found), expected, "{filter}");
        run(
            &superuser,
            "delete from call_logs where asterisk_uniqueid like 'new-%'",
        )
        .await;
    }
    // The page form hands out a cursor as well, and it goes on from there.
    let page = world.alice.get(&format!("{LOGS}?per_page=10")).await.ok();
    let next = page["nextCursor"].as_str().unwrap();
    let by_cursor = world
        .alice
        .get(&format!("{LOGS}?per_page=10&after={next}"))
        .await
        .ok();
    let by_page = world.alice.get(&format!("{LOGS}?per_page=10&page=2")).await.ok();
    assert_eq!(by_cursor["items"], by_page["items"]);
    // An exact end leaves no cursor to an empty page.
    let total = page["total"].as_i64().unwrap();
    let last = world
        .alice
        .get(&format!("{LOGS}?per_page=10&page={}", (total + 9) / 10))
        .await
        .ok();
    assert!(last["nextCursor"].is_null());
    // Over everybody's records the order is that of recording.
    let mut found: Vec<i64> = Vec::new();
    let mut cursor = String::new();
    for _ in 0..10 {
        let page = world
            .staff
            .get(&format!("/api/admin/logs?per_page=400&after={cursor}"))
            .await
            .ok();
        found.extend(column(&page["items"], "id").into_iter().filter_map(Value::as_i64));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found.len(), 1506);
    assert!(found.windows(2).all(|pair| pair[0] > pair[1]));
}
