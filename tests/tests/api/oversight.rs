//! Calls in flight, explanations, and what admins and staff see and do over all sellers.

use capconduit_tests::{Calls, assert_consistent, assert_invariants};
use serde_json::{Value, json};

use super::support::{World, column, field_error, json_of, keys, number_of, run};

#[tokio::test]
async fn live_shows_calls_and_what_is_left() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    assert_eq!(
        switch
            .route_on("+18005550101", "ringing", "+4915112345", "pbx1")
            .await
            .unwrap()
            .link(),
        1
    );
    switch.route("+18005550101", "talking").await.unwrap();
    switch.answered("talking").await.unwrap();
    switch.route("+13105550103", "bobs").await.unwrap();
    let live = world.alice.get("/api/seller/live").await.ok();
    let calls = &live["calls"];
    assert_eq!(column(calls, "uniqueid"), ["talking", "ringing"], "newest first");
    assert_eq!(column(calls, "phase"), ["talking", "ringing"]);
    assert_eq!(
        keys(&calls[0]),
        [
            "answeredAt",
            "attempt",
            "attemptAt",
            "callerName",
            "callerNumber",
            "campaignId",
            "campaignName",
            "clientId",
            "clientIdentifier",
            "clientName",
            "didId",
            "didNumber",
            "holdsSlot",
            "leaseUntil",
            "linkId",
            "node",
            "phase",
            "routedAt",
            "uniqueid",
            "userId"
        ]
    );
    assert_eq!(
        (&calls[1]["callerNumber"], &calls[1]["node"]),
        (&json!("+4915112345"), &json!("pbx1"))
    );
    let link = &live["links"][0];
    for (key, value) in [
        ("linkId", 1),
        ("active", 2),
        ("maxConcurrency", 10),
        ("counted", 1),
        ("totalCallsAllowed", 5000),
        ("remaining", 4997),
    ] {
        assert_eq!(link[key], value, "{key}");
    }
    assert!(
        live["links"][1]["remaining"].is_null(),
        "no limit, nothing to be left"
    );
    assert_eq!(column(&live["links"], "linkId"), [1, 2, 3, 4]);

    // Staff see everybody's and can narrow it.
    let get = async |query: &str| {
        let page = world
            .staff
            .get(&format!("/api/admin/live_calls?{query}"))
            .await
            .ok();
        let mut ids: Vec<String> = column(&page["items"], "uniqueid")
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        ids.sort_unstable();
        assert_eq!(page["total"], ids.len());
        ids
    };
    assert_eq!(get("").await, ["bobs", "ringing", "talking"]);
    assert_eq!(get("user_id=4").await, ["bobs"]);
    assert_eq!(get("client_id=1&user_id=3").await, ["ringing", "talking"]);
    assert_eq!(get("node=pbx1").await, ["ringing"]);
    assert!(get("node=pbx9").await.is_empty());

    // In one answer: the calls with the links in use, or with all links of one seller.
    let everybody = world.staff.get("/api/admin/live").await.ok();
    assert_eq!(column(&everybody["calls"], "uniqueid").len(), 3);
    assert!(
        column(&everybody["links"], "active")
            .iter()
            .all(|active| active.as_i64() > Some(0)),
        "{everybody}"
    );
    let of_alice = world.staff.get("/api/admin/live?user_id=3").await.ok();
    assert_eq!(of_alice, live);
    world
        .staff
        .get("/api/admin/live?user_id=x")
        .await
        .expect_status(400);
}

#[tokio::test]
async fn a_call_is_released_by_hand() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    // Ids with blanks and slashes are ids.
    let uniqueid = "pbx1/170 0.1";
    switch.route("+18005550101", uniqueid).await.unwrap();
    let path = "/api/admin/live_calls/pbx1%2F170%200.1/release";
    field_error(
        &world
            .staff
            .post(path, json!({"reason": " "}))
            .await
            .problem(400, "validation_failed"),
        "reason",
    );
    let released = world
        .staff
        .post(path, json!({"reason": "the line is dead"}))
        .await
        .ok();
    assert_eq!(released["status"], "released");
    world
        .staff
        .post(path, json!({"reason": "again"}))
        .await
        .problem(404, "not_found");
    let record = world
        .alice
        .get(&format!("/api/seller/logs/{}", released["cdrId"]))
        .await
        .ok();
    assert_eq!(
        (&record["callStatus"], &record["hangupBy"]),
        (&json!("LOST"), &json!("system"))
    );
    assert_eq!(
        world.alice.get("/api/seller/live").await.ok()["links"][0]["active"],
        0
    );
    let audit = world.admin.get("/api/admin/audit?action=release").await.ok();
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["userId"], &entry["username"], &entry["objectId"]),
        (&json!(2), &json!("ops_staff"), &json!(uniqueid))
    );
    assert!(entry["after"].to_string().contains("the line is dead"), "{entry}");
    assert_invariants(&world.db).await;
}

#[tokio::test]
async fn explain_tells_why() {
    let world = World::new().await;
    let ask = async |who: &capconduit_tests::Visitor, path: &str, did: &str| {
        who.get(&format!("{path}?did={}", did.replace('+', "%2B")))
            .await
            .ok()
    };
    let own = ask(&world.bob, "/api/seller/explain", "+13105550103").await;
    assert_eq!(
        keys(&own),
        [
            "at", "caller", "campaign", "did", "links", "opensAt", "overflow", "reason", "shadowed"
        ]
    );
    assert_eq!(
        own["campaign"],
        json!({"id": 3, "name": "Bob Weighted Sales Calls", "routingStrategy": "weighted"})
    );
    assert_eq!(column(&own["links"], "linkId"), [5, 6, 7]);
    assert_eq!(
        column(&own["links"], "reason"),
        ["total_cap", "eligible", "link_inactive"]
    );
    assert_eq!(column(&own["links"], "eligible"), [false, true, false]);
    assert_eq!(own["links"][1]["share"], 1.0);
    assert_eq!(ask(&world.staff, "/api/admin/explain", "+13105550103").await, own);
    // For another seller the number does not exist, whatever is asked.
    let foreign = ask(&world.alice, "/api/seller/explain", "+13105550103").await;
    let unknown = ask(&world.alice, "/api/seller/explain", "+13105550199").await;
    assert_eq!(foreign["reason"], "did_not_found");
    for key in ["campaign", "links", "reason", "shadowed"] {
        assert_eq!(foreign[key], unknown[key], "{key}");
    }
    // A second active campaign is shown, and shadowed by the first.
    world
        .alice
        .put("/api/seller/campaigns/2/dids", json!({"didIds": [1, 2]}))
        .await
        .ok();
    let shadowed = ask(&world.alice, "/api/seller/explain", "+18005550101").await;
    assert_eq!(
        (&shadowed["campaign"]["id"], column(&shadowed["shadowed"], "id")),
        (&json!(1), vec![&json!(2)])
    );
    assert_eq!(column(&shadowed["links"], "place"), [1, 2]);
    let inactive = ask(&world.alice, "/api/seller/explain", "+442075550104").await;
    assert_eq!(
        (&inactive["reason"], &inactive["links"]),
        (&json!("did_inactive"), &json!([]))
    );
    for (who, path) in [
        (&world.alice, "/api/seller/explain"),
        (&world.staff, "/api/admin/explain"),
    ] {
        let missing = who.get(path).await.problem(400, "missing_did");
        assert_eq!(missing["message"], "Missing 'did' query parameter");
    }
}

#[tokio::test]
async fn explain_is_asked_for_a_caller_and_an_instant() {
    let world = World::new().await;
    world
        .alice
        .post(
            "/api/seller/callers",
            json!({"caller": "+4930123456", "scope": "campaign", "scopeId": 1, "until": "2100-01-01T00:00:00Z"}),
        )
        .await
        .expect_status(201);
    let did = "did=%2B18005550101";
    for (asked, reason, opens_at) in [
        ("", json!(null), json!(null)),
        ("&caller=%2B4930123457", json!(null), json!(null)),
        // A number without its plus, and one whose plus was not escaped.
        (
            "&caller=4930123456",
            json!("caller_blocked"),
            json!("2100-01-01T00:00:00+00:00"),
        ),
        (
            "&caller=+4930123456",
            json!("caller_blocked"),
            json!("2100-01-01T00:00:00+00:00"),
        ),
        (
            "&caller=%2B4930123456&at=2099-12-31T23:59:59Z",
            json!("caller_blocked"),
            json!("2100-01-01T00:00:00+00:00"),
        ),
        (
            "&caller=%2B4930123456&at=2100-01-01%2000:00",
            json!(null),
            json!(null),
        ),
        ("&caller=anonymous", json!(null), json!(null)),
    ] {
        let own = world
            .alice
            .get(&format!("/api/seller/explain?{did}{asked}"))
            .await
            .ok();
        assert_eq!((&own["reason"], &own["opensAt"]), (&reason, &opens_at), "{asked}");
        let any = world
            .staff
            .get(&format!("/api/admin/explain?{did}{asked}"))
            .await
            .ok();
        assert_eq!(any, own, "{asked}");
    }
    let asked = format!("/api/seller/explain?{did}&caller=4930123456&at=2100-01-01T01:00:00%2B01:00");
    let told = world.alice.get(&asked).await.ok();
    assert_eq!(
        (&told["caller"], &told["at"]),
        (&json!("4930123456"), &json!("2100-01-01T00:00:00+00:00"))
    );
    for (asked, field) in [
        ("at=soon", "at"),
        ("at=2100-13-01", "at"),
        ("caller=%00", "caller"),
    ] {
        let refused = world
            .alice
            .get(&format!("/api/seller/explain?{did}&{asked}"))
            .await;
        let problem = refused.problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [field], "{asked}");
    }
    // Without a number, where the campaign takes no such calls.
    world
        .alice
        .patch("/api/seller/campaigns/1", json!({"anonymousCallers": "reject"}))
        .await
        .ok();
    for (caller, reason) in [
        ("&caller=anonymous", json!("anonymous_caller")),
        ("", json!(null)),
    ] {
        let told = world
            .alice
            .get(&format!("/api/seller/explain?{did}{caller}"))
            .await
            .ok();
        assert_eq!(told["reason"], reason);
    }
}

#[tokio::test]
async fn staff_find_numbers_campaigns_and_links() {
    let world = World::new().await;
    let get = async |path: &str| world.staff.get(&format!("/api/admin/{path}")).await.ok()["items"].clone();
    assert_eq!(
        column(&get("dids?number=%2B1").await, "number"),
        ["+12125550102", "+13105550103", "+18005550101"]
    );
    for spelling in ["%2B13105550103", "13105550103", "+13105550103", "1310"] {
        let found = get(&format!("dids?number={spelling}")).await;
        assert_eq!(column(&found, "username"), ["seller_bob"], "{spelling}");
    }
    // A pattern is text, not a pattern.
    for none in ["%25", "_1", "%2B_"] {
        assert_eq!(get(&format!("dids?number={none}")).await, json!([]), "{none}");
    }
    assert_eq!(column(&get("dids?user_id=3").await, "id"), [2, 1, 4]);
    assert_eq!(column(&get("campaigns").await, "id"), [1, 2, 4, 3]);
    assert_eq!(
        column(&get("campaigns?user_id=4&status=inactive").await, "id"),
        [4]
    );
    assert_eq!(column(&get("links?client_id=1").await, "linkId"), [1, 6]);
    assert_eq!(column(&get("links?campaign_id=3").await, "linkId"), [5, 6, 7]);
    assert_eq!(
        column(&get("links?user_id=3&client_id=2").await, "linkId"),
        [2, 3]
    );
    let link = &get("links?client_id=3&user_id=4").await[0];
    assert_eq!(
        (&link["counted"], &link["totalCallsAllowed"], &link["remaining"]),
        (&json!(1), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn staff_stop_campaigns_and_links() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    let put = async |path: &str, status: &str| {
        world
            .staff
            .put(&format!("/api/admin/{path}/status"), json!({"status": status}))
            .await
    };
    assert_eq!(put("links/1", "inactive").await.ok()["status"], "inactive");
    assert_eq!(switch.route("+18005550101", "call-1").await.unwrap().link(), 2);
    assert_eq!(put("campaigns/1", "paused").await.ok()["status"], "paused");
    let stopped = switch.route("+18005550101", "call-2").await.unwrap();
    assert_eq!(stopped.reject_reason(), "no_active_campaign_for_did");
    put("campaigns/1", "deleted")
        .await
        .problem(400, "validation_failed");
    put("links/1", "paused").await.problem(400, "validation_failed");
    for path in ["links/999999", "campaigns/999999"] {
        put(path, "active").await.problem(404, "not_found");
    }
    let audit = world
        .staff
        .get("/api/admin/audit?object_type=campaigns&object_id=1")
        .await
        .ok();
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["action"], &entry["userId"]),
        (&json!("update"), &json!(2))
    );
    assert_eq!(
        (&entry["before"]["status"], &entry["after"]["status"]),
        (&json!("active"), &json!("paused"))
    );
}

#[tokio::test]
async fn a_total_is_adjusted_with_a_reason() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let switch = world.db.asterisk().await;
    let adjust = async |id: i64, body: Value| {
        world
            .admin
            .post(&format!("/api/admin/links/{id}/adjust"), body)
            .await
    };
    // Link 5 is at its cap of one: taking its call back opens it for one more.
    assert_eq!(
        adjust(5, json!({"delta": -1, "reason": "was a test"})).await.ok()["counted"],
        0
    );
    run(
        &superuser,
        "update campaign_client_settings set status = 'inactive' where id = 6",
    )
    .await;
    assert_eq!(switch.route("+13105550103", "call-1").await.unwrap().link(), 5);
    switch.log("call-1", "+13105550103", "ANSWERED").await.unwrap();
    let full = switch.route("+13105550103", "call-2").await.unwrap();
    assert_eq!(full.reject_reason(), "no_eligible_clients_available");
    assert_consistent(&world.db).await;
    let entry = world.admin.get("/api/admin/audit?action=adjust").await.ok()["items"][0].clone();
    assert_eq!((&entry["objectId"], &entry["userId"]), (&json!("5"), &json!(1)));
    assert_eq!(
        entry["after"],
        json!({"total": 0, "delta": -1, "reason": "was a test"})
    );
    assert_eq!(entry["before"], json!({"total": 1}));
    for (body, key) in [
        (json!({"delta": 0, "reason": "x"}), "delta"),
        (json!({"delta": 1}), "reason"),
        (json!({"reason": "x"}), "delta"),
        (json!({"delta": 1, "reason": ""}), "reason"),
        (json!({"delta": 1.5, "reason": "x"}), "delta"),
        (json!({"delta": 1, "reason": "x", "total": 7}), "total"),
    ] {
        field_error(&adjust(5, body).await.problem(400, "validation_failed"), key);
    }
    adjust(999_999, json!({"delta": 1, "reason": "x"}))
        .await
        .problem(404, "not_found");
    assert_eq!(
        number_of(
            &superuser,
            "select count(*) from audit_log where action = 'adjust'"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn the_audit_says_who_changed_what() {
    let world = World::new().await;
    let made = world
        .alice
        .post("/api/seller/dids", json!({"number": "+4930123456"}))
        .await
        .ok();
    world
        .alice
        .put(
            &format!("/api/seller/dids/{}", made["id"]),
            json!({"status": "inactive"}),
        )
        .await
        .ok();
    world
        .alice
        .put(
            &format!("/api/seller/dids/{}", made["id"]),
            json!({"status": "inactive"}),
        )
        .await
        .ok();
    world
        .alice
        .delete(&format!("/api/seller/dids/{}", made["id"]))
        .await
        .expect_status(204);
    let history = world
        .staff
        .get(&format!(
            "/api/admin/audit?object_type=dids&object_id={}",
            made["id"]
        ))
        .await
        .ok();
    assert_eq!(
        column(&history["items"], "action"),
        ["delete", "update", "insert"],
        "a change that changes nothing is none"
    );
    assert!(
        column(&history["items"], "username")
            .iter()
            .all(|name| **name == "seller_alice")
    );
    // In SQL, past the service: the login is named.
    run(
        &world.db.admin().await,
        "update capconduit.dids set status = 'inactive' where id = 1",
    )
    .await;
    let entry = world
        .staff
        .get("/api/admin/audit?object_type=dids&object_id=1")
        .await
        .ok()["items"][0]
        .clone();
    assert_eq!(
        (&entry["userId"], &entry["dbRole"]),
        (&Value::Null, &json!("capconduit_admin"))
    );
    let by = world.staff.get("/api/admin/audit?user_id=3").await.ok();
    assert_eq!(by["total"], 4, "three changes and the login");
    world
        .staff
        .get("/api/admin/audit?action=anything")
        .await
        .problem(400, "validation_failed");
    let whole = json_of(&world.db.superuser().await, "select count(*) from audit_log").await;
    assert_eq!(world.staff.get("/api/admin/audit").await.ok()["total"], whole);
}

/// Staff change what a seller may change of a link, and the audit says that it was they.
#[tokio::test]
async fn staff_change_a_link_as_its_seller_may() {
    let world = World::new().await;
    let hours = world
        .admin
        .post("/api/admin/schedules", json!({"name": "Office"}))
        .await
        .ok();
    // All that `LinkChange` has.
    let change = json!({"maxConcurrency": 3, "totalCallsAllowed": null, "forwardingPriority": 5, "weight": 2, "status": "inactive",
                        "minSecondsBetween": 9, "qualifySeconds": 60, "scheduleId": hours["id"],
                        "callerRules": [{"after": "answered", "seconds": 60, "action": "skip"}]});
    let changed = world.staff.put("/api/admin/links/1", change.clone()).await.ok();
    let listed = world.staff.get("/api/admin/links?campaign_id=1").await.ok()["items"][0].clone();
    let own = world.alice.get("/api/seller/links").await.ok()["items"][0].clone();
    let shown = world.alice.get("/api/seller/campaigns/1/clients/1").await.ok();
    for (key, value) in change.as_object().expect("an object") {
        for answer in [&changed, &listed, &own, &shown] {
            assert_eq!(&answer[key], value, "{key}: {answer}");
        }
    }
    let audit = world
        .staff
        .get("/api/admin/audit?object_type=link&object_id=1&action=update")
        .await
        .ok();
    assert_eq!(audit["items"][0]["username"], "ops_staff");
    let problem = world
        .staff
        .put("/api/admin/links/1", json!({"clientId": 2}))
        .await;
    field_error(&problem.problem(400, "validation_failed"), "clientId");
    for (body, key) in [
        (json!({"maxConcurrency": 0}), "maxConcurrency"),
        (json!({"weight": 0}), "weight"),
    ] {
        let problem = world.admin.patch("/api/admin/links/1", body).await;
        field_error(&problem.problem(400, "validation_failed"), key);
    }
    world
        .staff
        .put("/api/admin/links/4000", change.clone())
        .await
        .problem(404, "not_found");
    world
        .alice
        .put("/api/admin/links/1", change)
        .await
        .problem(403, "wrong_role");
    assert_invariants(&world.db).await;
}
