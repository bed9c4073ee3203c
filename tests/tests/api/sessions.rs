//! The own sessions, and what the audit says of logins.

use std::process::Command;
use std::time::Duration;

use capconduit_tests::{TestApi, TestDb, eventually};
use serde_json::{Value, json};

use super::support::{World, column, json_of, keys, number_of, run};

async fn sessions(who: &capconduit_tests::Visitor) -> Value {
    who.get("/api/auth/sessions").await.ok()["items"].clone()
}

#[tokio::test]
async fn a_session_is_seen_and_ended_from_another() {
    let world = World::new().await;
    let body = json!({"username": "seller_alice", "password": "password"});
    let phone = world.api.nobody().with("user-agent", &"Phone/1 ".repeat(40));
    let cookie = phone
        .post("/api/auth/login", body)
        .await
        .expect_status(200)
        .session_cookie();
    let phone = world.api.nobody().with("cookie", &cookie);
    phone.get("/api/seller/dids").await.expect_status(200);
    let all = sessions(&world.alice).await;
    assert_eq!(
        keys(&all[0]),
        [
            "agent",
            "createdAt",
            "current",
            "expiresAt",
            "id",
            "lastSeenAt",
            "network"
        ]
    );
    assert_eq!(column(&all, "network"), ["127.0.0.1", "127.0.0.1"]);
    let find = |list: &Value, current: bool| {
        let items = list.as_array().expect("a list").clone();
        items
            .into_iter()
            .find(|one| one["current"] == current)
            .expect("one of the two")
    };
    let other = find(&all, false);
    assert_eq!(other["agent"].as_str().map(str::len), Some(200), "{other}");
    assert_eq!(find(&sessions(&phone).await, true)["id"], other["id"]);
    let path = format!("/api/auth/sessions/{}", other["id"]);
    // Nobody else's, and not by a token, which ends with less.
    world.bob.delete(&path).await.problem(404, "not_found");
    world.admin.delete(&path).await.problem(404, "not_found");
    let token = world
        .alice
        .post("/api/auth/tokens", json!({"name": "x"}))
        .await
        .ok();
    let script = world.api.bearer(token["token"].as_str().expect("a token"));
    script.delete(&path).await.problem(403, "session_required");
    script
        .get("/api/auth/sessions")
        .await
        .problem(403, "session_required");
    phone.get("/api/seller/dids").await.expect_status(200);
    world.alice.delete(&path).await.expect_status(204);
    phone
        .get("/api/seller/dids")
        .await
        .problem(401, "unauthenticated");
    world.alice.delete(&path).await.problem(404, "not_found");
    // The own one, too; one that has ended is none.
    let own = find(&sessions(&world.alice).await, true);
    run(
        &world.db.superuser().await,
        "insert into sessions (token_hash, user_id, expires_at) values (sha256('x'), 3, now() - interval '1 s')",
    )
    .await;
    assert_eq!(column(&sessions(&world.alice).await, "id"), [&own["id"]]);
    let path = format!("/api/auth/sessions/{}", own["id"]);
    world.alice.delete(&path).await.expect_status(204);
    world
        .alice
        .get("/api/seller/dids")
        .await
        .problem(401, "unauthenticated");
}

#[tokio::test]
async fn logins_stand_in_the_audit_once_an_hour_and_network() {
    let world = World::new().await;
    world.api.login("seller_alice", "password").await;
    let get = async || {
        world
            .staff
            .get("/api/admin/audit?action=login&user_id=3")
            .await
            .ok()
    };
    let logins = get().await;
    assert_eq!(logins["total"], 1, "{logins}");
    let entry = &logins["items"][0];
    assert_eq!(
        (
            &entry["kind"],
            &entry["objectId"],
            &entry["username"],
            &entry["dbRole"]
        ),
        (
            &json!("user"),
            &json!("3"),
            &json!("seller_alice"),
            &json!("capconduit_api")
        )
    );
    assert_eq!(entry["after"], json!({"network": "127.0.0.1", "agent": null}));
    let superuser = world.db.superuser().await;
    run(&superuser, "update audit_log set at = at - interval '61 min'").await;
    world.api.login("seller_alice", "password").await;
    world.api.login("seller_alice", "password").await;
    assert_eq!(get().await["total"], 2);
    let history = world
        .staff
        .get("/api/admin/audit?object_type=user&object_id=3")
        .await
        .ok();
    assert!(
        column(&history["items"], "action").contains(&&json!("login")),
        "{history}"
    );
}

/// However many: of an account a line at once and one an hour, and of names that no account has the same together. What was typed
/// for a name is nowhere.
#[tokio::test]
async fn a_flood_of_failures_is_counted_and_hardly_written() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let superuser = db.superuser().await;
    let fail = async |username: &str| {
        let body = json!({"username": username, "password": "wrong-password"});
        api.nobody()
            .post("/api/auth/login", body)
            .await
            .expect_status(401);
    };
    let told =
        "select coalesce(sum((after ->> 'failures')::int), 0) from audit_log where action = 'login_failed'";
    fail("seller_alice").await;
    eventually("the first one is told", async || {
        number_of(&superuser, told).await == 1
    })
    .await;
    for n in 0..3 {
        fail("seller_alice").await;
        fail(&format!("my-secret-password-{n}")).await;
    }
    // The right password of an account that is not active.
    let body = json!({"username": "seller_pending", "password": "password"});
    api.nobody()
        .post("/api/auth/login", body)
        .await
        .problem(401, "account_inactive");
    // And a wrong one in a session, for a new one.
    let bob = api.login("seller_bob", "password").await;
    let change = json!({"currentPassword": "wrong-password", "newPassword": "another-password"});
    bob.put("/api/auth/password", change)
        .await
        .problem(403, "wrong_password");
    let lines = "select jsonb_object_agg(coalesce(object_id, 'none'), after -> 'failures') from audit_log
                  where action = 'login_failed'";
    eventually("those of others are told", async || {
        let lines = json_of(&superuser, lines).await;
        lines["5"] == 1 && lines["4"] == 1 && lines["none"].as_i64() >= Some(1)
    })
    .await;
    // Two looks of the service later nothing was added of what is known to go on.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(json_of(&superuser, lines).await["3"], 1);
    let count = "select count(*) from audit_log where action = 'login_failed'";
    assert_eq!(number_of(&superuser, count).await, 4);
    // A service that is told to stop tells what is left.
    let stopped = Command::new("kill")
        .arg(api.pid().to_string())
        .status()
        .expect("kill runs");
    assert!(stopped.success());
    eventually("all are told", async || number_of(&superuser, told).await == 9).await;
    assert_eq!(
        json_of(
            &superuser,
            "select sum((after ->> 'failures')::int) from audit_log where object_id = '3'"
        )
        .await,
        4
    );
    let all = json_of(&superuser, "select jsonb_agg(a)::text from audit_log a")
        .await
        .to_string();
    assert!(!all.contains("secret"), "{all}");
}
