//! Bearer tokens: a user's own rights for a script, and less than a session.

use capconduit_tests::Visitor;
use serde_json::{Value, json};

use super::support::{World, column, json_of, keys, run};

async fn make(world: &World, who: &Visitor, name: &str) -> (Value, Visitor) {
    let answer = who
        .post("/api/auth/tokens", json!({"name": name}))
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        keys(&answer),
        ["createdAt", "expiresAt", "id", "lastUsedAt", "name", "token"]
    );
    let script = world.api.bearer(answer["token"].as_str().expect("a token"));
    (answer, script)
}

#[tokio::test]
async fn a_token_is_shown_once_and_acts_as_its_user() {
    let world = World::new().await;
    let (made, script) = make(&world, &world.alice, "nightly report").await;
    assert_eq!(
        script.get("/api/seller/dids").await.ok(),
        world.alice.get("/api/seller/dids").await.ok()
    );
    script.get("/api/admin/users").await.problem(403, "wrong_role");
    assert_eq!(
        script.get("/api/auth/status").await.ok()["user"]["username"],
        "seller_alice"
    );
    let list = world.alice.get("/api/auth/tokens").await.ok();
    assert_eq!(
        keys(&list[0]),
        ["createdAt", "expiresAt", "id", "lastUsedAt", "name"]
    );
    assert_eq!(column(&list, "id"), [&made["id"]]);
    assert!(
        made["lastUsedAt"].is_null() && list[0]["lastUsedAt"].is_string(),
        "its use shows"
    );
    world
        .alice
        .post("/api/auth/tokens", json!({"name": "nightly report"}))
        .await
        .problem(409, "name_taken");
    world
        .bob
        .post("/api/auth/tokens", json!({"name": "nightly report"}))
        .await
        .expect_status(201);
    for days in [json!(0), json!(3651), json!(1.5), Value::Null] {
        let body = json!({"name": "x", "expiresInDays": days});
        world
            .alice
            .post("/api/auth/tokens", body)
            .await
            .problem(400, "validation_failed");
    }
}

#[tokio::test]
async fn a_token_does_less_than_a_session() {
    let world = World::new().await;
    let (_, script) = make(&world, &world.alice, "script").await;
    script
        .post("/api/auth/tokens", json!({"name": "child"}))
        .await
        .problem(403, "session_required");
    let change = json!({"currentPassword": "password", "newPassword": "new-password"});
    script
        .put("/api/auth/password", change)
        .await
        .problem(403, "session_required");
    script
        .send("POST", "/api/auth/logout", None)
        .await
        .problem(403, "session_required");
    // What a token may not do, it may not do whatever the body is.
    script
        .put("/api/auth/password", json!([]))
        .await
        .problem(403, "session_required");
    script
        .send("POST", "/api/auth/tokens", None)
        .await
        .problem(403, "session_required");
    // A bad bearer header beside a good cookie is no login.
    for header in ["Bearer wrong", "Bearer", "Basic YTpi", "bearer  "] {
        world
            .alice
            .with("authorization", header)
            .get("/api/auth/status")
            .await
            .problem(401, "unauthenticated");
    }
    let (made, _) = make(&world, &world.alice, "second").await;
    let both = world.bob.with(
        "authorization",
        &format!("bearer {}", made["token"].as_str().unwrap()),
    );
    assert_eq!(
        both.get("/api/auth/status").await.ok()["user"]["username"],
        "seller_alice"
    );
    // A token is no cookie, and a cookie is no token.
    let cookie = format!("session={}", made["token"].as_str().unwrap());
    world
        .api
        .nobody()
        .with("cookie", &cookie)
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_token_ends() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let (made, script) = make(&world, &world.alice, "one").await;
    world
        .bob
        .delete(&format!("/api/auth/tokens/{}", made["id"]))
        .await
        .problem(404, "not_found");
    script.get("/api/auth/status").await.expect_status(200);
    world
        .alice
        .delete(&format!("/api/auth/tokens/{}", made["id"]))
        .await
        .expect_status(204);
    script
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");

    let (_, script) = make(&world, &world.alice, "two").await;
    run(
        &superuser,
        "update api_tokens set expires_at = now() where name = 'two'",
    )
    .await;
    script
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");

    let (_, script) = make(&world, &world.alice, "three").await;
    let change = json!({"currentPassword": "password", "newPassword": "new-password"});
    world.alice.put("/api/auth/password", change).await.ok();
    script
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");

    let (_, script) = make(&world, &world.bob, "four").await;
    world
        .admin
        .put("/api/admin/users/4", json!({"status": "suspended"}))
        .await
        .ok();
    script
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    world
        .admin
        .put("/api/admin/users/4", json!({"status": "active"}))
        .await
        .ok();
    script
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");

    let audited = "select count(*) from audit_log where object_type = 'api_tokens' and action = 'insert'";
    assert_eq!(json_of(&superuser, audited).await, 4);
}
