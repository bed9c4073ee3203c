//! When caps filled: noted once by whichever service looks first, read by whose link it was, and forgotten in the end.

use capconduit_tests::{API, Calls, TestApi, TestDb, Visitor, eventually};
use serde_json::{Value, json};

use super::statements;
use super::support::{World, column, keys, run};

const OWN: &str = "/api/seller/cap_events";
const ALL: &str = "/api/admin/cap_events";
const DID: &str = "+18005550101";

/// What a service does by itself, at once. Of the tables' state it does not know more than a service does.
async fn works(db: &TestDb, statement: &str) {
    let (_, sql) = statements::all()
        .into_iter()
        .find(|(_, sql)| sql.starts_with(statement))
        .expect("the service's statement");
    let service = db.connect_as(API).await;
    run(
        &service,
        &format!("begin; set local role capconduit_internal; {sql}; commit"),
    )
    .await;
}

/// By two services at a time.
async fn sweep(db: &TestDb) {
    let note = "insert into cap_events";
    tokio::join!(works(db, note), works(db, note));
}

async fn cap(who: &Visitor, link: i64, counts: &str, window: &str, limit: i64) -> i64 {
    let body =
        json!({"subject": {"type": "link", "id": link}, "counts": counts, "window": window, "limit": limit});
    let made = who.post("/api/seller/caps", body).await.expect_status(201).json();
    made["id"].as_i64().expect("an id")
}

/// Threshold, used and in flight of each, the oldest first.
async fn told(who: &Visitor, query: &str) -> Value {
    let events = who.get(&format!("{OWN}?sort=id&{query}")).await.ok();
    let all = events["items"].as_array().expect("events").iter();
    all.map(|event| json!([event["threshold"], event["used"], event["inFlight"]]))
        .collect()
}

/// They tell of others' calls: staff alone see them.
#[tokio::test]
async fn a_client_s_caps_fill_for_staff() {
    let world = World::new().await;
    let body =
        json!({"subject": {"type": "client", "id": 1}, "counts": "offered", "window": "day", "limit": 1});
    world.staff.post("/api/admin/caps", body).await.expect_status(201);
    let switch = world.db.asterisk().await;
    assert_eq!(switch.route(DID, "a").await.unwrap().link(), 1);
    sweep(&world.db).await;
    let events = world
        .staff
        .get(&format!("{ALL}?client_id=1&threshold=100"))
        .await
        .ok();
    assert_eq!(events["total"], 1);
    assert_eq!(
        events["items"][0]["subject"],
        json!({"type": "client", "id": 1, "name": "Alpha Corp"})
    );
    assert_eq!(world.alice.get(OWN).await.ok()["total"], 0);
}

#[tokio::test]
async fn a_cap_that_fills_is_noted_once_for_each_part_of_each_window() {
    let world = World::uncapped().await;
    let (alice, switch) = (&world.alice, world.db.asterisk().await);
    let id = cap(alice, 1, "answered", "day", 4).await;
    for call in ["a", "b"] {
        assert_eq!(switch.route(DID, call).await.unwrap().link(), 1);
    }
    sweep(&world.db).await;
    assert_eq!(told(alice, "").await, json!([]));
    switch.route(DID, "c").await.unwrap();
    sweep(&world.db).await;
    assert_eq!(told(alice, "").await, json!([[75, 0, 3]]));
    switch.log("a", DID, "ANSWERED").await.unwrap();
    sweep(&world.db).await;
    assert_eq!(told(alice, "").await, json!([[75, 0, 3]]));
    switch.route(DID, "d").await.unwrap();
    sweep(&world.db).await;
    let filled = json!([[75, 0, 3], [90, 1, 3], [100, 1, 3]]);
    assert_eq!(told(alice, "").await, filled);
    // Room is made, and filled again: it is the same window.
    switch.log("b", DID, "BUSY").await.unwrap();
    sweep(&world.db).await;
    switch.route(DID, "e").await.unwrap();
    sweep(&world.db).await;
    assert_eq!(told(alice, "").await, filled);
    // As if these had been yesterday's.
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update cap_events set starts_at = starts_at - interval '1 day'",
    )
    .await;
    sweep(&world.db).await;
    assert_eq!(
        told(alice, &format!("cap_id={id}"))
            .await
            .as_array()
            .unwrap()
            .len(),
        6
    );

    let newest = alice.get(&format!("{OWN}?per_page=1")).await.ok()["items"][0].clone();
    assert_eq!(
        keys(&newest),
        [
            "at",
            "capId",
            "counts",
            "enforce",
            "id",
            "inFlight",
            "limit",
            "resetsAt",
            "setBy",
            "startsAt",
            "subject",
            "threshold",
            "used",
            "window"
        ]
    );
    assert_eq!(
        newest["subject"],
        json!({"type": "link", "id": 1, "name": "Alice Priority Tech Leads – Alpha Corp"})
    );
    assert_eq!(
        (
            &newest["capId"],
            &newest["threshold"],
            &newest["limit"],
            &newest["window"],
            &newest["setBy"]
        ),
        (
            &json!(id),
            &json!(100),
            &json!(4),
            &json!("day"),
            &json!("seller")
        )
    );
    let (start, end) = (
        newest["startsAt"].as_str().unwrap(),
        newest["resetsAt"].as_str().unwrap(),
    );
    assert!(start < end && end.contains("T00:00:00"), "{newest}");

    // Pages go on behind the last id, whichever way.
    let ids = async |query: &str| {
        let page = alice.get(&format!("{OWN}?{query}")).await.ok();
        let ids = column(&page["items"], "id").into_iter().filter_map(Value::as_i64);
        ids.collect::<Vec<_>>()
    };
    let all = ids("sort=id").await;
    assert_eq!(ids(&format!("sort=id&after={}", all[3])).await, all[4..]);
    let older: Vec<i64> = all[..2].iter().rev().copied().collect();
    assert_eq!(ids(&format!("before={}", all[2])).await, older);
    for (query, count) in [
        ("threshold=75", 2),
        ("window=day&link_id=1&campaign_id=1&client_id=1", 6),
        ("link_id=2", 0),
        ("window=hour", 0),
        ("start_date=2020-01-01&end_date=2020-01-02", 0),
        ("start_date=2020-01-01", 6),
    ] {
        assert_eq!(ids(query).await.len(), count, "{query}");
    }

    // They outlive the cap, its link and its campaign, for whom they were of.
    for call in ["c", "d", "e"] {
        switch.log(call, DID, "BUSY").await.unwrap();
    }
    alice
        .delete(&format!("/api/seller/caps/{id}"))
        .await
        .expect_status(204);
    alice.delete("/api/seller/campaigns/1").await.expect_status(204);
    assert_eq!(ids("sort=id").await, all);
    assert_eq!(world.bob.get(OWN).await.ok()["total"], 0);
    for (query, count) in [("", 6), ("?user_id=3", 6), ("?user_id=4", 0)] {
        let seen = world.staff.get(&format!("{ALL}{query}")).await.ok();
        assert_eq!(seen["total"], count, "{query}");
    }
    let foreign = alice.get(&format!("{OWN}?user_id=3")).await;
    foreign.problem(400, "validation_failed");
}

#[tokio::test]
async fn a_total_is_noted_once_for_each_limit_and_forgotten_when_that_is_gone() {
    let world = World::new().await;
    let (alice, switch) = (&world.alice, world.db.asterisk().await);
    let total = cap(alice, 1, "offered", "total", 1).await;
    // Neither a closed one nor calls at one time are told.
    cap(alice, 2, "offered", "day", 0).await;
    cap(alice, 1, "offered", "concurrent", 1).await;
    let warned = json!({"subject": {"type": "link", "id": 1}, "counts": "offered", "window": "month", "limit": 1, "enforce": false});
    alice.post("/api/seller/caps", warned).await.expect_status(201);
    assert_eq!(switch.route(DID, "a").await.unwrap().link(), 1);
    sweep(&world.db).await;
    let filled = json!([[75, 1, 0], [90, 1, 0], [100, 1, 0]]);
    let of_total = format!("cap_id={total}");
    assert_eq!(told(alice, &of_total).await, filled);
    let events = alice.get(OWN).await.ok();
    assert_eq!(events["total"], 6, "{events}");
    for event in events["items"].as_array().unwrap() {
        let is_total = event["window"] == "total";
        assert!(
            is_total == event["startsAt"].is_null() && is_total == (event["enforce"] == true),
            "{event}"
        );
    }

    let one = format!("/api/seller/caps/{total}");
    alice.put(&one, json!({"limit": 2})).await.expect_status(200);
    sweep(&world.db).await;
    assert_eq!(told(alice, &of_total).await, filled);
    run(
        &world.db.superuser().await,
        "delete from caps where span = 'concurrent'",
    )
    .await;
    assert_eq!(switch.route(DID, "b").await.unwrap().link(), 1);
    sweep(&world.db).await;
    let both = json!([
        [75, 1, 0],
        [90, 1, 0],
        [100, 1, 0],
        [75, 2, 0],
        [90, 2, 0],
        [100, 2, 0]
    ]);
    assert_eq!(told(alice, &of_total).await, both);

    // After 90 days. What is still so is not noted anew: it is kept.
    let forget = "delete from cap_events";
    works(&world.db, forget).await;
    assert_eq!(alice.get(OWN).await.ok()["total"], 9);
    let superuser = world.db.superuser().await;
    run(&superuser, "update cap_events set at = at - interval '90 days'").await;
    works(&world.db, forget).await;
    assert_eq!(
        told(alice, "").await,
        json!([[75, 2, 0], [90, 2, 0], [100, 2, 0]])
    );
    sweep(&world.db).await;
    assert_eq!(
        told(alice, &of_total).await,
        json!([[75, 2, 0], [90, 2, 0], [100, 2, 0]])
    );
    alice.delete(&one).await.expect_status(204);
    works(&world.db, forget).await;
    assert_eq!(told(alice, &of_total).await, json!([]));
}

#[tokio::test]
async fn the_service_looks_by_itself() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    cap(&world.alice, 1, "offered", "hour", 1).await;
    assert_eq!(switch.route(DID, "a").await.unwrap().link(), 1);
    // A second service begins with a look.
    let _second = TestApi::start(&world.db).await;
    eventually("the events are there", async || {
        told(&world.alice, "window=hour").await == json!([[75, 1, 0], [90, 1, 0], [100, 1, 0]])
    })
    .await;
}
