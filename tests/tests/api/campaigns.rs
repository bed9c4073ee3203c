//! /api/seller/campaigns: campaigns, the set of their DIDs, and their links to clients.

use capconduit_tests::Calls;
use serde_json::{Value, json};

use super::support::{World, column, field_error, keys};

const CAMPAIGNS: &str = "/api/seller/campaigns";

fn new(name: &str) -> Value {
    json!({"name": name, "routingStrategy": "priority", "dialTimeoutSeconds": 20})
}

fn link(client: i64) -> Value {
    json!({"clientId": client, "maxConcurrency": 3, "forwardingPriority": 1, "weight": 10})
}

#[tokio::test]
async fn campaigns_are_made_shown_and_changed() {
    let world = World::new().await;
    let made = world
        .alice
        .post(CAMPAIGNS, new(" Spring "))
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        keys(&made),
        [
            "anonymousCallers",
            "callerRules",
            "caps",
            "clientSettings",
            "createdAt",
            "description",
            "dialTimeoutSeconds",
            "dids",
            "id",
            "maxRingSeconds",
            "minRedialSeconds",
            "name",
            "overflow",
            "pause",
            "qualifySeconds",
            "routingStrategy",
            "scheduleId",
            "status",
            "today",
            "updatedAt",
            "version"
        ]
    );
    assert_eq!(
        (&made["name"], &made["status"], &made["maxRingSeconds"]),
        (&json!("Spring"), &json!("active"), &Value::Null)
    );
    let one = format!("{CAMPAIGNS}/{}", made["id"]);
    assert_eq!(world.alice.get(&one).await.ok(), made);
    let change = json!({"status": "paused", "maxRingSeconds": 600, "dialTimeoutSeconds": "30", "id": 3});
    let changed = world.alice.put(&one, change).await.ok();
    assert_eq!(
        (
            &changed["status"],
            &changed["maxRingSeconds"],
            &changed["dialTimeoutSeconds"]
        ),
        (&json!("paused"), &json!(600), &json!(30))
    );
    assert_eq!(made["qualifySeconds"], 30);
    let changed = world.alice.put(&one, json!({"qualifySeconds": 0})).await.ok();
    assert_eq!(changed["qualifySeconds"], 0);
    let changed = world.alice.put(&one, json!({"maxRingSeconds": null})).await.ok();
    assert!(changed["maxRingSeconds"].is_null() && changed["status"] == "paused");
    // Lists leave the parts out.
    let list = world.alice.get(CAMPAIGNS).await.ok();
    assert_eq!(
        column(&list["items"], "name"),
        ["Alice Priority Tech Leads", "Alice RoundRobin Support", "Spring"]
    );
    assert!(list["items"][0].get("dids").is_none() && list["items"][0].get("clientSettings").is_none());
    // Names are a seller's own.
    let taken = world
        .alice
        .post(CAMPAIGNS, new("Spring"))
        .await
        .problem(409, "name_taken");
    assert_eq!(taken["message"], "Campaign name 'Spring' already exists");
    let taken = world
        .alice
        .put(&format!("{CAMPAIGNS}/1"), json!({"name": "Spring"}))
        .await
        .problem(409, "name_taken");
    assert_eq!(taken["message"], "Campaign name 'Spring' already exists");
    world.alice.put(&one, json!({"name": "Spring"})).await.ok();
    world.bob.post(CAMPAIGNS, new("Spring")).await.expect_status(201);
    world.alice.delete(&one).await.expect_status(204);
    world.alice.get(&one).await.problem(404, "not_found");
}

#[tokio::test]
async fn fields_of_campaigns_are_checked() {
    let world = World::new().await;
    for (key, value) in [
        ("name", json!("   ")),
        ("name", json!("x".repeat(101))),
        ("routingStrategy", json!("random")),
        ("dialTimeoutSeconds", json!(0)),
        ("dialTimeoutSeconds", json!(601)),
        ("dialTimeoutSeconds", json!(20.5)),
        ("dialTimeoutSeconds", json!(true)),
        ("dialTimeoutSeconds", json!(1e30)),
        ("dialTimeoutSeconds", json!("20 s")),
        ("dialTimeoutSeconds", Value::Null),
        ("maxRingSeconds", json!(9)),
        ("maxRingSeconds", json!(601)),
        ("qualifySeconds", json!(-1)),
        ("qualifySeconds", json!(86_401)),
        ("qualifySeconds", Value::Null),
        ("status", json!("deleted")),
        ("description", json!(7)),
        ("dids", json!([])),
    ] {
        let mut body = new("Spring");
        body[key] = value.clone();
        let problem = world
            .alice
            .post(CAMPAIGNS, body)
            .await
            .problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [key], "{key} {value}");
        assert!(!field_error(&problem, key).is_empty());
        if key != "dids" {
            let problem = world
                .alice
                .put(&format!("{CAMPAIGNS}/1"), json!({key: value.clone()}))
                .await;
            assert_eq!(
                keys(&problem.problem(400, "validation_failed")["errors"]),
                [key],
                "{key} {value}"
            );
        }
    }
}

#[tokio::test]
async fn the_set_of_dids_is_replaced_whole_or_not_at_all() {
    let world = World::new().await;
    let path = format!("{CAMPAIGNS}/1/dids");
    let set = async |ids: Value| world.alice.put(&path, json!({"didIds": ids})).await;
    let now = async || world.alice.get(&path).await.ok();
    assert!(set(json!([4, 1, 4, "1"])).await.ok()["message"].is_string());
    let dids = now().await;
    assert_eq!(
        column(&dids, "number"),
        ["+18005550101", "+442075550104"],
        "by number, duplicates folded"
    );
    assert_eq!(keys(&dids[0]), ["description", "id", "number", "status"]);
    for foreign in [json!([2, 3]), json!([2, 999_999])] {
        let problem = set(foreign).await.problem(403, "did_not_owned");
        assert!(
            problem["message"]
                .as_str()
                .unwrap()
                .contains("not owned by the user"),
            "{problem}"
        );
        assert_eq!(now().await, dids, "nothing changed");
    }
    let problem = set(json!([1, "x", 0, 1.5]))
        .await
        .problem(400, "validation_failed");
    assert_eq!(keys(&problem["errors"]["didIds"]), ["1", "2", "3"]);
    field_error(&problem, "didIds.1");
    for bad in [json!(1), json!({"0": 1}), Value::Null] {
        field_error(&set(bad).await.problem(400, "validation_failed"), "didIds");
    }
    set(json!([])).await.ok();
    assert_eq!(now().await, json!([]));
    world
        .alice
        .put(&format!("{CAMPAIGNS}/3/dids"), json!({"didIds": [1]}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn links_hold_caps() {
    let world = World::new().await;
    let path = format!("{CAMPAIGNS}/2/clients");
    let available = world
        .alice
        .get(&format!("{CAMPAIGNS}/available_clients"))
        .await
        .ok();
    assert_eq!(
        column(&available, "name"),
        ["Alpha Corp", "Beta Industries", "Gamma Services"],
        "active ones, by name"
    );
    assert_eq!(
        keys(&available[0]),
        ["clientIdentifier", "department", "id", "name"]
    );
    let made = world.alice.post(&path, link(1)).await.expect_status(201).ok();
    assert_eq!(
        keys(&made),
        [
            "activeCalls",
            "callerRules",
            "caps",
            "client",
            "clientPause",
            "createdAt",
            "currentTotalCalls",
            "forwardingPriority",
            "id",
            "maxConcurrency",
            "minSecondsBetween",
            "pause",
            "qualifySeconds",
            "scheduleId",
            "status",
            "today",
            "totalCallsAllowed",
            "updatedAt",
            "version",
            "weight"
        ]
    );
    assert_eq!(made["client"], available[0]);
    assert!(
        made["totalCallsAllowed"].is_null() && made["currentTotalCalls"] == 0 && made["activeCalls"] == 0
    );
    let again = world
        .alice
        .post(&path, link(1))
        .await
        .problem(409, "already_linked");
    assert!(
        again["message"]
            .as_str()
            .unwrap()
            .starts_with("Client 1 is already linked"),
        "{again}"
    );
    for client in [4, 999_999] {
        world
            .alice
            .post(&path, link(client))
            .await
            .problem(404, "not_found");
    }
    let one = format!("{path}/{}", made["id"]);
    let changed = world
        .alice
        .put(&one, json!({"totalCallsAllowed": 0, "weight": "5"}))
        .await
        .ok();
    assert_eq!(
        (
            &changed["totalCallsAllowed"],
            &changed["weight"],
            &changed["maxConcurrency"]
        ),
        (&json!(0), &json!(5), &json!(3))
    );
    assert!(
        world
            .alice
            .put(&one, json!({"totalCallsAllowed": null}))
            .await
            .ok()["totalCallsAllowed"]
            .is_null()
    );
    assert!(made["minSecondsBetween"].is_null());
    for (sent, kept) in [
        (json!({"minSecondsBetween": 86_400}), json!(86_400)),
        (json!({"weight": 6}), json!(86_400)),
        (json!({"minSecondsBetween": null}), json!(null)),
        (json!({"minSecondsBetween": 1}), json!(1)),
    ] {
        assert_eq!(world.alice.put(&one, sent).await.ok()["minSecondsBetween"], kept);
    }
    for kept in [json!(90), json!(null), json!(0)] {
        let changed = world.alice.put(&one, json!({"qualifySeconds": kept})).await.ok();
        assert_eq!(changed["qualifySeconds"], kept);
        let seen = world.alice.put(&one, json!({"weight": 6})).await.ok();
        assert_eq!(seen["qualifySeconds"], kept);
    }
    field_error(
        &world
            .alice
            .put(&one, json!({"clientId": 2, "weight": 1}))
            .await
            .problem(400, "validation_failed"),
        "clientId",
    );
    for (key, value) in [
        ("maxConcurrency", json!(0)),
        ("maxConcurrency", json!(2_147_483_648_i64)),
        ("forwardingPriority", json!(-1)),
        ("weight", json!(0)),
        ("totalCallsAllowed", json!(-1)),
        ("minSecondsBetween", json!(0)),
        ("minSecondsBetween", json!(86_401)),
        ("minSecondsBetween", json!("soon")),
        ("qualifySeconds", json!(-1)),
        ("qualifySeconds", json!(86_401)),
        ("status", json!("paused")),
    ] {
        let mut body = link(2);
        body[key] = value.clone();
        for answer in [
            world.alice.post(&path, body).await,
            world.alice.put(&one, json!({key: value})).await,
        ] {
            field_error(&answer.problem(400, "validation_failed"), key);
        }
    }
    // The order of the list: priority, then id. Under another campaign the link does not exist.
    let list = world.alice.get(&path).await.ok();
    assert_eq!(column(&list, "id"), [&json!(3), &json!(4), &made["id"]]);
    world
        .alice
        .get(&format!("{CAMPAIGNS}/1/clients/{}", made["id"]))
        .await
        .problem(404, "not_found");
    world.alice.delete(&one).await.expect_status(204);
    world.alice.get(&one).await.problem(404, "not_found");
}

/// A slot in use keeps its link, its campaign, its client and its seller.
#[tokio::test]
async fn nothing_is_deleted_under_a_call() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    assert_eq!(switch.route("+18005550101", "call-1").await.unwrap().link(), 1);
    let campaign = world.alice.get(&format!("{CAMPAIGNS}/1")).await.ok();
    assert_eq!(campaign["clientSettings"][0]["activeCalls"], 1);
    world
        .alice
        .delete(&format!("{CAMPAIGNS}/1/clients/1"))
        .await
        .problem(409, "calls_in_flight");
    world
        .alice
        .delete(&format!("{CAMPAIGNS}/1"))
        .await
        .problem(409, "calls_in_flight");
    world
        .admin
        .delete("/api/admin/users/3")
        .await
        .problem(409, "calls_in_flight");
    // A link without an active campaign does not keep its client, a call does.
    for id in [1, 3] {
        world
            .admin
            .put(
                &format!("/api/admin/campaigns/{id}/status"),
                json!({"status": "paused"}),
            )
            .await
            .ok();
    }
    let client = world
        .admin
        .delete("/api/admin/clients/1")
        .await
        .problem(409, "client_in_use");
    assert!(
        client["message"]
            .as_str()
            .unwrap()
            .starts_with("Cannot delete client 1. It is actively linked"),
        "{client}"
    );
    switch.log("call-1", "+18005550101", "ANSWERED").await.unwrap();
    world
        .alice
        .delete(&format!("{CAMPAIGNS}/1/clients/1"))
        .await
        .expect_status(204);
    world
        .admin
        .delete("/api/admin/clients/1")
        .await
        .expect_status(204);
    // Its records show null for what is gone.
    let logs = world.alice.get("/api/seller/logs?uniqueid=call-1").await.ok();
    assert!(
        logs["items"][0]["client"].is_null() && logs["items"][0]["linkId"] == 1,
        "{logs}"
    );
}

/// One number more, one less: the others of the set are not sent along.
#[tokio::test]
async fn a_number_comes_to_a_campaign_and_goes_by_itself() {
    let world = World::new().await;
    let path = format!("{CAMPAIGNS}/1/dids");
    let set = async || {
        let answer = world.alice.get(&path).await;
        (answer.header("etag").to_owned(), answer.ok())
    };
    let (before, _) = set().await;
    let added = world
        .alice
        .post(&path, json!({"didId": 4}))
        .await
        .expect_status(201);
    let (tag, dids) = set().await;
    assert!(
        tag != before && dids.as_array().expect("a list").contains(&added.json()),
        "{dids}"
    );
    world
        .alice
        .post(&path, json!({"didId": 4}))
        .await
        .problem(409, "already_in_campaign");
    for (body, key) in [
        (json!({"didId": 0}), "didId"),
        (json!({"didId": null}), "didId"),
        (json!({"didId": [4]}), "didId"),
        (json!({"didId": 4, "didIds": [4]}), "didIds"),
    ] {
        field_error(
            &world
                .alice
                .post(&path, body)
                .await
                .problem(400, "validation_failed"),
            key,
        );
    }
    // Another's number, another's campaign, a number that is not in it.
    world
        .alice
        .post(&path, json!({"didId": 3}))
        .await
        .problem(403, "did_not_owned");
    world
        .bob
        .post(&path, json!({"didId": 3}))
        .await
        .problem(404, "not_found");
    world
        .bob
        .delete(&format!("{path}/4"))
        .await
        .problem(404, "not_found");
    world
        .alice
        .delete(&format!("{path}/2"))
        .await
        .problem(404, "not_found");
    assert_eq!(set().await, (tag.clone(), dids));
    // The set's tag, not the campaign's.
    let stale = world
        .alice
        .with("if-match", &before)
        .delete(&format!("{path}/4"))
        .await;
    let problem = stale.problem(412, "changed_meanwhile");
    assert_eq!(problem["present"], set().await.1);
    let wanted = world.alice.with("if-match", &tag);
    wanted.delete(&format!("{path}/4")).await.expect_status(204);
    assert_eq!(set().await.0, before);
    world
        .alice
        .delete(&format!("{path}/4"))
        .await
        .problem(404, "not_found");
    world.alice.get("/api/seller/dids/4").await.expect_status(200);
}
