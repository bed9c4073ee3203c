//! /api/admin/dids: staff give numbers out, change whose they are, and take them back.

use capconduit_tests::Calls;
use serde_json::{Value, json};

use super::support::{World, column, field_error, json_of, keys, number_of};

const NUMBERS: &str = "/api/admin/dids";
const ALICE: i64 = 3;
const BOB: i64 = 4;

#[tokio::test]
async fn staff_make_change_and_delete_numbers_and_the_audit_names_them() {
    let world = World::new().await;
    let made = world
        .staff
        .post(
            NUMBERS,
            json!({"number": "+4930123456", "userId": ALICE, "description": "Berlin"}),
        )
        .await
        .expect_status(201)
        .ok();
    let shown = [
        "createdAt",
        "description",
        "id",
        "number",
        "status",
        "updatedAt",
        "userId",
        "username",
        "version",
    ];
    assert_eq!(keys(&made), shown);
    assert_eq!(
        (&made["username"], &made["status"]),
        (&json!("seller_alice"), &json!("active"))
    );
    let one = format!("{NUMBERS}/{}", made["id"]);
    assert_eq!(world.admin.get(&one).await.ok(), made);
    let changed = world
        .staff
        .patch(&one, json!({"status": "inactive", "description": null}))
        .await
        .ok();
    assert_eq!(
        (&changed["status"], &changed["description"]),
        (&json!("inactive"), &Value::Null)
    );
    let own = format!("/api/seller/dids/{}", made["id"]);
    assert_eq!(world.alice.get(&own).await.ok()["status"], "inactive");
    let late = world
        .staff
        .with("if-match", "\"1\"")
        .put(&one, json!({"status": "active"}))
        .await;
    assert_eq!(late.problem(412, "changed_meanwhile")["present"], changed);
    let taken = world
        .staff
        .post(NUMBERS, json!({"number": "+4930123456", "userId": BOB}))
        .await;
    let taken = taken.problem(409, "number_taken");
    assert_eq!((&taken["id"], &taken["userId"]), (&made["id"], &json!(ALICE)));
    for user_id in [1, 2, 99] {
        let refused = world.staff.put(&one, json!({"userId": user_id})).await;
        let refused = refused.problem(400, "validation_failed");
        assert_eq!(field_error(&refused, "userId"), "Must be the id of a seller.");
    }
    world.staff.delete(&one).await.expect_status(204);
    world.staff.get(&one).await.problem(404, "not_found");
    let audit = world
        .admin
        .get(&format!(
            "/api/admin/audit?object_type=did&object_id={}",
            made["id"]
        ))
        .await
        .ok();
    assert_eq!(column(&audit["items"], "action"), ["delete", "update", "insert"]);
    assert!(
        column(&audit["items"], "userId").iter().all(|id| **id == 2),
        "staff's own id"
    );
    world.alice.get(NUMBERS).await.problem(403, "wrong_role");
}

#[tokio::test]
async fn another_owner_takes_a_number_out_of_campaigns_and_calls_in_flight_stay() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let number = "+18005550101";
    let switch = world.db.asterisk().await;
    switch.route(number, "call-1").await.unwrap().link();
    let in_campaigns = "select count(*) from campaign_dids where did_id = 1";
    assert!(number_of(&superuser, in_campaigns).await > 0);
    let moved = world
        .staff
        .patch(&format!("{NUMBERS}/1"), json!({"userId": BOB}))
        .await
        .ok();
    assert_eq!(
        (&moved["userId"], &moved["username"]),
        (&json!(BOB), &json!("seller_bob"))
    );
    assert_eq!(number_of(&superuser, in_campaigns).await, 0);
    world
        .alice
        .get("/api/seller/dids/1")
        .await
        .problem(404, "not_found");
    world.bob.get("/api/seller/dids/1").await.expect_status(200);
    assert_eq!(
        switch.route(number, "call-2").await.unwrap().reject_reason(),
        "no_active_campaign_for_did"
    );
    // The call that was routed before is its old owner's, to its record.
    switch.log("call-1", number, "ANSWERED").await.unwrap();
    let owner = json_of(
        &superuser,
        "select user_id from call_logs where asterisk_uniqueid = 'call-1'",
    )
    .await;
    assert_eq!(owner, json!(ALICE));
    // The same owner again changes nothing.
    let campaign = world
        .bob
        .post(
            "/api/seller/campaigns",
            json!({"name": "Mine", "routingStrategy": "priority", "dialTimeoutSeconds": 20}),
        )
        .await
        .ok();
    let dids = format!("/api/seller/campaigns/{}/dids", campaign["id"]);
    world
        .bob
        .post(&dids, json!({"didId": 1}))
        .await
        .expect_status(201);
    world
        .staff
        .patch(&format!("{NUMBERS}/1"), json!({"userId": BOB}))
        .await
        .ok();
    assert_eq!(number_of(&superuser, in_campaigns).await, 1);
}

/// Its seller puts the number into a campaign at the very moment.
#[tokio::test]
async fn no_number_is_left_in_a_campaign_of_another_owner() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let strays = "select count(*) from campaign_dids m join campaigns c on c.id = m.campaign_id join dids d on d.id = m.did_id
                   where c.user_id <> d.user_id";
    for round in 0..30 {
        let owner = if round % 2 == 0 { BOB } else { ALICE };
        let add = json!({"didId": 1});
        let (moved, added) = tokio::join!(
            world.staff.patch("/api/admin/dids/1", json!({"userId": owner})),
            world.alice.post("/api/seller/campaigns/2/dids", add)
        );
        moved.expect_status(200);
        assert!([201, 403, 404, 409].contains(&added.status), "{}", added.text());
        assert_eq!(number_of(&superuser, strays).await, 0, "round {round}");
    }
}

#[tokio::test]
async fn sellers_claim_no_number_where_staff_give_them_out() {
    let world = World::with(&[("CAPCONDUIT_CLAIMS", "staff")]).await;
    let body = json!({"number": "+4930123456"});
    let refused = world
        .alice
        .post("/api/seller/dids", body)
        .await
        .problem(403, "claims_closed");
    assert!(refused["message"].as_str().unwrap().contains("operator"));
    let lines = json!({"lines": [{"number": "+4930123457"}]});
    world
        .alice
        .post("/api/seller/dids/import", lines)
        .await
        .problem(403, "claims_closed");
    let page = world
        .alice
        .get("/console/numbers")
        .await
        .expect_status(200)
        .text();
    assert!(!page.contains("/console/numbers/new"));
    world.alice.get("/console/numbers/new").await.expect_status(403);
    // What they have is theirs as before.
    world
        .alice
        .put("/api/seller/dids/1", json!({"description": "mine"}))
        .await
        .expect_status(200);
    let given = json!({"number": "+4930123456", "userId": ALICE});
    world.staff.post(NUMBERS, given).await.expect_status(201);
}
