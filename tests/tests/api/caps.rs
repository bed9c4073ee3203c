//! Caps over REST: a seller's and the platform's, with what is used of them.

use capconduit_tests::Calls;
use serde_json::{Value, json};

use super::support::{World, column, field_error, keys};
use crate::sql::support::run;

const OWN: &str = "/api/seller/caps";
const ALL: &str = "/api/admin/caps";
const DID: &str = "+18005550101";

fn cap(link: i64, counts: &str, window: &str, limit: i64) -> Value {
    json!({"subject": {"type": "link", "id": link}, "counts": counts, "window": window, "limit": limit})
}

#[tokio::test]
async fn a_cap_is_made_met_raised_and_taken_away() {
    let world = World::uncapped().await;
    let alice = &world.alice;
    let made = alice
        .post(OWN, cap(1, "answered", "day", 2))
        .await
        .expect_status(201)
        .json();
    assert_eq!(
        keys(&made),
        [
            "counts",
            "createdAt",
            "enforce",
            "id",
            "inFlight",
            "limit",
            "note",
            "remaining",
            "resetsAt",
            "setBy",
            "subject",
            "updatedAt",
            "used",
            "version",
            "window",
            "zone"
        ]
    );
    assert_eq!(
        made["subject"],
        json!({"type": "link", "id": 1, "name": "Alice Priority Tech Leads – Alpha Corp"})
    );
    assert_eq!(
        (
            &made["setBy"],
            &made["enforce"],
            &made["used"],
            &made["remaining"],
            &made["zone"]
        ),
        (
            &json!("seller"),
            &json!(true),
            &json!(0),
            &json!(2),
            &json!("UTC")
        )
    );
    assert!(made["resetsAt"].as_str().unwrap().contains("T00:00:00"), "{made}");
    let one = format!("{OWN}/{}", made["id"]);
    assert_eq!(alice.get(&one).await.ok(), made);
    let switch = world.db.asterisk().await;
    for call in ["first", "second"] {
        assert_eq!(switch.route(DID, call).await.unwrap().link(), 1);
    }
    assert_ne!(switch.route(DID, "third").await.unwrap().link(), 1);
    switch.log("first", DID, "ANSWERED").await.unwrap();
    let seen = alice.get(&one).await.ok();
    assert_eq!(
        (
            &seen["used"],
            &seen["inFlight"],
            &seen["remaining"],
            &seen["version"]
        ),
        (&json!(1), &json!(1), &json!(0), &json!(1))
    );
    // With its link, too.
    let link = alice.get("/api/seller/campaigns/1/clients/1").await.ok();
    assert_eq!(link["caps"], json!([seen]));
    assert_eq!(
        link["today"],
        json!({"offered": 2, "answered": 1, "qualified": 0})
    );
    assert_eq!(link["version"], 1, "the link's settings are the same");
    let campaign = alice.get("/api/seller/campaigns/1").await.ok();
    assert_eq!(campaign["clientSettings"][0]["caps"], json!([seen]));
    assert_eq!(campaign["clientSettings"][1]["caps"], json!([]));
    let told = alice
        .get(&format!("/api/seller/explain?did={}", DID.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(told["links"][0]["reason"], "link_day_cap", "{told}");
    // Raised, it takes the next call; If-Match tells who was faster.
    let put = alice.put(&one, json!({"limit": 3, "note": "by mail"})).await.ok();
    assert_eq!(
        (&put["limit"], &put["note"], &put["remaining"], &put["version"]),
        (&json!(3), &json!("by mail"), &json!(1), &json!(2))
    );
    let late = alice
        .with("If-Match", "\"1\"")
        .put(&one, json!({"limit": 9}))
        .await;
    assert_eq!(late.problem(412, "changed_meanwhile")["present"]["limit"], 3);
    assert_eq!(switch.route(DID, "fourth").await.unwrap().link(), 1);
    alice.delete(&one).await.expect_status(204);
    alice.get(&one).await.problem(404, "not_found");
    assert_eq!(switch.route(DID, "fifth").await.unwrap().link(), 1);
    // Made again, it goes on.
    let again = alice
        .post(OWN, cap(1, "answered", "day", 3))
        .await
        .expect_status(201)
        .json();
    assert_eq!((&again["used"], &again["inFlight"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn each_changes_what_it_has_set() {
    let world = World::uncapped().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let own = alice
        .post(OWN, cap(1, "offered", "hour", 9))
        .await
        .expect_status(201)
        .json();
    let theirs = staff
        .post(ALL, cap(1, "offered", "hour", 7))
        .await
        .expect_status(201)
        .json();
    assert_eq!(theirs["setBy"], "platform");
    alice
        .post(OWN, cap(1, "offered", "hour", 9))
        .await
        .problem(409, "cap_exists");
    for (who, path, id) in [(alice, OWN, &theirs["id"]), (staff, ALL, &own["id"])] {
        let path = format!("{path}/{id}");
        who.get(&path).await.ok();
        who.put(&path, json!({"limit": 1}))
            .await
            .problem(403, "set_by_another");
        who.delete(&path).await.problem(403, "set_by_another");
    }
    alice
        .delete("/api/seller/campaigns/1/clients/1")
        .await
        .problem(409, "capped_by_platform");
    staff
        .delete(&format!("{ALL}/{}", theirs["id"]))
        .await
        .expect_status(204);
    alice
        .delete("/api/seller/campaigns/1/clients/1")
        .await
        .expect_status(204);
    alice
        .get(&format!("{OWN}/{}", own["id"]))
        .await
        .problem(404, "not_found");
    let audit = world.admin.get("/api/admin/audit?object_type=cap").await.ok();
    let told: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (&line["action"], &line["kind"]))
        .collect();
    let (insert, delete, cap) = (json!("insert"), json!("delete"), json!("cap"));
    assert_eq!(
        told,
        [(&delete, &cap), (&delete, &cap), (&insert, &cap), (&insert, &cap)]
    );
}

/// What sellers share, the platform caps. Its figures tell of others' calls: a seller sees the reason alone.
#[tokio::test]
async fn a_client_is_capped_over_all_sellers() {
    let world = World::uncapped().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let of_client = |id: i64, limit: i64| json!({"subject": {"type": "client", "id": id}, "counts": "offered", "window": "day", "limit": limit});
    alice
        .post(OWN, of_client(1, 9))
        .await
        .problem(403, "set_by_another");
    staff
        .post(ALL, of_client(999_999, 9))
        .await
        .problem(404, "not_found");
    let made = staff.post(ALL, of_client(1, 1)).await.expect_status(201).json();
    assert_eq!(
        made["subject"],
        json!({"type": "client", "id": 1, "name": "Alpha Corp"})
    );
    staff.post(ALL, of_client(1, 2)).await.problem(409, "cap_exists");
    let one = format!("{ALL}/{}", made["id"]);
    let switch = world.db.asterisk().await;
    assert_eq!(switch.route(DID, "first").await.unwrap().link(), 1);
    assert_ne!(switch.route(DID, "second").await.unwrap().link(), 1);
    let seen = staff.get(&one).await.ok();
    assert_eq!((&seen["used"], &seen["remaining"]), (&json!(1), &json!(0)));
    for (query, rows) in [
        ("subject_type=client", 1),
        ("subject_type=link", 0),
        ("subject_type=client&subject_id=2", 0),
        ("client_id=1&near=100", 1),
        ("user_id=3", 0),
    ] {
        assert_eq!(
            staff.get(&format!("{ALL}?{query}")).await.ok()["total"],
            rows,
            "{query}"
        );
    }
    let told = alice
        .get(&format!("/api/seller/explain?did={}", DID.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(told["links"][0]["reason"], "client_day_cap", "{told}");
    assert_eq!(told["links"][0]["opensAt"], seen["resetsAt"], "{told}");
    for figure in ["used", "inFlight", "limit", "capId", "caps", "detail"] {
        assert!(told["links"][0].get(figure).is_none(), "{figure}: {told}");
    }
    assert_eq!(alice.get(OWN).await.ok()["total"], 0);
    alice
        .get(&format!("{OWN}/{}", made["id"]))
        .await
        .problem(404, "not_found");
    alice
        .put(&format!("{OWN}/{}", made["id"]), json!({"limit": 5}))
        .await
        .problem(404, "not_found");
    assert_eq!(staff.put(&one, json!({"limit": 2})).await.ok()["remaining"], 1);
    assert_eq!(switch.route(DID, "third").await.unwrap().link(), 1);
    staff.delete(&one).await.expect_status(204);
    assert_eq!(switch.route(DID, "fourth").await.unwrap().link(), 1);
    let again = staff.post(ALL, of_client(1, 9)).await.expect_status(201).json();
    assert_eq!(again["used"], 3);
}

#[tokio::test]
async fn lists_are_filtered_and_fields_are_checked() {
    let world = World::uncapped().await;
    let (alice, staff) = (&world.alice, &world.staff);
    for body in [
        cap(1, "offered", "concurrent", 5),
        cap(1, "answered", "total", 100),
        cap(2, "qualified", "week", 0),
    ] {
        alice.post(OWN, body).await.expect_status(201);
    }
    let mut warned = cap(2, "offered", "month", 4);
    warned["enforce"] = json!("false");
    assert_eq!(
        staff.post(ALL, warned).await.expect_status(201).json()["enforce"],
        false
    );
    let windows = async |query: &str| {
        column(
            &alice.get(&format!("{OWN}?{query}")).await.ok()["items"],
            "window",
        )
        .into_iter()
        .cloned()
        .collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("subject_id=1", json!(["concurrent", "total"])),
        ("subject_type=link&window=week", json!(["week"])),
        ("set_by=platform", json!(["month"])),
        ("near=75", json!(["week"])),
        ("sort=-id&subject_id=1", json!(["total", "concurrent"])),
        ("client_id=2", json!(["week", "month"])),
        ("campaign_id=2", json!([])),
    ] {
        assert_eq!(json!(windows(query).await), expected, "{query}");
    }
    assert_eq!(world.bob.get(OWN).await.ok()["total"], 0);
    assert_eq!(staff.get(&format!("{ALL}?user_id=3")).await.ok()["total"], 4);
    alice
        .get(&format!("{OWN}?user_id=3"))
        .await
        .problem(400, "validation_failed");
    for (key, value) in [
        ("counts", json!("called")),
        ("counts", json!(null)),
        ("window", json!("minute")),
        ("limit", json!(-1)),
        ("limit", json!(1_000_000_000_001_i64)),
        ("limit", json!(null)),
        ("enforce", json!("maybe")),
        ("enforce", json!(1)),
        ("note", json!("x".repeat(201))),
        ("subject", json!(null)),
        ("subject", json!({"type": "planet", "id": 1})),
        ("subject", json!({"type": "link"})),
        ("per", json!("day")),
    ] {
        let mut body = cap(3, "answered", "day", 5);
        body[key] = value.clone();
        let problem = alice.post(OWN, body).await.problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [key], "{key} {value}");
    }
    let problem = alice
        .post(OWN, cap(3, "answered", "concurrent", 5))
        .await
        .problem(400, "validation_failed");
    field_error(&problem, "counts");
    alice
        .post(OWN, cap(999_999, "answered", "day", 5))
        .await
        .problem(404, "not_found");
    world
        .bob
        .post(OWN, cap(1, "answered", "day", 5))
        .await
        .problem(404, "not_found");
    let first = alice.get(OWN).await.ok()["items"][0]["id"].clone();
    for body in [
        json!({"window": "day"}),
        json!({"limit": "many"}),
        json!({"set_by": "seller"}),
    ] {
        alice
            .put(&format!("{OWN}/{first}"), body)
            .await
            .problem(400, "validation_failed");
    }
}

/// Of the own campaigns, numbers and oneself, and of nobody else's. They reject the call, and say so.
#[tokio::test]
async fn a_seller_caps_campaigns_numbers_and_itself() {
    let world = World::uncapped().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let of = |kind: &str, id: i64, limit: i64| json!({"subject": {"type": kind, "id": id}, "counts": "offered", "window": "day", "limit": limit});
    // Bob's, and what nobody has.
    for (kind, id) in [("campaign", 3), ("did", 3), ("seller", 4), ("campaign", 999_999)] {
        alice.post(OWN, of(kind, id, 9)).await.problem(404, "not_found");
    }
    let mut made = Vec::new();
    for (kind, id, limit, name) in [
        ("seller", 3, 3, "seller_alice"),
        ("campaign", 1, 2, "Alice Priority Tech Leads"),
        ("did", 1, 1, DID),
    ] {
        let cap = alice
            .post(OWN, of(kind, id, limit))
            .await
            .expect_status(201)
            .json();
        assert_eq!(cap["subject"], json!({"type": kind, "id": id, "name": name}));
        assert_eq!((&cap["setBy"], &cap["zone"]), (&json!("seller"), &json!("UTC")));
        alice.post(OWN, of(kind, id, 9)).await.problem(409, "cap_exists");
        made.push(cap);
    }
    let switch = world.db.asterisk().await;
    assert!(switch.route(DID, "one").await.unwrap().is_ok());
    let refused = |reason: &'static str| {
        let switch = &switch;
        async move {
            let target = switch.route(DID, reason).await.unwrap();
            assert_eq!(target.reject_reason(), reason);
        }
    };
    refused("did_day_cap").await;
    let raise = |cap: &Value| (format!("{OWN}/{}", cap["id"]), json!({"limit": 9}));
    for (cap, next) in [(&made[2], "campaign_day_cap"), (&made[1], "seller_day_cap")] {
        let (path, change) = raise(cap);
        assert_eq!(alice.put(&path, change).await.ok()["limit"], 9);
        assert!(
            switch
                .route(DID, &format!("before {next}"))
                .await
                .unwrap()
                .is_ok()
        );
        refused(next).await;
    }
    let campaign = alice.get("/api/seller/campaigns/1").await.ok();
    let shown = &campaign["caps"][0];
    assert_eq!((&shown["used"], &shown["remaining"]), (&json!(3), &json!(6)));
    let told = alice
        .get(&format!("/api/seller/explain?did={}", DID.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(told["reason"], "seller_day_cap", "{told}");
    let narrowed = alice.get(&format!("{OWN}?subject_type=did&did_id=1")).await.ok();
    assert_eq!(narrowed["items"].as_array().unwrap().len(), 1);
    // The platform's stand beside them, and keep what they are of.
    let theirs = staff
        .post(ALL, of("campaign", 1, 50))
        .await
        .expect_status(201)
        .json();
    assert_eq!(theirs["setBy"], "platform");
    alice
        .put(&format!("{OWN}/{}", theirs["id"]), json!({"limit": 60}))
        .await
        .problem(403, "set_by_another");
    alice
        .delete("/api/seller/campaigns/1")
        .await
        .problem(409, "capped_by_platform");
}

#[tokio::test]
async fn what_is_used_is_adjusted_with_a_reason() {
    let world = World::new().await;
    let new =
        json!({"subject": {"type": "client", "id": 3}, "counts": "answered", "window": "month", "limit": 9});
    let made = world.admin.post(ALL, new).await.expect_status(201).json();
    let path = format!("{ALL}/{}/adjust", made["id"]);
    let adjusted = world
        .staff
        .post(&path, json!({"delta": 7, "reason": "sold elsewhere"}))
        .await
        .ok();
    assert_eq!(
        (&adjusted["used"], &adjusted["remaining"], &adjusted["version"]),
        (&json!(7), &json!(2), &made["version"])
    );
    let entry = world.admin.get("/api/admin/audit?action=adjust").await.ok()["items"][0].clone();
    assert_eq!(
        (&entry["objectType"], &entry["after"]),
        (
            &json!("caps"),
            &json!({"used": 7, "delta": 7, "reason": "sold elsewhere"})
        )
    );
    for (body, key) in [
        (json!({"delta": 0, "reason": "x"}), "delta"),
        (json!({"delta": 1}), "reason"),
        (json!({"delta": 1, "reason": "x", "used": 7}), "used"),
    ] {
        field_error(
            &world.admin.post(&path, body).await.expect_status(400).json(),
            key,
        );
    }
    world
        .admin
        .post(&path, json!({"delta": -8, "reason": "x"}))
        .await
        .expect_status(400);
    let concurrent = json!({"subject": {"type": "client", "id": 3}, "counts": "offered", "window": "concurrent", "limit": 9});
    let concurrent = world.admin.post(ALL, concurrent).await.expect_status(201).json();
    let refused = world
        .admin
        .post(
            &format!("{ALL}/{}/adjust", concurrent["id"]),
            json!({"delta": 1, "reason": "x"}),
        )
        .await
        .expect_status(409)
        .json();
    assert_eq!(refused["code"], "not_adjustable", "{refused}");
    world
        .admin
        .post(&format!("{ALL}/99999/adjust"), json!({"delta": 1, "reason": "x"}))
        .await
        .expect_status(404);
    // The client tells its caps and its day.
    let client = world.staff.get("/api/admin/clients/3").await.ok();
    assert_eq!(client["caps"].as_array().unwrap().len(), 2, "{client}");
    assert_eq!(client["caps"][0]["used"], 7);
    assert!(client["today"]["offered"].is_number(), "{client}");
}

/// Over all links of a client: set by staff, told by `explain`, and met by the next call.
#[tokio::test]
async fn a_client_is_spaced_over_all_its_links() {
    let world = World::new().await;
    let client = |seconds: Value| json!({"minSecondsBetween": seconds});
    for wrong in [json!(0), json!(86_401), json!("x"), json!(1.5)] {
        let answer = world
            .staff
            .put("/api/admin/clients/1", client(wrong))
            .await
            .expect_status(400)
            .json();
        field_error(&answer, "minSecondsBetween");
    }
    // It knows the call that came before it was set.
    let switch = world.db.asterisk().await;
    assert_eq!(switch.route(DID, "first").await.unwrap().link(), 1);
    let spaced = world
        .staff
        .put("/api/admin/clients/1", client(json!(60)))
        .await
        .ok();
    assert_eq!(spaced["minSecondsBetween"], 60);
    let told = world
        .admin
        .get("/api/admin/explain?did=%2B18005550101")
        .await
        .ok();
    assert_eq!(told["links"][0]["reason"], "client_spacing", "{told}");
    assert_ne!(switch.route(DID, "second").await.unwrap().link(), 1);
    let lifted = world
        .staff
        .put("/api/admin/clients/1", client(json!(null)))
        .await
        .ok();
    assert_eq!(lifted["minSecondsBetween"], json!(null));
    assert_eq!(switch.route(DID, "third").await.unwrap().link(), 1);
}

/// A call center tells its agents: shown, met by the next call, stale after a while, and taken back.
#[tokio::test]
async fn a_client_tells_its_seats() {
    let world = World::uncapped().await;
    let path = "/api/admin/clients/1/capacity";
    world.staff.get(path).await.expect_status(404);
    world.staff.delete(path).await.expect_status(204);
    for (key, wrong) in [
        ("seats", json!({"seats": -1, "ttlSeconds": 90})),
        ("seats", json!({"ttlSeconds": 90})),
        ("ttlSeconds", json!({"seats": 1, "ttlSeconds": 4})),
        ("ttlSeconds", json!({"seats": 1})),
        (
            "onStale",
            json!({"seats": 1, "ttlSeconds": 90, "onStale": "open"}),
        ),
        ("sequence", json!({"seats": 1, "ttlSeconds": 90, "sequence": -1})),
    ] {
        let answer = world.staff.put(path, wrong).await.expect_status(400).json();
        field_error(&answer, key);
    }
    let told = world
        .staff
        .put(path, json!({"seats": 1, "ttlSeconds": 90, "sequence": 5}))
        .await
        .ok();
    assert_eq!(
        (
            &told["seats"],
            &told["used"],
            &told["stale"],
            &told["onStale"],
            &told["sequence"]
        ),
        (&json!(1), &json!(0), &json!(false), &json!("rules"), &json!(5))
    );
    let switch = world.db.asterisk().await;
    assert_eq!(switch.route(DID, "first").await.unwrap().link(), 1);
    assert_ne!(switch.route(DID, "second").await.unwrap().link(), 1);
    let client = world.staff.get("/api/admin/clients/1").await.ok();
    assert_eq!(client["capacity"]["used"], 1, "{client}");
    let refused = world
        .staff
        .put(path, json!({"seats": 9, "ttlSeconds": 90, "sequence": 4}))
        .await
        .expect_status(409)
        .json();
    assert_eq!(refused["code"], "outdated", "{refused}");
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update meters set seats_until = now() - interval '1 s' where seats is not null",
    )
    .await;
    assert_eq!(world.staff.get(path).await.ok()["stale"], true);
    let attention = world.staff.get("/api/admin/attention").await.ok();
    let concerns = attention["items"].as_array().unwrap();
    let stale = concerns.iter().find(|concern| concern["code"] == "seats_stale");
    assert_eq!(stale.expect("it is told")["objectId"], "1", "{attention}");
    world.staff.delete(path).await.expect_status(204);
    assert_eq!(
        world.staff.get("/api/admin/clients/1").await.ok()["capacity"],
        Value::Null
    );
    for method in ["GET", "PUT", "DELETE"] {
        let missing = "/api/admin/clients/99999/capacity";
        let answer = match method {
            "GET" => world.staff.get(missing).await,
            "PUT" => {
                world
                    .staff
                    .put(missing, json!({"seats": 1, "ttlSeconds": 90}))
                    .await
            }
            _ => world.staff.delete(missing).await,
        };
        answer.expect_status(404);
    }
}
