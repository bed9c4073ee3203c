//! Hours of numbers, campaigns, links and clients, as calls meet them.

use capconduit_tests::{API, Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

/// A schedule of the platform's, by weekly intervals and exceptions as JSON.
async fn schedule(admin: &Client, name: &str, zone: &str, weekly: &Value, exceptions: &Value) -> i64 {
    let sql =
        "insert into schedules (name, time_zone, weekly, exceptions) values ($1, $2, $3, $4) returning id";
    let row = admin.query_one(sql, &[&name, &zone, weekly, exceptions]).await;
    row.expect("a schedule").get(0)
}

fn every_day(opens: &str, closes: &str) -> Value {
    let days = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    days.iter()
        .map(|day| json!({"day": day, "opens": opens, "closes": closes}))
        .collect()
}

/// Every row of `explain_call` then: which link, why, and what that gate goes by.
async fn explained(db: &Client, did: &str, at: &str) -> Vec<Value> {
    values(
        db,
        &format!(
            "select jsonb_build_array(link_id, reason, detail -> 'stopped_by', reject_reason)
               from explain_call('{did}', at => '{at}') order by link_id"
        ),
    )
    .await
}

async fn reasons(db: &Client, did: &str, at: &str) -> Vec<String> {
    values(
        db,
        &format!("select reason from explain_call('{did}', at => '{at}') order by link_id"),
    )
    .await
}

#[tokio::test]
async fn whatever_is_closed_stops_a_call_and_says_when_it_opens() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(
        &admin,
        Strategy::Priority,
        &[Link::cap(9), Link::cap(9).priority(1)],
    )
    .await;
    let (did, links) = (scenario.did.as_str(), &scenario.link_ids);
    run(&admin, "set timezone = 'UTC'").await;
    let day = schedule(
        &admin,
        "day",
        "Europe/Berlin",
        &every_day("08:00", "20:00"),
        &json!([]),
    )
    .await;
    let tables = [
        ("dids", scenario.did_id),
        ("campaigns", scenario.campaign_id),
        ("campaign_client_settings", links[0]),
        ("clients", scenario.client_ids[0]),
    ];
    let attach = async |table: &str, id: i64, schedule: Option<i64>| {
        let sql = format!("update {table} set schedule_id = $2 where id = $1");
        admin.execute(&sql, &[&id, &schedule]).await.expect("attached");
    };
    let opens = json!("2026-12-01T07:00:00+00:00");
    let (night, open) = ("2026-11-30 19:00:00Z", "2026-11-30 18:59:59.999999Z");
    for (table, id) in tables {
        attach(table, id, Some(day)).await;
        let open = reasons(&admin, did, open).await;
        assert_eq!(open, ["eligible", "eligible"], "{table}");
        let gate =
            |gate: &str| json!({"gate": gate, "schedule_id": day, "opens_at": opens, "freed_by": "time"});
        let expected = match table {
            "dids" => vec![json!([null, "closed", gate("did_closed"), "closed"])],
            "campaigns" => vec![json!([null, "closed", gate("campaign_closed"), "closed"])],
            "clients" => vec![
                json!([links[0], "client_closed", gate("client_closed"), null]),
                json!([links[1], "eligible", null, null]),
            ],
            _ => vec![
                json!([links[0], "link_closed", gate("link_closed"), null]),
                json!([links[1], "eligible", null, null]),
            ],
        };
        assert_eq!(explained(&admin, did, night).await, expected, "{table}");
        attach(table, id, None).await;
    }
    // All of them closed is a reason of its own; one that is full was not closed.
    attach("campaign_client_settings", links[0], Some(day)).await;
    attach("clients", scenario.client_ids[1], Some(day)).await;
    let rejects: Vec<String> = values(
        &admin,
        &format!("select distinct reject_reason from explain_call('{did}', at => '{night}')"),
    )
    .await;
    assert_eq!(rejects, ["all_closed"]);
    // What is open says until when.
    let gates: Vec<Value> = values(
        &admin,
        &format!(
            "select g from explain_call('{did}', at => '{open}') e, jsonb_array_elements(e.detail -> 'gates') g
              where e.link_id = {} and g ->> 'gate' = 'link_closed'",
            links[0]
        ),
    )
    .await;
    assert_eq!(
        gates,
        [json!({"gate": "link_closed", "schedule_id": day, "closes_at": "2026-11-30T19:00:00+00:00"})]
    );
    // Several are ANDed: of a link and of its client.
    let early = schedule(&admin, "early", "UTC", &every_day("05:00", "09:00"), &json!([])).await;
    attach("clients", scenario.client_ids[0], Some(early)).await;
    let told = async |at: &str| {
        let sql = format!(
            "select concat_ws(' ', reason, detail ->> 'opens_at') from explain_call('{did}', at => '{at}') where link_id = {}",
            links[0]
        );
        value::<String>(&admin, &sql).await
    };
    for (at, expected) in [
        ("2026-11-30 06:30:00Z", "link_closed 2026-11-30T07:00:00+00:00"),
        ("2026-11-30 07:30:00Z", "eligible"),
        // The client opens at five, the link at seven.
        ("2026-11-30 10:00:00Z", "client_closed 2026-12-01T07:00:00+00:00"),
        ("2026-11-30 23:00:00Z", "client_closed 2026-12-01T07:00:00+00:00"),
    ] {
        assert_eq!(told(at).await, expected, "{at}");
    }
    // Nor before the number and the campaign are open; and of what never is together nobody knows an instant.
    let late = schedule(&admin, "late", "UTC", &every_day("08:00", "20:00"), &json!([])).await;
    attach("campaigns", scenario.campaign_id, Some(late)).await;
    let night = "2026-11-30 19:30:00Z";
    assert_eq!(told(night).await, "client_closed 2026-12-01T08:00:00+00:00");
    attach("clients", scenario.client_ids[0], Some(night_hours(&admin).await)).await;
    assert_eq!(told(night).await, "client_closed");
    // A cap that is used up for the month.
    attach("clients", scenario.client_ids[0], None).await;
    run(
        &admin,
        &format!(
            "insert into caps (link_id, counts, span, set_by, max_calls) values ({}, 'offered', 'month', 'seller', 1)",
            links[0]
        ),
    )
    .await;
    let switch = db.asterisk().await;
    run(
        &admin,
        "update campaigns set schedule_id = null; update campaign_client_settings set schedule_id = null",
    )
    .await;
    assert_eq!(switch.route(did, "once").await.unwrap().link(), links[0]);
    attach("campaign_client_settings", links[0], Some(late)).await;
    let opens: Vec<bool> = values(
        &admin,
        &format!(
            "select (e.detail ->> 'opens_at')::timestamptz = date_trunc('month', n.night, 'UTC') + '1 month 8 hours'::interval
               from (select date_trunc('day', now(), 'UTC') + '23 hours'::interval as night) n,
                    lateral explain_call('{did}', at => n.night) e
              where e.reason = 'link_closed'"
        ),
    )
    .await;
    assert_eq!(opens, [true]);
}

async fn night_hours(admin: &Client) -> i64 {
    schedule(admin, "night", "UTC", &every_day("20:30", "04:00"), &json!([])).await
}

/// By the clock of now: hours that began a moment ago or end in one, and those of the rest of the day.
#[tokio::test]
async fn calls_go_by_the_hours_of_now_and_by_their_last_change() {
    let db = TestDb::new().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[Link::cap(9)]).await;
    let did = scenario.did.as_str();
    let closed = schedule(&admin, "never", "UTC", &json!([]), &json!([])).await;
    let link = scenario.link_ids[0];
    let set = async |column: &str, schedule: &str| {
        let (table, id) = column.split_once(' ').expect("a table and an id");
        run(
            &admin,
            &format!("update {table} set schedule_id = {schedule} where id = {id}"),
        )
        .await;
    };
    let routed = async |id: &str| {
        let answer = switch.route(did, id).await.unwrap();
        (
            answer.reason.clone().unwrap_or_else(|| answer.status.clone()),
            answer.hangup_cause,
        )
    };
    assert_eq!(routed("in flight").await, ("ok".to_owned(), None));
    for (row, reason) in [
        (format!("dids {}", scenario.did_id), "closed"),
        (format!("campaigns {}", scenario.campaign_id), "closed"),
        (format!("campaign_client_settings {link}"), "all_closed"),
        (format!("clients {}", scenario.client_ids[0]), "all_closed"),
    ] {
        set(&row, &closed.to_string()).await;
        assert_eq!(routed("refused").await, (reason.to_owned(), Some(20)), "{row}");
        // As it is changed, this connection hears it: what it has remembered is of the version of before.
        run(
            &admin,
            &format!(
                "update schedules set weekly = '{}' where id = {closed}",
                every_day("00:00", "24:00")
            ),
        )
        .await;
        assert_eq!(routed(&row).await.0, "ok", "{row}");
        run(
            &admin,
            &format!(
                "begin; update schedules set weekly = '[]' where id = {closed};
                 select explain_route('{did}'); rollback;
                 update schedules set weekly = '[]', time_zone = 'Asia/Tokyo' where id = {closed}"
            ),
        )
        .await;
        assert_eq!(routed("refused").await.0, reason, "{row}");
        set(&row, "null").await;
    }
    // It ends no call: one that was up goes on, and is recorded.
    set(&format!("campaign_client_settings {link}"), &closed.to_string()).await;
    assert_eq!(
        switch.log("in flight", did, "ANSWERED").await.unwrap().status,
        "logged"
    );
    assert_invariants(&db).await;
}

/// What a transaction has seen of its own change, and rolled back, is not taken for what another sets later.
#[tokio::test]
async fn what_was_rolled_back_is_not_remembered() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let did = scenario.did.as_str();
    let id = schedule(&admin, "s", "UTC", &json!([]), &json!([])).await;
    run(&admin, &format!("update campaigns set schedule_id = {id}")).await;
    let reason = async || reasons(&admin, did, "2026-12-01 12:00:00Z").await.remove(0);
    run(&admin, "begin; savepoint before").await;
    run(
        &admin,
        &format!("update schedules set weekly = '{}'", every_day("00:00", "24:00")),
    )
    .await;
    assert_eq!(reason().await, "eligible");
    run(&admin, "rollback to before").await;
    assert_eq!(reason().await, "closed");
    run(
        &admin,
        &format!("update schedules set weekly = '{}'", every_day("13:00", "24:00")),
    )
    .await;
    assert_eq!(reason().await, "closed");
    run(&admin, "rollback").await;
    assert_eq!(reason().await, "closed");
}

#[tokio::test]
async fn the_database_takes_no_schedule_that_calls_could_not_read() {
    let db = TestDb::sample_uncapped().await;
    let admin = db.admin().await;
    for (set, column) in [
        ("weekly = '[{\"day\": \"mon\"}]'", "weekly"),
        ("weekly = 'null'", "weekly"),
        ("exceptions = '[{\"date\": \"2026-12-25\"}]'", "exceptions"),
        ("time_zone = 'CET'", "time_zone"),
    ] {
        let name = set.split(' ').next().unwrap();
        let value = set.split_once(" = ").unwrap().1;
        let sql = format!("insert into schedules (name, {name}) values ('x', {value})");
        let refused = admin.batch_execute(&sql).await.expect_err(&sql);
        let refused = refused.as_db_error().expect("an error of the server's");
        assert_eq!(
            (refused.code().code(), refused.column()),
            ("23514", Some(column)),
            "{sql}"
        );
    }
    // Overlaps are refused by name.
    let overlap = "insert into schedules (name, weekly) values ('x',
        '[{\"day\": \"monday\", \"opens\": \"22:00\", \"closes\": \"06:00\"},
          {\"day\": \"tuesday\", \"opens\": \"05:00\", \"closes\": \"12:00\"}]')";
    let refused = admin.batch_execute(overlap).await.expect_err("an overlap");
    let text = refused.as_db_error().unwrap().message();
    assert_eq!(text, "weekly: monday 22:00–06:00 and tuesday 05:00–12:00 overlap");
    // Nobody sets a version, and none is used twice.
    run(
        &admin,
        "insert into schedules (name, version) values ('a', 1), ('b', 1)",
    )
    .await;
    run(&admin, "update schedules set version = 1").await;
    let distinct: bool = value(
        &admin,
        "select count(distinct version) = 2 and min(version) > 1 from schedules",
    )
    .await;
    assert!(distinct);
}

/// Alice has schedules of her own and the platform's; what is Bob's she neither sees nor attaches.
#[tokio::test]
async fn a_seller_attaches_its_own_schedules_and_the_platform_s() {
    let db = TestDb::sample_uncapped().await;
    let (admin, api) = (db.admin().await, db.connect_as(API).await);
    run(
        &admin,
        "insert into schedules (user_id, name) values (null, 'platform'), (3, 'alice'), (4, 'bob')",
    )
    .await;
    let id = async |name: &str| -> i64 {
        value(&admin, &format!("select id from schedules where name = '{name}'")).await
    };
    let (platform, alice, bob) = (id("platform").await, id("alice").await, id("bob").await);
    let as_seller = "begin; set local role capconduit_seller;
        select set_config('capconduit.user_id', '3', true), set_config('capconduit.user_role', 'user', true)";
    run(&api, as_seller).await;
    let seen: Vec<String> = values(&api, "select name from schedules order by name").await;
    assert_eq!(seen, ["alice", "platform"]);
    run(&api, "rollback").await;
    for table in ["dids", "campaigns", "campaign_client_settings"] {
        for (schedule, code) in [(platform, ""), (alice, ""), (bob, "P0002"), (99, "P0002")] {
            run(&api, as_seller).await;
            let sql = format!("update {table} set schedule_id = {schedule} where id = 1");
            match api.batch_execute(&sql).await {
                Ok(()) => assert_eq!(code, "", "{sql}"),
                refused => assert_eq!(sqlstate(refused), code, "{sql}"),
            }
            run(&api, "rollback").await;
        }
    }
    for (sql, code) in [
        ("update clients set schedule_id = null", "42501"),
        (
            "insert into schedules (user_id, name) values (null, 'x')",
            "42501",
        ),
        ("insert into schedules (user_id, name) values (4, 'x')", "42501"),
        ("update schedules set user_id = 3", "42501"),
    ] {
        run(&api, as_seller).await;
        assert_eq!(sqlstate(api.batch_execute(sql).await), code, "{sql}");
        run(&api, "rollback").await;
    }
    // The platform's it sees, and changes none of it.
    run(&api, as_seller).await;
    assert_eq!(
        api.execute("update schedules set name = 'x'", &[]).await.unwrap(),
        1
    );
    assert_eq!(api.execute("delete from schedules", &[]).await.unwrap(), 1);
    run(&api, "rollback").await;
    // A client has the platform's, and nothing goes that is attached.
    for (schedule, code) in [(alice, "P0002"), (platform, "")] {
        let sql = format!("update clients set schedule_id = {schedule} where id = 1");
        match admin.batch_execute(&sql).await {
            Ok(()) => assert_eq!(code, ""),
            refused => assert_eq!(sqlstate(refused), code),
        }
    }
    let delete = format!("delete from schedules where id = {platform}");
    assert_eq!(sqlstate(admin.batch_execute(&delete).await), "23503");
    // With its seller a schedule goes, and what has it.
    run(
        &admin,
        &format!("update dids set schedule_id = {alice} where user_id = 3; delete from users where id = 3"),
    )
    .await;
}

/// A number or a campaign that is sold leaves the schedule of the seller before; the platform's stays.
#[tokio::test]
async fn what_changes_hands_leaves_its_old_owner_s_hours() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let old = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let new = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let platforms = schedule(&admin, "platform's", "UTC", &json!([]), &json!([])).await;
    let own: i64 = value(
        &admin,
        &format!(
            "insert into schedules (user_id, name) values ({}, 'own') returning id",
            old.user_id
        ),
    )
    .await;
    for (table, id) in [("dids", old.did_id), ("campaigns", old.campaign_id)] {
        for (attached, left) in [(own, None), (platforms, Some(platforms))] {
            run(
                &admin,
                &format!(
                    "update {table} set user_id = {}, schedule_id = {attached} where id = {id};
                     update {table} set user_id = {} where id = {id}",
                    old.user_id, new.user_id
                ),
            )
            .await;
            let now: Option<i64> = value(
                &admin,
                &format!("select schedule_id from {table} where id = {id}"),
            )
            .await;
            assert_eq!(now, left, "{table}");
        }
    }
}

/// When the earliest of what stops a call opens by itself.
#[tokio::test]
async fn a_preview_tells_when_to_try_again() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let links = [Link::cap(9), Link::cap(9).priority(1)];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    let retry_at = async || -> Value {
        let sql = format!(
            "select jsonb_build_array(reason, detail -> 'retry_at')
               from preview_call('{}', at => '2026-11-30 06:00Z')",
            scenario.did
        );
        value(&admin, &sql).await
    };
    // Of two links the one that opens sooner.
    let later = schedule(&admin, "later", "UTC", &every_day("09:00", "17:00"), &json!([])).await;
    let sooner = schedule(&admin, "sooner", "UTC", &every_day("08:00", "17:00"), &json!([])).await;
    for (link, schedule) in scenario.link_ids.iter().zip([later, sooner]) {
        let sql = format!("update campaign_client_settings set schedule_id = {schedule} where id = {link}");
        run(&admin, &sql).await;
    }
    assert_eq!(
        retry_at().await,
        json!(["all_closed", "2026-11-30T08:00:00+00:00"])
    );
    // What it passes before is open long before its links.
    for (until, told) in [
        ("2026-11-30 07:00Z", json!("2026-11-30T08:00:00+00:00")),
        ("2026-11-30 08:30Z", json!("2026-11-30T08:30:00+00:00")),
        ("2026-11-30 18:00Z", json!("2026-12-01T08:00:00+00:00")),
        // For good.
        ("infinity", Value::Null),
    ] {
        let sql = format!("update campaigns set paused_until = '{until}', pause_reason = 'x'");
        run(&admin, &sql).await;
        assert_eq!(retry_at().await, json!(["campaign_paused", told]));
    }
}
