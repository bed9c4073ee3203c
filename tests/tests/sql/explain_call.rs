//! `explain_call` and `preview_call`: what `explain_route` and `preview_route` say, for one caller at one instant, with the gates
//! that were asked and what they go by.

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

/// The rows of `explain_call`, or the one of `preview_call`, are those of the older function and `detail`.
async fn assert_like_the_older(db: &Client, did: &str) {
    for (older, newer) in [
        ("explain_route", "explain_call"),
        ("preview_route", "preview_call"),
    ] {
        let told: Vec<Value> = values(db, &format!("select to_jsonb(r) from {older}('{did}') r")).await;
        let rows: Vec<Value> = values(
            db,
            &format!("select to_jsonb(r) - 'detail' from {newer}('{did}') r"),
        )
        .await;
        assert_eq!(told, rows, "{newer} of {did}");
        let with_detail: Vec<bool> = values(
            db,
            // With its names in PostgreSQL's order, each once.
            &format!(
                "select detail ?& array['asked', 'gates', 'stopped_by'] and detail = detail::text::jsonb from {newer}('{did}')"
            ),
        )
        .await;
        assert!(with_detail.iter().all(|with| *with), "{newer} of {did}");
    }
}

/// By what each link, in the order of their ids, is stopped.
async fn stopped_by(db: &Client, call: &str) -> Vec<Value> {
    values(
        db,
        &format!(
            "select coalesce(detail -> 'stopped_by', 'null') from explain_call({call}) order by link_id"
        ),
    )
    .await
}

/// The gates that were asked, by their names.
async fn gates(db: &Client, function: &str) -> Vec<String> {
    values(
        db,
        &format!("select g ->> 'gate' from {function}, jsonb_array_elements(detail -> 'gates') g"),
    )
    .await
}

const GATES_OF_A_CALL: [&str; 4] = [
    "did_inactive",
    "owner_inactive",
    "no_campaign",
    "campaign_inactive",
];

#[tokio::test]
async fn every_gate_of_a_link_is_told_with_what_it_goes_by() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let links = [Link::cap(1).allowed(5); 6];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let (id, client_of) = (|n: usize| scenario.link_ids[n], |n: usize| scenario.client_ids[n]);
    let switch = db.asterisk().await;
    assert_eq!(switch.route(&scenario.did, "call-1").await.unwrap().link(), id(0));
    run(
        &admin,
        &format!(
            "update campaign_client_settings set status = 'inactive' where id = {};
             update clients set status = 'inactive' where id = {};
             update pjsip_aors set contact = null where client_id = {};
             update campaign_client_settings set total_calls_allowed = 0 where id = {}",
            id(1),
            client_of(2),
            client_of(3),
            id(4)
        ),
    )
    .await;
    assert_like_the_older(&admin, &scenario.did).await;
    assert_eq!(
        stopped_by(&admin, &format!("'{}'", scenario.did)).await,
        [
            json!({ "gate": "concurrency_cap", "used": 1, "limit": 1, "freed_by": "call_end" }),
            json!({ "gate": "link_inactive", "freed_by": "change" }),
            json!({ "gate": "client_inactive", "freed_by": "change" }),
            json!({ "gate": "no_contact", "freed_by": "change" }),
            json!({ "gate": "total_cap", "used": 0, "in_flight": 0, "limit": 0, "freed_by": "call_end" }),
            Value::Null,
        ]
    );
    // One that is open says what room is left, and what was asked comes in order.
    let open: Value = value(
        &admin,
        &format!(
            "select detail -> 'gates' from explain_call('{}') where link_id = {}",
            scenario.did,
            id(5)
        ),
    )
    .await;
    let mut expected: Vec<Value> = GATES_OF_A_CALL
        .iter()
        .map(|name| json!({ "gate": name }))
        .collect();
    expected.extend(
        ["already_tried", "link_inactive", "client_inactive", "no_contact"]
            .map(|name| json!({ "gate": name })),
    );
    expected.push(json!({ "gate": "total_cap", "used": 0, "in_flight": 0, "limit": 5 }));
    expected.push(json!({ "gate": "concurrency_cap", "used": 0, "limit": 1 }));
    expected.push(json!({ "gate": "spacing" }));
    assert_eq!(open, Value::from(expected));
    // A preview lists whom it passes over, and ends with the one that takes the call.
    let asked: Vec<(i64, Option<String>)> = admin
        .query(
            &format!(
                "select (l ->> 'link_id')::bigint, l -> 'stopped_by' ->> 'gate'
                   from preview_call('{}'), jsonb_array_elements(detail -> 'links') l",
                scenario.did
            ),
            &[],
        )
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let stops = [
        Some("concurrency_cap"),
        Some("link_inactive"),
        Some("client_inactive"),
        Some("no_contact"),
        Some("total_cap"),
        None,
    ];
    let expected: Vec<(i64, Option<String>)> = scenario
        .link_ids
        .iter()
        .zip(stops)
        .map(|(id, gate)| (*id, gate.map(str::to_owned)))
        .collect();
    assert_eq!(asked, expected);
    assert_eq!(
        gates(&admin, &format!("preview_call('{}')", scenario.did)).await,
        GATES_OF_A_CALL
    );
}

#[tokio::test]
async fn every_gate_of_a_call_is_told() {
    let db = TestDb::sample_uncapped().await;
    let admin = db.admin().await;
    let stops = async |did: &str, gate: &str, reason: &str| {
        assert_like_the_older(&admin, did).await;
        for function in ["explain_call", "preview_call"] {
            let told: Vec<Value> = values(
                &admin,
                &format!("select jsonb_build_array(reason, detail -> 'stopped_by') from {function}('{did}')"),
            )
            .await;
            let expected = json!([reason, { "gate": gate, "freed_by": "change" }]);
            assert_eq!(told, [expected], "{function}('{did}')");
            assert_eq!(
                gates(&admin, &format!("{function}('{did}')"))
                    .await
                    .last()
                    .map(String::as_str),
                Some(gate)
            );
        }
    };
    // Of a number that nobody has, nothing is known that a gate could judge.
    for did in ["hello", "+19995550000"] {
        assert_like_the_older(&admin, did).await;
        assert_eq!(gates(&admin, &format!("explain_call('{did}')")).await, [""; 0]);
    }
    stops("+442075550104", "did_inactive", "did_inactive").await;
    run(&admin, "update users set status = 'suspended' where id = 4").await;
    stops("+13105550103", "owner_inactive", "owner_inactive").await;
    run(
        &admin,
        "update campaigns set status = 'paused' where id = 1;
         delete from campaign_dids where campaign_id = 2",
    )
    .await;
    stops("+18005550101", "campaign_inactive", "no_active_campaign_for_did").await;
    stops("+12125550102", "no_campaign", "no_active_campaign_for_did").await;
    // Let through by its own gates, and there is no link to ask.
    run(
        &admin,
        "update campaigns set status = 'active' where id = 1;
         delete from campaign_client_settings where campaign_id = 1",
    )
    .await;
    assert_like_the_older(&admin, "+18005550101").await;
    assert_eq!(stopped_by(&admin, "'+18005550101'").await, [Value::Null]);
    assert_eq!(
        gates(&admin, "explain_call('+18005550101')").await,
        GATES_OF_A_CALL
    );
}

#[tokio::test]
async fn a_campaign_behind_another_says_behind_which() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    run(
        &admin,
        "insert into campaign_dids (campaign_id, did_id) values (2, 1)",
    )
    .await;
    assert_like_the_older(&admin, "+18005550101").await;
    let behind: Vec<Option<i64>> = values(
        &admin,
        "select (detail ->> 'shadowed_by')::bigint from explain_call('+18005550101') order by campaign_id, link_id",
    )
    .await;
    assert_eq!(behind, [None, None, Some(1)]);
}

#[tokio::test]
async fn an_instant_to_come_is_judged_by_the_clock_of_then() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[Link::cap(2)]).await;
    // The last of several registrations counts.
    run(
        &admin,
        &format!(
            "set timezone = 'Asia/Kathmandu';
             update pjsip_aors set contact = null where client_id = {0};
             insert into pjsip_contacts (id, endpoint, expiration_time)
                 select client_identifier || ';@' || n, client_identifier, extract(epoch from timestamptz '2100-01-01 00:00:00+00') - n
                   from clients, generate_series(0, 2) n where id = {0}",
            scenario.client_ids[0]
        ),
    )
    .await;
    let did = &scenario.did;
    for (at, reason) in [
        ("null", "eligible"),
        ("'2099-12-31 23:59:59.999999+00'", "eligible"),
        ("'2100-01-01 00:00:00+00'", "no_contact"),
    ] {
        let told: String = value(
            &admin,
            &format!("select reason from explain_call('{did}', at => {at})"),
        )
        .await;
        assert_eq!(told, reason, "{at}");
        let status: String = value(
            &admin,
            &format!("select status from preview_call('{did}', at => {at})"),
        )
        .await;
        assert_eq!(status == "ok", reason == "eligible", "{at}");
    }
    // Instants are told as PostgreSQL tells them, in the session's time zone.
    let told: Value = value(
        &admin,
        &format!(
            "select detail - 'gates' from explain_call('{did}', '+15550001', '2100-06-01 12:00:00+00', 'pbx1')"
        ),
    )
    .await;
    assert_eq!(
        told,
        json!({
            "asked": { "at": "2100-06-01T17:45:00+05:45", "caller": "+15550001", "node": "pbx1" },
            "stopped_by": { "gate": "no_contact", "registered_until": "2100-01-01T05:45:00+05:45", "freed_by": "change" },
        })
    );
    // Without an instant it is now.
    let is_now: bool = value(
        &admin,
        &format!(
            "select (detail -> 'asked' ->> 'at')::timestamptz between now() and clock_timestamp()
               from preview_call('{did}')"
        ),
    )
    .await;
    assert!(is_now);
    // What lies beyond the calendar.
    for (expiration_time, told) in [(i64::MAX, "infinity"), (i64::MIN, "-infinity")] {
        run(
            &admin,
            &format!("update pjsip_contacts set expiration_time = {expiration_time}"),
        )
        .await;
        let until: Option<String> = value(
            &admin,
            &format!(
                "select g ->> 'registered_until' from explain_call('{did}'), jsonb_array_elements(detail -> 'gates') g
                  where g ->> 'gate' = 'no_contact'"
            ),
        )
        .await;
        assert_eq!(until.as_deref(), Some(told));
    }
}

#[tokio::test]
async fn arguments_are_those_of_a_call() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    for function in ["explain_call", "preview_call"] {
        for wrong in ["at => 'infinity'", "at => '-infinity'", "node => 'two words'"] {
            let sql = format!("select {function}('+18005550101', {wrong})");
            assert_eq!(sqlstate(admin.batch_execute(&sql).await), "22023", "{sql}");
        }
        // As `route_call` takes it: cut, and nothing is NULL.
        let caller: Value = value(
            &admin,
            &format!("select detail -> 'asked' from {function}('hello', repeat('1', 300), '2000-01-01', '')"),
        )
        .await;
        assert_eq!(caller["caller"].as_str().map(str::len), Some(50));
        assert_eq!(caller["node"], Value::Null);
    }
}

#[tokio::test]
async fn they_leave_no_trace() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    run(&admin, "begin read only").await;
    for did in ["+18005550101", "+12125550102", "+13105550103", "nonsense"] {
        assert_like_the_older_but_for_chance(&admin, did).await;
    }
    let wrote: bool = value(&admin, "select pg_current_xact_id_if_assigned() is not null").await;
    run(&admin, "commit").await;
    assert!(!wrote);
}

/// A weighted campaign's preview draws anew each time.
async fn assert_like_the_older_but_for_chance(db: &Client, did: &str) {
    let strategy: Option<String> = value(
        db,
        &format!("select max(routing_strategy) from explain_route('{did}')"),
    )
    .await;
    if strategy.as_deref() != Some("weighted") {
        assert_like_the_older(db, did).await;
        return;
    }
    let share: f64 = value(
        db,
        &format!(
            "select sum(e.share) from explain_call('{did}') e, preview_call('{did}') p where e.link_id = p.link_id"
        ),
    )
    .await;
    assert!(share > 0.0);
}

/// A link that waits for its pause says until when; asked for that instant, it takes the call.
#[tokio::test]
async fn a_spaced_link_says_when_it_opens() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(1)]).await;
    let superuser = db.superuser().await;
    run(
        &superuser,
        "update campaign_client_settings set min_seconds_between = 60;
         update link_counters set reserved_at = '2030-01-01 00:00:10Z'",
    )
    .await;
    run(&admin, "set timezone = 'UTC'").await;
    let at = |time: &str| format!("'{}', at => '2030-01-01 {time}Z'", scenario.did);
    let waits = json!({
        "gate": "spacing", "min_seconds_between": 60, "reserved_at": "2030-01-01T00:00:10+00:00",
        "opens_at": "2030-01-01T00:01:10+00:00", "freed_by": "time"
    });
    for waiting in ["00:00:20", "00:01:09.999999"] {
        assert_eq!(
            stopped_by(&admin, &at(waiting)).await,
            std::slice::from_ref(&waits)
        );
    }
    assert_eq!(stopped_by(&admin, &at("00:01:10")).await, [Value::Null]);
}
