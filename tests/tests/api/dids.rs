//! /api/seller/dids: numbers as E.164 writes them.

use serde_json::{Value, json};

use super::support::{World, column, field_error, keys};

const DIDS: &str = "/api/seller/dids";

#[tokio::test]
async fn dids_are_made_shown_and_changed() {
    let world = World::new().await;
    let made = world
        .alice
        .post(
            DIDS,
            json!({"number": " +4930123456 ", "description": "Berlin\noffice"}),
        )
        .await;
    let made = made.expect_status(201).ok();
    assert_eq!(
        keys(&made),
        [
            "createdAt",
            "description",
            "id",
            "number",
            "scheduleId",
            "status",
            "updatedAt",
            "version"
        ]
    );
    assert_eq!(
        (&made["number"], &made["status"]),
        (&json!("+4930123456"), &json!("active"))
    );
    let one = format!("{DIDS}/{}", made["id"]);
    assert_eq!(world.alice.get(&one).await.ok(), made);
    let changed = world
        .alice
        .put(&one, json!({"status": "inactive", "number": "+1999"}))
        .await
        .ok();
    assert_eq!(changed["status"], "inactive");
    assert_eq!(
        (&changed["number"], &changed["description"]),
        (&made["number"], &made["description"])
    );
    assert!(changed["updatedAt"].as_str() > made["updatedAt"].as_str());
    let emptied = world.alice.put(&one, json!({"description": null})).await.ok();
    assert!(emptied["description"].is_null() && emptied["status"] == "inactive");
    world
        .alice
        .put(&one, json!({"number": "+1999"}))
        .await
        .problem(400, "nothing_to_update");
    // The list is by number; a filter narrows it.
    let list = world.alice.get(DIDS).await.ok();
    assert_eq!(
        column(&list["items"], "number"),
        ["+12125550102", "+18005550101", "+442075550104", "+4930123456"]
    );
    let active = world.alice.get(&format!("{DIDS}?status=active")).await.ok();
    assert_eq!(
        (&active["total"], column(&active["items"], "id")),
        (&json!(2), vec![&json!(2), &json!(1)])
    );
    let filter = world
        .alice
        .get(&format!("{DIDS}?status=paused"))
        .await
        .problem(400, "validation_failed");
    assert!(!field_error(&filter, "status").is_empty());
    world.alice.delete(&one).await.expect_status(204);
    let gone = world.alice.delete(&one).await.problem(404, "not_found");
    assert_eq!(
        gone["message"],
        format!("DID with ID {} not found or not owned by user.", made["id"])
    );
}

#[tokio::test]
async fn numbers_are_checked() {
    let world = World::new().await;
    for number in [
        "",
        "+",
        "+1",
        "+0123456",
        "18005550101",
        "+1800555010112345",
        "+1 800 555",
        "+１８００",
        "+1800a",
        "00491",
    ] {
        let problem = world
            .alice
            .post(DIDS, json!({"number": number}))
            .await
            .problem(400, "validation_failed");
        assert!(
            field_error(&problem, "number").contains("Invalid phone number format"),
            "{number}"
        );
    }
    for (key, value) in [
        ("number", json!(18005550101_i64)),
        ("description", json!("x".repeat(256))),
        ("description", json!("\u{1b}[31m")),
        ("status", json!("paused")),
        ("userId", json!(4)),
    ] {
        let mut body = json!({"number": "+4930123456"});
        body[key] = value;
        let problem = world
            .alice
            .post(DIDS, body)
            .await
            .problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [key]);
    }
    let edge = json!({"number": "+123456789012345", "description": "é".repeat(255)});
    world.alice.post(DIDS, edge).await.expect_status(201);
    // Somebody else's number is taken as well; the text is the same for everybody.
    for seller in [&world.alice, &world.bob] {
        let taken = seller
            .post(DIDS, json!({"number": "+13105550103"}))
            .await
            .problem(409, "number_taken");
        assert_eq!(taken["message"], "DID number '+13105550103' already exists");
    }
}

/// Deleting a number removes it from its campaigns; its records stay and show the number that was dialled.
#[tokio::test]
async fn a_deleted_did_leaves_its_records() {
    let world = World::new().await;
    world.alice.delete(&format!("{DIDS}/1")).await.expect_status(204);
    let campaign = world.alice.get("/api/seller/campaigns/1").await.ok();
    assert_eq!(campaign["dids"], json!([]));
    let logs = world.alice.get("/api/seller/logs?campaign_id=1").await.ok();
    assert_eq!(logs["total"], 2);
    for record in logs["items"].as_array().unwrap() {
        assert_eq!(
            (&record["did"], &record["incomingDidNumber"]),
            (&Value::Null, &json!("+18005550101"))
        );
    }
}

/// Whose a number is, is told to its owner alone, with its id.
#[tokio::test]
async fn a_taken_number_is_ones_own_or_not() {
    let world = World::new().await;
    let own = world.alice.post(DIDS, json!({"number": "+18005550101"})).await;
    let own = own.problem(409, "number_taken");
    assert_eq!((&own["own"], &own["id"]), (&json!(true), &json!(1)));
    let others = world.bob.post(DIDS, json!({"number": "+18005550101"})).await;
    let others = others.problem(409, "number_taken");
    assert_eq!((&others["own"], others.get("id")), (&json!(false), None));
    assert!(!others.to_string().contains("seller_alice"), "{others}");
    // Of two who want one number at once one gets it, and the other learns that it is not its own.
    for n in 0..10 {
        let body = json!({"number": format!("+4930777{n:02}")});
        let (alice, bob) = tokio::join!(
            world.alice.post(DIDS, body.clone()),
            world.bob.post(DIDS, body.clone())
        );
        let (made, refused) = if alice.status == 201 {
            (alice, bob)
        } else {
            (bob, alice)
        };
        made.expect_status(201);
        assert_eq!(refused.problem(409, "number_taken")["own"], false);
    }
}
