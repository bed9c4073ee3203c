//! Sessions: what the cookie is, when it dies, and that other sites cannot use it.

use capconduit_tests::{TestApi, TestDb};
use serde_json::json;

use super::support::{World, field_error, keys, number_of, run};

const USER_KEYS: &[&str] = &[
    "callerRules",
    "companyName",
    "createdAt",
    "email",
    "fullName",
    "id",
    "role",
    "secondFactor",
    "status",
    "timeZone",
    "updatedAt",
    "username",
    "version",
];

#[tokio::test]
async fn a_login_gives_a_cookie_and_the_user() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    // Names are compared without case, blanks around them do not count.
    let body = json!({"username": " Seller_ALICE ", "password": "password"});
    let answer = api
        .nobody()
        .post("/api/auth/login", body)
        .await
        .expect_status(200);
    let cookie = answer.header("set-cookie").to_owned();
    let mut parts = cookie.split("; ");
    let (name, value) = parts
        .next()
        .and_then(|pair| pair.split_once('='))
        .expect("a pair");
    assert_eq!(name, "session");
    assert!(value.len() >= 40, "{value}: 256 random bits");
    let attributes: Vec<&str> = parts.collect();
    assert_eq!(
        attributes,
        ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"]
    );
    let session = answer.session_cookie();
    let body = answer.ok();
    assert_eq!(body["message"], "Login successful.");
    assert_eq!(keys(&body["user"]), USER_KEYS);
    assert_eq!(body["user"]["username"], "seller_alice");
    assert!(
        body["user"]["createdAt"]
            .as_str()
            .is_some_and(|at| at.ends_with("+00:00"))
    );

    // Another cookie beside it does no harm, and the database knows only its hash.
    let alice = api.nobody().with("cookie", &format!("a=b; {session}; c=d"));
    let status = alice.get("/api/auth/status").await.ok();
    assert_eq!(status["logged_in"], true);
    assert_eq!(status["user"], body["user"]);
    let plain = format!("select count(*) from sessions where encode(token_hash, 'escape') like '%{value}%'");
    assert_eq!(number_of(&db.superuser().await, &plain).await, 0);

    let secure = TestApi::start_with(&db, &[("CAPCONDUIT_WITHOUT_TLS", "false")]).await;
    let body = json!({"username": "seller_alice", "password": "password"});
    let answer = secure
        .nobody()
        .post("/api/auth/login", body)
        .await
        .expect_status(200);
    assert!(answer.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn a_wrong_login_tells_nothing() {
    let world = World::new().await;
    let login = async |username: &str, password: &str| {
        let body = json!({"username": username, "password": password});
        world.api.nobody().post("/api/auth/login", body).await
    };
    let known = login("seller_alice", "wrong").await.problem(401, "wrong_login");
    let unknown = login("nobody_at_all", "wrong").await.problem(401, "wrong_login");
    assert_eq!(known["message"], "Invalid username or password.");
    assert_eq!(known, unknown);
    // Only whoever knows the password is told about the account.
    let pending = login("seller_pending", "wrong").await.problem(401, "wrong_login");
    assert_eq!(pending, known);
    let pending = login("seller_pending", "password").await;
    assert_eq!(pending.header("set-cookie"), "");
    assert_eq!(
        pending.problem(401, "account_inactive")["message"],
        "User account is inactive."
    );
    let missing = world
        .api
        .nobody()
        .post("/api/auth/login", json!({"username": "x"}))
        .await;
    field_error(&missing.problem(400, "validation_failed"), "password");
}

#[tokio::test]
async fn a_copied_cookie_dies_with_its_session() {
    let world = World::new().await;
    let status = "/api/auth/status";
    let other = world.api.login("seller_alice", "password").await;
    let answer = world
        .alice
        .send("POST", "/api/auth/logout", None)
        .await
        .expect_status(200);
    assert!(
        answer.header("set-cookie").starts_with("session=; ")
            && answer.header("set-cookie").contains("Max-Age=0")
    );
    assert_eq!(answer.ok(), json!({"message": "Logout successful."}));
    let dead = world.alice.get(status).await.problem(401, "unauthenticated");
    assert!(
        dead["message"]
            .as_str()
            .unwrap()
            .contains("Authentication required")
    );
    world
        .alice
        .send("POST", "/api/auth/logout", None)
        .await
        .problem(401, "unauthenticated");
    other.get(status).await.expect_status(200);

    // A password change leaves the session in which it was made, and no other.
    let changing = world.api.login("seller_alice", "password").await;
    let wrong = json!({"currentPassword": "wrong", "newPassword": "new-password"});
    changing
        .put("/api/auth/password", wrong)
        .await
        .problem(403, "wrong_password");
    let short = json!({"currentPassword": "password", "newPassword": "short"});
    let short = changing
        .put("/api/auth/password", short)
        .await
        .problem(400, "validation_failed");
    assert!(field_error(&short, "newPassword").contains("Password must be at least 8 characters long."));
    other.get(status).await.expect_status(200);
    let right = json!({"currentPassword": "password", "newPassword": "new-password"});
    changing.put("/api/auth/password", right).await.ok();
    changing.get(status).await.expect_status(200);
    other.get(status).await.problem(401, "unauthenticated");
    let old = json!({"username": "seller_alice", "password": "password"});
    world
        .api
        .nobody()
        .post("/api/auth/login", old)
        .await
        .problem(401, "wrong_login");
    let again = world.api.login("seller_alice", "new-password").await;

    // An admin's reset ends all of them, a suspension too; activation does not bring them back.
    world
        .admin
        .put(
            "/api/admin/users/3/password",
            json!({"password": "third-password"}),
        )
        .await
        .ok();
    for session in [&changing, &again] {
        session.get(status).await.problem(401, "unauthenticated");
    }
    for state in ["suspended", "inactive", "pending_approval"] {
        let session = world.api.login("seller_alice", "third-password").await;
        world
            .admin
            .put("/api/admin/users/3", json!({"status": state}))
            .await
            .ok();
        session.get(status).await.problem(401, "unauthenticated");
        world
            .admin
            .put("/api/admin/users/3", json!({"status": "active"}))
            .await
            .ok();
        session.get(status).await.problem(401, "unauthenticated");
    }
    world.admin.delete("/api/admin/users/4").await.expect_status(204);
    world.bob.get(status).await.problem(401, "unauthenticated");
}

/// Whoever logs in leaves the session that the browser had: nobody else may have it in hand.
#[tokio::test]
async fn a_login_ends_the_session_that_it_presents() {
    let world = World::new().await;
    let login = |password: &str| json!({"username": "seller_bob", "password": password});
    world
        .alice
        .post("/api/auth/login", login("wrong"))
        .await
        .problem(401, "wrong_login");
    world.alice.get("/api/auth/status").await.expect_status(200);
    let answer = world
        .alice
        .post("/api/auth/login", login("password"))
        .await
        .expect_status(200);
    world
        .alice
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    let bob = world.api.nobody().with("cookie", &answer.session_cookie());
    assert_eq!(
        bob.get("/api/auth/status").await.ok()["user"]["username"],
        "seller_bob"
    );
    // Another session of the same user is not presented, and stays.
    world.bob.get("/api/auth/status").await.expect_status(200);
}

/// Read with every request: who is demoted is demoted at once.
#[tokio::test]
async fn a_role_counts_from_the_next_request() {
    let world = World::new().await;
    world.staff.get("/api/admin/clients").await.expect_status(200);
    world
        .admin
        .put("/api/admin/users/2", json!({"role": "user"}))
        .await
        .ok();
    world
        .staff
        .get("/api/admin/clients")
        .await
        .problem(403, "wrong_role");
    world.staff.get("/api/seller/dids").await.expect_status(200);
    // Past SQL that the service never saw, too.
    let superuser = world.db.superuser().await;
    run(&superuser, "update users set role = 'admin' where id = 2").await;
    world.staff.get("/api/admin/users").await.expect_status(200);
    run(&superuser, "update users set status = 'suspended' where id = 2").await;
    world
        .staff
        .get("/api/admin/users")
        .await
        .problem(401, "unauthenticated");
}

/// The browser's cookie lasts as long as the session on the server: with each step of the one the other is set anew.
#[tokio::test]
async fn a_session_slides_with_its_cookie_and_expires() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    // Within the minute nothing is written.
    let answer = world.alice.get("/api/auth/status").await.expect_status(200);
    assert_eq!(answer.header("set-cookie"), "");
    let age = "update sessions set last_seen_at = now() - interval '2 minutes', expires_at = now() + interval '1 minute'";
    run(&superuser, &format!("{age} where user_id = 3")).await;
    let answer = world.alice.get("/api/auth/status").await.expect_status(200);
    let renewed = answer.header("set-cookie").to_owned();
    assert!(
        renewed.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=43200"),
        "{renewed}"
    );
    let again = world.api.nobody().with("cookie", &answer.session_cookie());
    again.get("/api/auth/status").await.expect_status(200);
    let left = "select extract(epoch from expires_at - now())::bigint from sessions where user_id = 3";
    assert!(number_of(&superuser, left).await > 43_000, "its life begins anew");
    // Refusals move it on as well, a token has no cookie, and a logout's own is the last word.
    run(&superuser, &format!("{age} where user_id = 3")).await;
    let refused = world.alice.get("/api/admin/users").await.expect_status(403);
    assert!(refused.header("set-cookie").starts_with("session="));
    run(&superuser, &format!("{age} where user_id = 4")).await;
    let out = world
        .bob
        .send("POST", "/api/auth/logout", None)
        .await
        .expect_status(200);
    let cookies: Vec<_> = out.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 1);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    run(
        &superuser,
        "update sessions set expires_at = now() where user_id = 3",
    )
    .await;
    world
        .alice
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
    world.staff.get("/api/auth/status").await.expect_status(200);
}

/// However much it is used: thirty days after its login by default.
#[tokio::test]
async fn a_session_has_a_longest_life() {
    let world = World::with(&[("CAPCONDUIT_SESSION_DAYS", "2")]).await;
    let superuser = world.db.superuser().await;
    let age = |hours: i32| {
        format!(
            "update sessions set last_seen_at = now() - interval '2 minutes', expires_at = now() + interval '1 minute',
                    created_at = now() - interval '{hours} hours' where user_id = 3"
        )
    };
    run(&superuser, &age(47)).await;
    let answer = world.alice.get("/api/auth/status").await.expect_status(200);
    let seconds: i64 = answer
        .header("set-cookie")
        .rsplit_once("Max-Age=")
        .expect("a length")
        .1
        .parse()
        .expect("seconds");
    assert!((3000..=3600).contains(&seconds), "{seconds}");
    run(&superuser, &age(49)).await;
    world
        .alice
        .get("/api/auth/status")
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn pages_of_other_sites_cannot_write() {
    let world = World::with(&[("CAPCONDUIT_PUBLIC_ORIGINS", "https://calls.example.com")]).await;
    let body = || json!({"number": "+4930123456"});
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "http://calls.example.com"),
        ("origin", "https://calls.example.com.evil.example"),
        ("origin", "null"),
    ] {
        let page = world.alice.with(name, value);
        page.post("/api/seller/dids", body())
            .await
            .problem(403, "cross_site");
        page.delete("/api/seller/dids/1").await.problem(403, "cross_site");
        page.get("/api/seller/dids").await.expect_status(200);
        // A form cannot even log somebody in.
        let stranger = world.api.nobody().with(name, value);
        let form = "username=seller_alice&password=password";
        let kind = Some("application/x-www-form-urlencoded");
        stranger
            .raw("POST", "/api/auth/login", kind, form.into())
            .await
            .problem(403, "cross_site");
    }
    let own = world
        .alice
        .with("sec-fetch-site", "same-origin")
        .with("origin", "https://calls.example.com");
    own.post("/api/seller/dids", body()).await.expect_status(201);
    // No answer invites other sites to read.
    let answer = world
        .alice
        .with("origin", "https://evil.example")
        .get("/api/seller/dids")
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}
