//! Callers over REST: a seller's lists and the platform's, their import and export, what a campaign says of callers, and the right to be
//! forgotten.

use capconduit_tests::{Answer, Calls, Visitor};
use serde_json::{Value, json};

use super::support::{World, column, field_error, json_of, keys, number_of, run};

const ACCOUNT: &str = "/api/seller/account";
const OWN: &str = "/api/seller/callers";
const ALL: &str = "/api/admin/callers";
const DID: &str = "+18005550101";
const CALLER: &str = "+4930123456";

async fn csv(who: &Visitor, path: &str, text: &str) -> Answer {
    who.raw("POST", path, Some("text/csv"), text.to_owned().into())
        .await
}

/// What a call of this caller is told; nothing of it stays.
async fn tried(world: &World, caller: &str) -> String {
    let switch = world.db.asterisk().await;
    run(&switch, "begin").await;
    let answer = switch.route_on(DID, "tried", caller, "pbx1").await.unwrap();
    run(&switch, "rollback").await;
    answer
        .reason
        .unwrap_or_else(|| answer.link_id.unwrap().to_string())
}

#[tokio::test]
async fn a_seller_blocks_a_caller_and_takes_it_back() {
    let world = World::uncapped().await;
    let alice = &world.alice;
    assert_eq!(tried(&world, CALLER).await, "1");
    let made = alice
        .post(
            OWN,
            json!({"caller": "4930123456", "note": " Threatened an agent "}),
        )
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        keys(&made),
        [
            "after",
            "at",
            "by",
            "caller",
            "id",
            "kind",
            "note",
            "scope",
            "scopeId",
            "scopeName",
            "source",
            "until"
        ]
    );
    assert_eq!(
        json!([
            made["caller"],
            made["kind"],
            made["scope"],
            made["scopeId"],
            made["scopeName"],
            made["until"],
            made["source"],
            made["note"],
            made["by"]
        ]),
        json!([
            CALLER,
            "blocked",
            "seller",
            3,
            "seller_alice",
            null,
            "hand",
            "Threatened an agent",
            "seller_alice"
        ])
    );
    let one = format!("{OWN}/{}", made["id"]);
    assert_eq!(alice.get(&one).await.ok(), made);
    assert_eq!(tried(&world, CALLER).await, "caller_blocked");
    alice
        .post(OWN, json!({"caller": CALLER, "kind": "blocked"}))
        .await
        .problem(409, "mark_exists");
    // In one campaign it is allowed all the same.
    let until = json!({"caller": CALLER, "kind": "allowed", "scope": "campaign", "scopeId": 1, "until": "2100-01-01T00:00:00Z"});
    let allowed = alice.post(OWN, until).await.expect_status(201).ok();
    assert_eq!(allowed["until"], "2100-01-01T00:00:00+00:00");
    assert_eq!(tried(&world, CALLER).await, "1");
    alice
        .delete(&format!("{OWN}/{}", allowed["id"]))
        .await
        .expect_status(204);
    assert_eq!(tried(&world, CALLER).await, "caller_blocked");
    // Bob sees none of it, staff see it and leave it.
    world.bob.get(&one).await.problem(404, "not_found");
    world.bob.delete(&one).await.problem(404, "not_found");
    let staffs = format!("{ALL}/{}", made["id"]);
    assert_eq!(world.staff.get(&staffs).await.ok(), made);
    world.staff.delete(&staffs).await.problem(403, "set_by_another");
    alice.delete(&one).await.expect_status(204);
    alice.delete(&one).await.problem(404, "not_found");
    assert_eq!(tried(&world, CALLER).await, "1");
    // Audited: who made it, who took it away.
    let audit = world
        .staff
        .get(&format!(
            "/api/admin/audit?object_type=caller&object_id={}",
            made["id"]
        ))
        .await
        .ok();
    assert_eq!(
        json!(column(&audit["items"], "action")),
        json!(["delete", "insert"])
    );
    assert_eq!(json!(column(&audit["items"], "userId")), json!([3, 3]));
}

#[tokio::test]
async fn the_platform_s_block_is_the_platform_s() {
    let world = World::uncapped().await;
    let (alice, staff) = (&world.alice, &world.staff);
    let made = staff
        .post(ALL, json!({"caller": CALLER}))
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        json!([made["scope"], made["scopeId"], made["scopeName"], made["by"]]),
        json!(["platform", null, null, "ops_staff"])
    );
    assert_eq!(tried(&world, CALLER).await, "caller_blocked");
    // Nor does a seller see it, or allow what it blocks.
    assert_eq!(alice.get(OWN).await.ok()["total"], 0);
    alice
        .post(OWN, json!({"caller": CALLER, "kind": "allowed"}))
        .await
        .expect_status(201);
    assert_eq!(tried(&world, CALLER).await, "caller_blocked");
    for scope in [
        json!({"scope": "platform"}),
        json!({"scope": "client", "scopeId": 1}),
    ] {
        let mut body = json!({"caller": CALLER});
        body.as_object_mut()
            .unwrap()
            .extend(scope.as_object().unwrap().clone());
        let problem = alice.post(OWN, body).await.problem(400, "validation_failed");
        field_error(&problem, "scope");
    }
    let problem = staff
        .post(ALL, json!({"caller": CALLER, "scope": "seller", "scopeId": 3}))
        .await
        .problem(400, "validation_failed");
    field_error(&problem, "scope");
    staff
        .delete(&format!("{ALL}/{}", made["id"]))
        .await
        .expect_status(204);
    // Of a client: its links are passed over.
    let body = json!({"caller": CALLER, "scope": "client", "scopeId": 1});
    staff.post(ALL, body).await.expect_status(201);
    assert_ne!(tried(&world, CALLER).await, "1");
    let body = json!({"caller": CALLER, "scope": "client", "scopeId": 4_000_000});
    staff.post(ALL, body).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_can_be_no_mark_is_refused() {
    let world = World::uncapped().await;
    let alice = &world.alice;
    for (body, field) in [
        (json!({"kind": "blocked"}), "caller"),
        (json!({"caller": "anonymous"}), "caller"),
        (json!({"caller": "1".repeat(51)}), "caller"),
        (json!({"caller": CALLER, "kind": "seen"}), "kind"),
        (json!({"caller": CALLER, "scope": "did"}), "scope"),
        (json!({"caller": CALLER, "scope": "campaign"}), "scopeId"),
        (
            json!({"caller": CALLER, "scope": "seller", "scopeId": 4}),
            "scopeId",
        ),
        (
            json!({"caller": CALLER, "scope": "campaign", "scopeId": 0}),
            "scopeId",
        ),
        (
            json!({"caller": CALLER, "until": "2020-01-01T00:00:00Z"}),
            "until",
        ),
        (json!({"caller": CALLER, "until": "soon"}), "until"),
        (json!({"caller": CALLER, "note": "x".repeat(201)}), "note"),
        (json!({"caller": CALLER, "by": 1}), "by"),
    ] {
        let problem = alice
            .post(OWN, body.clone())
            .await
            .problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [field], "{body}");
    }
    for scope in ["campaign", "link"] {
        // Bob's, and none.
        for id in [3, 5, 4_000_000] {
            if (scope, id) != ("link", 3) {
                let body = json!({"caller": CALLER, "scope": scope, "scopeId": id});
                alice.post(OWN, body).await.problem(404, "not_found");
            }
        }
    }
    assert_eq!(alice.get(OWN).await.ok()["total"], 0);
}

#[tokio::test]
async fn lists_are_filtered() {
    let world = World::uncapped().await;
    let alice = &world.alice;
    run(
        &world.db.superuser().await,
        "insert into caller_marks (user_id, caller, kind) values (3, '+4930123456', 'blocked'), (4, '+4930123456', 'blocked');
         insert into caller_marks (campaign_id, caller, kind, until) values (1, '+4930123456', 'allowed', now() + interval '1 hour'),
             (1, '+4930123457', 'blocked', now() - interval '1 second'), (2, '+4930123457', 'blocked', null);
         insert into caller_marks (campaign_id, caller, kind, after, source, until)
             values (1, '+4930123458', 'seen', 'offered', 'call', now() + interval '1 hour');
         insert into caller_marks (link_id, caller, kind) values (1, '+4930123456', 'blocked');
         insert into caller_marks (client_id, caller, kind) values (1, '030123', 'blocked');
         insert into caller_marks (caller, kind) values ('+4930123456', 'blocked')",
    )
    .await;
    for (query, own, all) in [
        ("", 5, 8),
        ("caller=%2B4930123456", 3, 5),
        ("caller=+4930123456", 3, 5),
        ("caller=4930123456", 3, 5),
        ("caller=030123", 0, 1),
        ("kind=allowed", 1, 1),
        ("kind=seen", 1, 1),
        ("scope=seller", 1, 2),
        ("scope=platform", 0, 1),
        ("scope=campaign&scope_id=2", 1, 1),
        ("campaign_id=1", 3, 3),
        ("client_id=1", 1, 2),
    ] {
        assert_eq!(
            alice.get(&format!("{OWN}?{query}")).await.ok()["total"],
            own,
            "{query}"
        );
        assert_eq!(
            world.staff.get(&format!("{ALL}?{query}")).await.ok()["total"],
            all,
            "{query}"
        );
    }
    assert_eq!(
        world.staff.get(&format!("{ALL}?user_id=3")).await.ok()["total"],
        5
    );
    // What a call has left goes by hand, too: then the caller has not called.
    let seen = alice.get(&format!("{OWN}?kind=seen")).await.ok()["items"][0].clone();
    assert_eq!(json!([seen["source"], seen["by"]]), json!(["call", null]));
    alice
        .delete(&format!("{OWN}/{}", seen["id"]))
        .await
        .expect_status(204);
}

#[tokio::test]
async fn lists_are_imported_and_exported() {
    let world = World::uncapped().await;
    let alice = &world.alice;
    let import = format!("{OWN}/import");
    let text = "\u{feff}caller,kind,scope,scopeId,until,note\r\n\
        +4930123456,,,,,\"Robot, twice\"\r\n\
        '+4930123457,allowed,campaign,1,2100-01-01T00:00:00Z,VIP\r\n\
        4930123458,blocked,link,1,,\r\n";
    let tried_out = csv(alice, &format!("{import}?dry_run=true"), text).await.ok();
    assert_eq!(
        json!([tried_out["dryRun"], tried_out["created"]]),
        json!([true, 3])
    );
    assert_eq!(alice.get(OWN).await.ok()["total"], 0);
    let done = csv(alice, &import, text).await.ok();
    assert_eq!(
        json!([
            done["created"],
            done["replaced"],
            done["faulty"],
            column(&done["lines"], "caller")
        ]),
        json!([3, 0, 0, ["+4930123456", "+4930123457", "+4930123458"]])
    );
    assert_eq!(json!(column(&done["lines"], "line")), json!([2, 3, 4]));
    // Faulty lines, each in its own way; the others' marks are there: their end and note are replaced.
    let faulty = "caller,kind,scope,scopeId,until,note\n\
        +4930123456,blocked,,,2100-01-01T00:00:00Z,again\n\
        anonymous,,,,,\n\
        +4930123459,maybe,,,,\n\
        +4930123459,,campaign,3,,\n\
        +4930123459,,platform,,,\n\
        +4930123459,,,,2020-01-01T00:00:00Z,\n\
        4930123456,,,,,\n\
        +4930123460\n\
        +4930123461,,,,,\n";
    let refused = csv(alice, &import, faulty)
        .await
        .problem(400, "validation_failed");
    let errors = &refused["errors"]["lines"];
    assert_eq!(keys(errors), ["3", "4", "5", "6", "7", "8", "9"]);
    for (line, field) in [
        ("3", "caller"),
        ("4", "kind"),
        ("5", "scopeId"),
        ("6", "scope"),
        ("7", "until"),
        ("8", "caller"),
        ("9", "line"),
    ] {
        assert_eq!(keys(&errors[line]), [field], "{line}: {errors}");
    }
    assert_eq!(alice.get(OWN).await.ok()["total"], 3);
    let done = csv(alice, &format!("{import}?mode=valid"), faulty).await.ok();
    assert_eq!(
        json!([done["created"], done["replaced"], done["faulty"]]),
        json!([1, 1, 7])
    );
    let again = alice.get(&format!("{OWN}?caller=%2B4930123456")).await.ok()["items"][0].clone();
    assert_eq!(
        json!([again["until"], again["note"], again["source"], again["id"]]),
        json!([
            "2100-01-01T00:00:00+00:00",
            "again",
            "import",
            done["lines"][0]["id"]
        ])
    );
    // As JSON.
    let lines = json!({"lines": [{"caller": "+4930123462", "kind": "allowed"}, {"caller": "+4930123462", "kind": "blocked"}]});
    assert_eq!(alice.post(&import, lines).await.ok()["created"], 2);
    assert_eq!(tried(&world, "+4930123462").await, "1");
    // An export is an import: Alice loses all, and has it again, from either style.
    let whole = alice.get(OWN).await.ok()["items"].clone();
    let told = |items: &Value| -> Vec<Value> {
        let mut told: Vec<Value> = items
            .as_array()
            .unwrap()
            .iter()
            .map(|m| {
                json!([
                    m["caller"],
                    m["kind"],
                    m["scope"],
                    m["scopeId"],
                    m["until"],
                    m["note"]
                ])
            })
            .collect();
        told.sort_by_key(Value::to_string);
        told
    };
    for style in ["plain", "spreadsheet"] {
        let exported = alice
            .get(&format!("{OWN}.csv?style={style}"))
            .await
            .expect_status(200);
        assert_eq!(exported.content_type(), "text/csv; charset=utf-8");
        assert!(
            exported
                .text()
                .starts_with("caller,kind,scope,scopeId,until,note,source,by,at\r\n")
        );
        run(&world.db.superuser().await, "delete from caller_marks").await;
        csv(alice, &import, &exported.text()).await.ok();
        assert_eq!(told(&alice.get(OWN).await.ok()["items"]), told(&whole), "{style}");
    }
    let narrowed = alice
        .get(&format!("{OWN}.csv?kind=allowed&style=plain"))
        .await
        .expect_status(200);
    assert_eq!(narrowed.text().lines().count(), 3);
    // The platform's.
    let done = csv(
        &world.staff,
        &format!("{ALL}/import"),
        "caller,scope,scopeId\n+15551,,\n+15552,client,1\n",
    )
    .await
    .ok();
    assert_eq!(done["created"], 2);
    let exported = world
        .staff
        .get(&format!("{ALL}.csv?scope=platform&style=plain"))
        .await
        .expect_status(200);
    assert!(
        exported
            .text()
            .contains("+15551,blocked,platform,,,,import,ops_staff,"),
        "{}",
        exported.text()
    );
}

/// Ten thousand, of which a busy machine takes half in the time that a request has; and an export of more than one batch.
#[tokio::test]
async fn long_lists_are_imported_and_exported_whole() {
    let world = World::uncapped().await;
    let lines: String = (0..10_000).map(|n| format!("+49301{n:05}\n")).collect();
    let mut text = format!("caller\n{lines}");
    let begun = std::time::Instant::now();
    let done = csv(&world.alice, &format!("{OWN}/import"), &text).await.ok();
    println!("10,000 callers imported in {} ms", begun.elapsed().as_millis());
    assert_eq!(done["created"], 10_000);
    let exported = world
        .alice
        .get(&format!("{OWN}.csv?style=plain"))
        .await
        .expect_status(200);
    let exported = exported.text();
    let mut callers: Vec<&str> = exported
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    callers.sort_unstable();
    callers.dedup();
    assert_eq!(callers.len(), 10_000);
    text.push_str("+4930200000\n");
    csv(&world.alice, &format!("{OWN}/import"), &text)
        .await
        .problem(400, "validation_failed");
}

#[tokio::test]
async fn a_campaign_says_what_becomes_of_callers() {
    let world = World::uncapped().await;
    let alice = &world.alice;
    let path = "/api/seller/campaigns/1";
    let before = alice.get(path).await.ok();
    assert_eq!(
        json!([before["anonymousCallers"], before["minRedialSeconds"]]),
        json!(["allow", null])
    );
    assert_eq!(tried(&world, "").await, "1");
    let changed = alice
        .patch(path, json!({"anonymousCallers": "reject", "minRedialSeconds": 2}))
        .await
        .ok();
    assert_eq!(
        json!([
            changed["anonymousCallers"],
            changed["minRedialSeconds"],
            changed["version"]
        ]),
        json!(["reject", 2, before["version"].as_i64().unwrap() + 1])
    );
    assert_eq!(tried(&world, "").await, "anonymous_caller");
    let listed = alice.get("/api/seller/campaigns?q=Alice%20Pri").await.ok()["items"][0].clone();
    assert_eq!(listed["minRedialSeconds"], 2);
    let switch = world.db.asterisk().await;
    switch
        .route_on(DID, "first", CALLER, "pbx1")
        .await
        .unwrap()
        .link();
    assert_eq!(tried(&world, CALLER).await, "redial_too_soon");
    alice.patch(path, json!({"minRedialSeconds": null})).await.ok();
    assert_eq!(tried(&world, CALLER).await, "1");
    for (body, field) in [
        (json!({"anonymousCallers": "maybe"}), "anonymousCallers"),
        (json!({"anonymousCallers": null}), "anonymousCallers"),
        (json!({"minRedialSeconds": 0}), "minRedialSeconds"),
        (json!({"minRedialSeconds": 86_401}), "minRedialSeconds"),
    ] {
        let problem = alice.put(path, body).await.problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [field]);
    }
    let new = json!({"name": "New", "routingStrategy": "priority", "dialTimeoutSeconds": 20, "anonymousCallers": "reject", "minRedialSeconds": 9});
    let made = alice
        .post("/api/seller/campaigns", new)
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        json!([made["anonymousCallers"], made["minRedialSeconds"]]),
        json!(["reject", 9])
    );
}

/// A rule of a campaign, of a link and of a client, over REST, and what calls make of it.
#[tokio::test]
async fn what_becomes_of_callers_that_call_again_is_set_over_rest() {
    let world = World::uncapped().await;
    let (alice, switch) = (&world.alice, world.db.asterisk().await);
    let link = alice.get("/api/seller/campaigns/1").await.ok()["clientSettings"][0].clone();
    let link_path = format!("/api/seller/campaigns/1/clients/{}", link["id"]);
    let client_path = format!("/api/admin/clients/{}", link["client"]["id"]);
    for (who, path, rules, twice) in [
        (
            alice,
            "/api/seller/campaigns/1",
            json!([{"after": "answered", "seconds": 60, "action": "reject"}]),
            "duplicate_caller",
        ),
        (
            alice,
            link_path.as_str(),
            json!([{"after": "offered", "action": "skip"}]),
            "2",
        ),
        (
            &world.admin,
            client_path.as_str(),
            json!([{"after": "qualified", "seconds": null, "action": "skip"}]),
            "2",
        ),
        (
            &world.admin,
            "/api/admin/users/3",
            json!([{"after": "answered", "seconds": 60, "action": "reject"}]),
            "duplicate_caller",
        ),
        (
            alice,
            ACCOUNT,
            json!([{"after": "offered", "action": "reject"}]),
            "duplicate_caller",
        ),
    ] {
        let before = who.get(path).await.ok();
        assert_eq!(before["callerRules"], json!([]), "{path}");
        let changed = who.patch(path, json!({ "callerRules": rules })).await.ok();
        assert_eq!(changed["callerRules"], rules, "{path}");
        assert_ne!(changed["version"], before["version"], "{path}");
        // What is not sent stays.
        let other = who.put(path, json!({"status": "active"})).await;
        if path == ACCOUNT {
            other.problem(400, "nothing_to_update");
        } else {
            assert_eq!(other.ok()["callerRules"], rules, "{path}");
        }
        assert_eq!(tried(&world, CALLER).await, "1", "{path}");
        switch.route_on(DID, path, CALLER, "pbx1").await.unwrap().link();
        assert_eq!(tried(&world, CALLER).await, twice, "{path}");
        switch.log(path, DID, "NOANSWER").await.unwrap();
        for (faulty, fault) in [
            (json!(null), "Must be a list."),
            (json!([{"after": "answered"}]), "1: action must be one of: "),
            (
                json!([{"after": "answered", "action": rules[0]["action"], "seconds": 0}]),
                "1: seconds must be from 1 to 315360000, or null: for ever.",
            ),
        ] {
            let refused = who.patch(path, json!({ "callerRules": faulty })).await;
            let problem = refused.problem(400, "validation_failed");
            let told = field_error(&problem, "callerRules");
            assert!(told.starts_with(fault), "{path}: {told}");
        }
        who.patch(path, json!({"callerRules": []})).await.ok();
        assert_eq!(tried(&world, CALLER).await, "1", "{path}");
    }
    // What calls have seen says what they had come to.
    alice
        .patch(
            "/api/seller/campaigns/1",
            json!({"callerRules": [{"after": "offered", "action": "reject"}]}),
        )
        .await
        .ok();
    switch.route_on(DID, "seen", CALLER, "pbx1").await.unwrap().link();
    let seen = alice.get(&format!("{OWN}?kind=seen&scope=campaign")).await.ok()["items"][0].clone();
    assert_eq!(
        json!([seen["after"], seen["until"], seen["source"]]),
        json!(["offered", null, "call"])
    );
    let made = json!({"name": "New", "routingStrategy": "priority", "dialTimeoutSeconds": 20,
                      "callerRules": [{"after": "answered", "action": "same_client_only"}]});
    let made = alice
        .post("/api/seller/campaigns", made)
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        made["callerRules"],
        json!([{"after": "answered", "action": "same_client_only"}])
    );
}

/// Its rules over all campaigns, and nothing else: the rest of an account is an admin's affair.
#[tokio::test]
async fn a_seller_changes_its_own_rules_and_nothing_else_of_its_account() {
    let world = World::new().await;
    let (alice, bob) = (&world.alice, world.api.login("seller_bob", "password").await);
    let rules = json!([{"after": "answered", "seconds": 60, "action": "reject"}]);
    let bobs = bob.get(ACCOUNT).await.ok();
    let before = alice.get(ACCOUNT).await;
    let tag = before.header("etag").to_owned();
    let before = before.ok();
    assert_eq!(before, world.admin.get("/api/admin/users/3").await.ok());
    let change =
        json!({"callerRules": rules, "role": "admin", "timeZone": "Asia/Tokyo", "email": "x@y.zz", "id": 4});
    let mut expected = alice.with("If-Match", &tag).put(ACCOUNT, change).await.ok();
    assert_eq!(expected["callerRules"], rules);
    for key in ["callerRules", "updatedAt", "version"] {
        assert_ne!(expected[key], before[key], "{key}");
        expected[key] = before[key].clone();
    }
    assert_eq!(expected, before, "nothing else has changed");
    assert_eq!(bob.get(ACCOUNT).await.ok(), bobs);
    let late = alice
        .with("If-Match", &tag)
        .patch(ACCOUNT, json!({"callerRules": []}))
        .await;
    late.problem(412, "changed_meanwhile");
    let audit = world
        .staff
        .get("/api/admin/audit?object_type=user&object_id=3&action=update")
        .await
        .ok();
    let line = &audit["items"][0];
    assert_eq!(
        (&line["username"], &line["after"]["caller_rules"]),
        (&json!("seller_alice"), &rules),
        "{line}"
    );
    let new = json!({"username": "carol", "email": "carol@example.com", "password": "long-enough", "role": "user", "callerRules": rules});
    let made = world
        .admin
        .post("/api/admin/users", new)
        .await
        .expect_status(201)
        .ok();
    assert_eq!(made["callerRules"], rules);
}

#[tokio::test]
async fn a_caller_is_forgotten_everywhere() {
    let world = World::uncapped().await;
    let (db, switch) = (world.db.superuser().await, world.db.asterisk().await);
    for call in ["up", "ended"] {
        switch.route_on(DID, call, CALLER, "pbx1").await.unwrap().link();
    }
    switch.log("ended", DID, "ANSWERED").await.unwrap();
    let post = world.alice.with("Idempotency-Key", "one");
    post.post(OWN, json!({"caller": CALLER, "note": "Jane"}))
        .await
        .expect_status(201);
    world
        .staff
        .post(ALL, json!({"caller": CALLER}))
        .await
        .expect_status(201);
    // Another's number that begins like it.
    let longer = world.alice.with("Idempotency-Key", "another");
    longer
        .post(OWN, json!({"caller": format!("{CALLER}7")}))
        .await
        .expect_status(201);
    let kept = "select count(*) from idempotency_keys";
    assert_eq!(number_of(&db, kept).await, 2);
    let found =
        |text: &str| format!("select count(*) from ({text}) t where t::text ~ '4930123456([^7]|$)|Jane'");
    let traces = "select to_jsonb(c) from caller_marks c union all select to_jsonb(c) from live_calls c union all select to_jsonb(c) from call_logs c \
                  union all select to_jsonb(c) from audit_log c union all select to_jsonb(c) from idempotency_keys c";
    assert!(number_of(&db, &found(traces)).await >= 7);
    world
        .alice
        .post(&format!("{ALL}/erase"), json!({"caller": CALLER}))
        .await
        .problem(403, "wrong_role");
    let erased = world
        .staff
        .post(&format!("{ALL}/erase"), json!({"caller": "4930123456"}))
        .await
        .expect_status(200)
        .ok();
    assert_eq!(erased, json!({"marks": 2, "calls": 1, "records": 1}));
    assert_eq!(number_of(&db, &found(traces)).await, 0);
    assert_eq!(number_of(&db, kept).await, 1);
    assert_eq!(
        json_of(
            &db,
            "select user_id from audit_log where object_type = 'caller_marks' and object_id is null"
        )
        .await,
        2
    );
    assert_eq!(tried(&world, CALLER).await, "1");
    let again = world
        .staff
        .post(&format!("{ALL}/erase"), json!({"caller": CALLER}))
        .await
        .ok();
    assert_eq!(again, json!({"marks": 0, "calls": 0, "records": 0}));
    for caller in ["anonymous", ""] {
        let problem = world
            .staff
            .post(&format!("{ALL}/erase"), json!({"caller": caller}))
            .await
            .problem(400, "validation_failed");
        field_error(&problem, "caller");
    }
}
