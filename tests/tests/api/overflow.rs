//! Where a campaign's calls go that it has nobody for: set, shown, explained and recorded.

use capconduit_tests::Calls;
use serde_json::{Value, json};

use super::support::{World, column, field_error};

const DID: &str = "+18005550101";
const FIRST: &str = "/api/seller/campaigns/1";

#[tokio::test]
async fn overflow_is_set_explained_and_recorded() {
    let world = World::uncapped().await;
    let (alice, switch) = (&world.alice, world.db.asterisk().await);
    let made = json!({"name": "Second", "routingStrategy": "priority", "dialTimeoutSeconds": 20});
    let second = alice
        .post("/api/seller/campaigns", made)
        .await
        .expect_status(201)
        .ok();
    assert_eq!(second["overflow"], json!([]));
    let second_path = format!("/api/seller/campaigns/{}", second["id"]);
    let before = alice.get(FIRST).await.ok();
    let links = before["clientSettings"].as_array().unwrap();
    let link_of = |campaign: &Value| campaign["clientSettings"][0]["id"].clone();
    let client = links[0]["client"]["id"].clone();
    let link = json!({"clientId": client, "maxConcurrency": 3, "forwardingPriority": 1, "weight": 10});
    alice
        .post(&format!("{second_path}/clients"), link)
        .await
        .expect_status(201);
    let second = alice.get(&second_path).await.ok();

    let exits = json!([{"exit": "all_capped", "campaign": second["id"]}, {"exit": "all_closed", "link": link_of(&before)}]);
    let changed = alice.patch(FIRST, json!({"overflow": exits})).await.ok();
    assert_eq!(changed["overflow"], exits);
    assert_ne!(changed["version"], before["version"]);
    let changed = alice.patch(FIRST, json!({"description": "x"})).await.ok();
    assert_eq!(changed["overflow"], exits, "what is not sent stays");
    let stranger = world.bob.get("/api/seller/campaigns").await.ok()["items"][0]["id"].clone();
    for (faulty, fault) in [
        (json!(null), "Must be a list.".to_owned()),
        (
            json!([{"exit": "closed", "campaign": 1}]),
            "1: exit must be one of: all_closed, all_capped, no_more_targets.".to_owned(),
        ),
        (
            json!([{"exit": "all_closed"}]),
            "1: either a campaign or a link is expected.".to_owned(),
        ),
        (
            json!([{"exit": "all_closed", "campaign": stranger}]),
            format!("1: campaign {stranger} is no other campaign of this seller."),
        ),
        (
            json!([{"exit": "all_closed", "link": link_of(&second)}]),
            format!("1: link {} is no link of this campaign.", link_of(&second)),
        ),
    ] {
        let refused = alice.patch(FIRST, json!({ "overflow": faulty })).await;
        let problem = refused.problem(400, "validation_failed");
        assert_eq!(field_error(&problem, "overflow"), fault);
    }

    let explain = format!("/api/seller/explain?did=%2B{}", &DID[1..]);
    let open = alice.get(&explain).await.ok();
    assert_eq!(open["overflow"], Value::Null);
    let reasons = column(&open["links"], "reason");
    assert!(reasons.contains(&&json!("kept_back")), "{reasons:?}");
    for link in links {
        let path = format!("{FIRST}/clients/{}", link["client"]["id"]);
        alice.patch(&path, json!({"totalCallsAllowed": 0})).await.ok();
    }
    for path in [explain, format!("/api/admin/explain?did=%2B{}", &DID[1..])] {
        let who = if path.contains("admin") {
            &world.admin
        } else {
            alice
        };
        let full = who.get(&path).await.ok();
        assert_eq!(full["campaign"]["id"], before["id"]);
        assert_eq!(full["overflow"]["campaign"]["id"], second["id"]);
        assert_eq!(full["overflow"]["links"][0]["eligible"], json!(true));
        assert_eq!(full["overflow"]["reason"], Value::Null);
    }
    let answer = switch.route(DID, "beyond").await.unwrap();
    assert_eq!(json!(answer.campaign_id), second["id"]);
    switch.log("beyond", DID, "ANSWERED").await.unwrap();
    let record = alice.get("/api/seller/logs?uniqueid=beyond").await.ok()["items"][0].clone();
    assert_eq!(
        json!([
            record["overflowExit"],
            record["overflowedFrom"],
            record["campaign"]["id"]
        ]),
        json!(["all_capped", before["id"], second["id"]])
    );
    assert!(
        record["reservedAt"].is_string() && record["qualified"].is_boolean(),
        "{record}"
    );
    let csv = alice.get("/api/seller/logs.csv?uniqueid=beyond").await.text();
    assert!(
        csv.contains(",qualified,reservedAt,overflowExit,overflowedFrom"),
        "{csv}"
    );
    assert!(
        csv.trim_end().ends_with(&format!("all_capped,{}", before["id"])),
        "{csv}"
    );

    // The other campaign takes no calls: the first one's reason.
    alice
        .patch(&second_path, json!({"status": "inactive"}))
        .await
        .ok();
    let answer = switch.route(DID, "refused").await.unwrap();
    assert_eq!(answer.reject_reason(), "no_eligible_clients_available");
    alice.delete(&second_path).await.expect_status(204);
    let left = alice.get(FIRST).await.ok();
    assert_eq!(
        left["overflow"],
        json!([{"exit": "all_closed", "link": link_of(&before)}])
    );
    alice.patch(FIRST, json!({"overflow": []})).await.ok();
}
