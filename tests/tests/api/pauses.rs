//! Pauses over REST: a seller's of its campaigns and links, the platform's of these and of clients.

use capconduit_tests::Calls;
use serde_json::{Value, json};

use super::support::{World, field_error, run};

const DID: &str = "+18005550101";
const CAMPAIGN: &str = "/api/seller/campaigns/1";
const LINK: &str = "/api/seller/campaigns/1/clients/1";
const SOON: &str = "2100-01-01T00:00:00+00:00";

fn until(until: Option<&str>, reason: &str) -> Value {
    json!({"until": until, "reason": reason})
}

fn pause(until: Option<&str>, reason: Option<&str>, by: &str) -> Value {
    json!({"until": until, "reason": reason, "by": by})
}

#[tokio::test]
async fn the_two_pauses_of_a_campaign_stand_beside_each_other() {
    let world = World::new().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let (own, platforms) = (
        format!("{CAMPAIGN}/pause"),
        "/api/admin/campaigns/1/pause".to_owned(),
    );
    let switch = world.db.asterisk().await;
    assert_eq!(alice.get(CAMPAIGN).await.ok()["pause"], Value::Null);
    alice.delete(&own).await.problem(404, "not_found");
    let paused = alice.put(&own, until(Some(SOON), "Holidays")).await.ok();
    assert_eq!(paused["pause"], pause(Some(SOON), Some("Holidays"), "seller"));
    assert_eq!(
        (&paused["status"], &paused["version"]),
        (&json!("active"), &json!(2))
    );
    assert_eq!(
        switch.route(DID, "first").await.unwrap().reject_reason(),
        "campaign_paused"
    );
    // The platform's ends later, and is told; each lifts its own.
    staff.delete(&platforms).await.problem(403, "set_by_another");
    let paused = staff.put(&platforms, until(None, "Fraud")).await.ok();
    assert_eq!(paused["pause"], pause(None, Some("Fraud"), "platform"));
    alice.delete(&own).await.expect_status(204);
    alice.delete(&own).await.problem(403, "set_by_another");
    alice.delete(CAMPAIGN).await.problem(409, "paused_by_platform");
    for seen in [
        &alice.get(CAMPAIGN).await.ok(),
        &alice.get("/api/seller/campaigns?q=Alice%20Pri").await.ok()["items"][0],
        &staff.get("/api/admin/campaigns?q=Alice%20Pri").await.ok()["items"][0],
    ] {
        assert_eq!(seen["pause"], pause(None, Some("Fraud"), "platform"), "{seen}");
    }
    assert_eq!(
        switch.route(DID, "second").await.unwrap().reject_reason(),
        "campaign_paused"
    );
    let told = alice
        .get(&format!("/api/seller/explain?did={}", DID.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(told["reason"], "campaign_paused", "{told}");
    // Set again, the seller's is shorter: the platform's is told.
    let paused = alice.put(&own, until(Some(SOON), "Holidays")).await.ok();
    assert_eq!(paused["pause"]["by"], "platform");
    staff.delete(&platforms).await.expect_status(204);
    assert_eq!(alice.get(CAMPAIGN).await.ok()["pause"]["by"], "seller");
    // One that has ended is none.
    run(
        &world.db.superuser().await,
        "update campaigns set paused_until = now() where id = 1",
    )
    .await;
    assert_eq!(alice.get(CAMPAIGN).await.ok()["pause"], Value::Null);
    assert!(switch.route(DID, "third").await.unwrap().is_ok());
}

#[tokio::test]
async fn a_paused_link_and_a_paused_client_are_passed_over() {
    let world = World::new().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let own = format!("{LINK}/pause");
    let switch = world.db.asterisk().await;
    let paused = alice.put(&own, until(None, "No agents")).await.ok();
    assert_eq!(
        (&paused["pause"], &paused["clientPause"]),
        (&pause(None, Some("No agents"), "seller"), &Value::Null)
    );
    assert_ne!(switch.route(DID, "first").await.unwrap().link(), 1);
    let links = staff.get("/api/admin/links?campaign_id=1").await.ok();
    assert_eq!(
        links["items"][0]["pause"],
        pause(None, Some("No agents"), "seller")
    );
    alice.delete(&own).await.expect_status(204);
    assert_eq!(switch.route(DID, "second").await.unwrap().link(), 1);
    // Lost updates, as everywhere.
    let version = alice.get(LINK).await.ok()["version"].clone();
    assert_eq!(version, 3);
    for late in [
        alice.with("If-Match", "\"2\"").put(&own, until(None, "x")).await,
        alice.with("If-Match", "\"2\"").delete(&own).await,
    ] {
        assert_eq!(late.problem(412, "changed_meanwhile")["present"]["version"], 3);
    }
    let path = "/api/admin/links/1/pause";
    let paused = staff
        .with("If-Match", "\"3\"")
        .put(path, until(Some(SOON), "Complaints"))
        .await
        .ok();
    assert_eq!(paused["pause"], pause(Some(SOON), Some("Complaints"), "platform"));
    alice.delete(&own).await.problem(403, "set_by_another");
    alice.delete(LINK).await.problem(409, "paused_by_platform");
    staff.delete(path).await.expect_status(204);
    staff.delete(path).await.problem(404, "not_found");
    // Of a client sellers hear that and until when, not why.
    let path = "/api/admin/clients/1/pause";
    let paused = staff.put(path, until(Some(SOON), "Unpaid")).await.ok();
    assert_eq!(paused["pause"], pause(Some(SOON), Some("Unpaid"), "platform"));
    assert_eq!(staff.get("/api/admin/clients/1").await.ok(), paused);
    let link = alice.get(LINK).await.ok();
    assert_eq!(
        (&link["pause"], &link["clientPause"]),
        (&Value::Null, &pause(Some(SOON), None, "platform"))
    );
    let told = alice
        .get(&format!("/api/seller/explain?did={}", DID.replace('+', "%2B")))
        .await
        .ok();
    assert_eq!(told["links"][0]["reason"], "client_paused", "{told}");
    staff.delete(path).await.expect_status(204);
    assert_eq!(staff.get("/api/admin/clients/1").await.ok()["pause"], Value::Null);
    // In the audit, in the API's words.
    let told = world
        .admin
        .get("/api/admin/audit?object_type=client&object_id=1")
        .await
        .ok();
    assert_eq!(
        told["items"][1]["after"]["platform_pause_reason"], "Unpaid",
        "{told}"
    );
}

#[tokio::test]
async fn what_is_no_pause_is_refused() {
    let world = World::new().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let own = format!("{CAMPAIGN}/pause");
    for (body, field) in [
        (json!({"until": SOON}), "reason"),
        (until(None, ""), "reason"),
        (until(None, &"x".repeat(201)), "reason"),
        (until(None, "a\u{202e}b"), "reason"),
        (until(Some("2020-01-01T00:00:00Z"), "x"), "until"),
        (until(Some("tomorrow"), "x"), "until"),
        (json!({"until": 7, "reason": "x"}), "until"),
        (json!({"reason": "x", "by": "platform"}), "by"),
    ] {
        let answer = alice.put(&own, body).await.problem(400, "validation_failed");
        field_error(&answer, field);
    }
    let body = until(None, "x");
    for path in [
        "/api/seller/campaigns/3/pause",
        "/api/seller/campaigns/1/clients/5/pause",
    ] {
        alice.put(path, body.clone()).await.problem(404, "not_found");
        alice.delete(path).await.problem(404, "not_found");
    }
    for path in ["campaigns", "links", "clients"] {
        let path = format!("/api/admin/{path}/99/pause");
        staff.put(&path, body.clone()).await.problem(404, "not_found");
        staff.delete(&path).await.problem(404, "not_found");
    }
}
