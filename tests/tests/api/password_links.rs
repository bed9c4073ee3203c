//! A link with which a user sets a new password, made by an admin.

use serde_json::{Value, json};

use super::support::{World, column, field_error, json_of, keys, number_of, run};

async fn link(world: &World, user_id: i64) -> Value {
    let made = world
        .admin
        .post("/api/auth/password_links", json!({"userId": user_id}))
        .await;
    made.expect_status(201).ok()
}

async fn redeem(world: &World, token: &Value, password: &str) -> capconduit_tests::Answer {
    let body = json!({"token": token, "newPassword": password});
    world.api.nobody().post("/api/auth/new_password", body).await
}

async fn login(world: &World, password: &str) -> u16 {
    let body = json!({"username": "seller_alice", "password": password});
    world.api.nobody().post("/api/auth/login", body).await.status
}

#[tokio::test]
async fn a_link_sets_a_password_once() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let token = world
        .alice
        .post("/api/auth/tokens", json!({"name": "x"}))
        .await
        .ok();
    let script = world.api.bearer(token["token"].as_str().expect("a token"));
    let made = link(&world, 3).await;
    assert_eq!(keys(&made), ["expiresAt", "path", "token"]);
    let text = made["token"].as_str().expect("a token");
    assert!(text.starts_with("ccp_") && text.len() > 40);
    assert_eq!(made["path"], format!("/console/new_password?token={text}"));
    let kept = json_of(&superuser, "select jsonb_agg(l)::text from password_links l").await;
    assert!(!kept.to_string().contains(text), "a hash is kept");
    let hours = "select round(extract(epoch from expires_at - created_at) / 3600)::int from password_links";
    assert_eq!(number_of(&superuser, hours).await, 24);
    // Until it is used nothing has changed. A password that is too short does not use it up.
    world.alice.get("/api/seller/dids").await.expect_status(200);
    let short = redeem(&world, &made["token"], "short")
        .await
        .problem(400, "validation_failed");
    field_error(&short, "newPassword");
    // Many at once: one of them sets it.
    let all = futures_util::future::join_all((0..4).map(|n| {
        let (world, token) = (&world, &made["token"]);
        async move { (n, redeem(world, token, &format!("new-password-{n}")).await) }
    }))
    .await;
    let mut set = Vec::new();
    for (n, answer) in all {
        match answer.status {
            200 => set.push(n),
            _ => drop(answer.problem(400, "link_invalid")),
        }
    }
    assert_eq!(set.len(), 1, "{set:?}");
    world
        .alice
        .get("/api/seller/dids")
        .await
        .problem(401, "unauthenticated");
    script
        .get("/api/seller/dids")
        .await
        .problem(401, "unauthenticated");
    world.bob.get("/api/seller/dids").await.expect_status(200);
    assert_eq!(login(&world, "password").await, 401);
    assert_eq!(login(&world, &format!("new-password-{}", set[0])).await, 200);
    redeem(&world, &made["token"], "other-password")
        .await
        .problem(400, "link_invalid");
    let audit = world
        .staff
        .get("/api/admin/audit?object_type=user&object_id=3&action=update")
        .await
        .ok();
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["userId"], &entry["after"]["secrets_changed"]),
        (&json!(3), &json!(["password_hash"]))
    );
    let audit = world
        .staff
        .get("/api/admin/audit?object_type=password_links")
        .await
        .ok();
    assert_eq!(column(&audit["items"], "action"), ["delete", "insert"]);
    assert_eq!(column(&audit["items"], "userId"), [3, 1]);
    assert_eq!(column(&audit["items"], "kind"), ["user", "user"]);
}

#[tokio::test]
async fn a_link_ends() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let invalid = async |token: &Value| {
        redeem(&world, token, "new-password")
            .await
            .problem(400, "link_invalid");
        assert_eq!(login(&world, "password").await, 200);
    };
    // By a later one, by its time, by a change of the account, by its user's own new password.
    let first = link(&world, 3).await;
    let second = link(&world, 3).await;
    invalid(&first["token"]).await;
    run(
        &superuser,
        "update password_links set expires_at = now() - interval '1 s'",
    )
    .await;
    invalid(&second["token"]).await;
    let third = link(&world, 3).await;
    let change = json!({"companyName": "Another"});
    world.admin.put("/api/admin/users/3", change).await.ok();
    invalid(&third["token"]).await;
    let fourth = link(&world, 3).await;
    let change = json!({"currentPassword": "password", "newPassword": "own-new-password"});
    world.alice.put("/api/auth/password", change).await.ok();
    redeem(&world, &fourth["token"], "new-password")
        .await
        .problem(400, "link_invalid");
    assert_eq!(login(&world, "own-new-password").await, 200);
    assert_eq!(
        number_of(&superuser, "select count(*) from password_links").await,
        1,
        "one a user"
    );
    // With its user, and never of nobody.
    run(&superuser, "delete from users where id = 5").await;
    world
        .admin
        .post("/api/auth/password_links", json!({"userId": 5}))
        .await
        .problem(404, "not_found");
    for (body, name) in [
        (json!({"userId": 3, "expiresInHours": 0}), "expiresInHours"),
        (json!({"userId": 3, "expiresInHours": 169}), "expiresInHours"),
        (json!({"userId": "x"}), "userId"),
        (json!({"expiresInHours": 1}), "userId"),
        (json!({"userId": 3, "password": "x"}), "password"),
    ] {
        let answer = world.admin.post("/api/auth/password_links", body).await;
        field_error(&answer.problem(400, "validation_failed"), name);
    }
    for other in [&world.staff, &world.bob] {
        let made = other.post("/api/auth/password_links", json!({"userId": 1})).await;
        made.problem(403, "wrong_role");
    }
    assert_eq!(
        number_of(&superuser, "select count(*) from password_links").await,
        1
    );
}

#[tokio::test]
async fn a_link_leads_to_a_page() {
    let world = World::new().await;
    let made = link(&world, 3).await;
    let path = made["path"].as_str().expect("a path");
    let page = world.api.nobody().get(path).await.expect_status(200);
    assert!(
        page.text().contains(made["token"].as_str().unwrap()),
        "{}",
        page.text()
    );
    let send = async |password: &str| {
        let form = format!("token={}&newPassword={password}", made["token"].as_str().unwrap());
        let browser = world.api.nobody().with("sec-fetch-site", "same-origin");
        let kind = Some("application/x-www-form-urlencoded");
        browser.raw("POST", path, kind, form.into()).await
    };
    let short = send("short").await;
    assert!(
        short.status == 400 && !short.text().contains("value=\"short\""),
        "{}",
        short.text()
    );
    let set = send("set-by-the-page").await.expect_status(303);
    assert_eq!(set.header("location"), "/console/login");
    assert_eq!(login(&world, "set-by-the-page").await, 200);
    assert_eq!(send("set-once-more").await.status, 400);
    // Without a token it asks for one; markup in it is text.
    let page = world
        .api
        .nobody()
        .get("/console/new_password?token=%22%3E%3Cb%3E")
        .await
        .expect_status(200);
    assert!(!page.text().contains("\"><b>"), "{}", page.text());
}
