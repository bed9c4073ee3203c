//! /api/admin/users: fields, conflicts, and what must not happen to an admin.

use serde_json::{Value, json};

use super::support::{World, column, field_error, json_of, keys, number_of};

const USERS: &str = "/api/admin/users";

fn new(username: &str) -> Value {
    json!({"username": username, "email": format!("{username}@example.com"), "password": "long-enough", "role": "user"})
}

#[tokio::test]
async fn users_are_made_shown_and_changed() {
    let world = World::new().await;
    let made = world
        .admin
        .post(USERS, new("carol"))
        .await
        .expect_status(201)
        .ok();
    assert_eq!(
        keys(&made),
        [
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
            "version"
        ]
    );
    assert_eq!(
        (&made["status"], &made["timeZone"]),
        (&json!("active"), &json!("UTC"))
    );
    assert!(made["fullName"].is_null() && made["companyName"].is_null());
    let one = format!("{USERS}/{}", made["id"]);
    assert_eq!(world.admin.get(&one).await.ok(), made);
    world.api.login("carol", "long-enough").await;

    let change =
        json!({"fullName": " Carol ", "companyName": "C Ltd.", "username": "other", "id": 7, "nonsense": []});
    let changed = world.admin.put(&one, change).await.ok();
    assert_eq!(changed["fullName"], "Carol", "blanks around it do not count");
    assert_eq!(changed["username"], "carol", "what cannot change is ignored");
    // Null empties, absent leaves.
    let changed = world.admin.put(&one, json!({"fullName": null})).await.ok();
    assert!(changed["fullName"].is_null() && changed["companyName"] == "C Ltd.");
    let zone = json!({"timeZone": "America/New_York"});
    assert_eq!(
        world.admin.put(&one, zone).await.ok()["timeZone"],
        "America/New_York"
    );
    let nowhere = json!({"timeZone": "Mars/Olympus"});
    let refused = world
        .admin
        .put(&one, nowhere)
        .await
        .problem(400, "validation_failed");
    assert!(
        refused["errors"]["timeZone"][0]
            .as_str()
            .unwrap()
            .contains("Mars/Olympus"),
        "{refused}"
    );
    for nothing in [json!({"username": "other"}), json!({"nonsense": 1})] {
        world
            .admin
            .put(&one, nothing)
            .await
            .problem(400, "nothing_to_update");
    }
    let names = world.admin.get(USERS).await.ok();
    let names: Vec<&Value> = column(&names["items"], "username");
    assert_eq!(
        names,
        [
            "carol",
            "ops_staff",
            "platform_admin",
            "seller_alice",
            "seller_bob",
            "seller_pending"
        ]
    );
    assert_eq!(
        world
            .admin
            .put(&format!("{one}/password"), json!({"password": "even-longer"}))
            .await
            .ok(),
        json!({"message": "Password updated successfully."})
    );
    world.api.login("carol", "even-longer").await;
    let gone = world.admin.delete(&one).await.expect_status(204);
    assert!(gone.body.is_empty() && gone.header("content-type").is_empty());
    world.admin.get(&one).await.problem(404, "not_found");
}

#[tokio::test]
async fn fields_of_users_are_checked() {
    let world = World::new().await;
    let bad: &[(&str, Value)] = &[
        ("username", json!("ab")),
        ("username", json!("x".repeat(81))),
        ("username", json!("a\u{0}bc")),
        ("username", json!(12345)),
        ("username", Value::Null),
        ("email", json!("no-at-sign")),
        ("email", json!("a@b")),
        ("email", json!(format!("{}@example.com", "x".repeat(110)))),
        ("role", json!("owner")),
        ("role", json!("Admin")),
        ("status", json!("deleted")),
        ("status", Value::Null),
        ("fullName", json!("x".repeat(101))),
        ("companyName", json!(true)),
        ("password", json!("x".repeat(129))),
        ("passwordHash", json!("x")),
        ("id", json!(1)),
    ];
    for (key, value) in bad {
        let mut body = new("carol");
        body[key] = value.clone();
        let problem = world
            .admin
            .post(USERS, body)
            .await
            .problem(400, "validation_failed");
        assert!(!field_error(&problem, key).is_empty(), "{key} {value}");
        assert_eq!(keys(&problem["errors"]), [*key], "{key} {value}");
    }
    // Everything that is wrong, at once.
    let problem = world
        .admin
        .post(USERS, json!({"username": "x"}))
        .await
        .problem(400, "validation_failed");
    assert_eq!(
        keys(&problem["errors"]),
        ["email", "password", "role", "username"]
    );
    let mut short = new("carol");
    short["password"] = json!("1234567");
    let problem = world
        .admin
        .post(USERS, short.clone())
        .await
        .problem(400, "validation_failed");
    assert!(field_error(&problem, "password").contains("Password must be at least 8 characters long."));
    let problem = world
        .admin
        .put(&format!("{USERS}/3/password"), json!({"password": "1234567"}))
        .await;
    let problem = problem.problem(400, "validation_failed");
    assert!(field_error(&problem, "password").contains("Password must be at least 8 characters long."));
    // A password keeps its blanks: eight of them are one.
    short["password"] = json!("  pass  ");
    world.admin.post(USERS, short).await.expect_status(201);
    world.api.login("carol", "  pass  ").await;
}

#[tokio::test]
async fn names_and_addresses_are_unique_without_case() {
    let world = World::new().await;
    let post = async |body: Value, code: &str| {
        let problem = world.admin.post(USERS, body).await.problem(409, code);
        problem["message"].clone()
    };
    assert_eq!(
        post(new("Seller_Alice"), "username_taken").await,
        "Username 'Seller_Alice' already exists"
    );
    let mut body = new("carol");
    body["email"] = json!("ALICE@seller.xyz");
    assert_eq!(
        post(body, "email_taken").await,
        "Email 'ALICE@seller.xyz' already exists"
    );
    let taken = world
        .admin
        .put(&format!("{USERS}/4"), json!({"email": "Alice@Seller.xyz"}))
        .await;
    assert_eq!(
        taken.problem(409, "email_taken")["message"],
        "Email 'Alice@Seller.xyz' is already in use"
    );
    // Its own address in another case is no conflict.
    world
        .admin
        .put(&format!("{USERS}/3"), json!({"email": "ALICE@seller.xyz"}))
        .await
        .ok();
    // Of many at once, one wins and nobody gets a 500.
    let racers = (0..8).map(|_| {
        let admin = world.admin.clone();
        tokio::spawn(async move { admin.post(USERS, new("dave")).await.status })
    });
    let mut statuses = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        statuses.push(racer.await.expect("an answer"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn an_admin_stays() {
    let world = World::new().await;
    let own = world
        .admin
        .delete(&format!("{USERS}/1"))
        .await
        .problem(403, "own_account");
    assert_eq!(own["message"], "Admin cannot delete their own account.");
    for change in [
        json!({"role": "staff"}),
        json!({"status": "suspended"}),
        json!({"status": "inactive"}),
    ] {
        world
            .admin
            .put(&format!("{USERS}/1"), change)
            .await
            .problem(409, "last_admin");
    }
    world
        .admin
        .put(&format!("{USERS}/1"), json!({"fullName": "Still Here"}))
        .await
        .ok();
    // Two admins who demote each other at the same moment: one stays.
    world
        .admin
        .put(&format!("{USERS}/2"), json!({"role": "admin"}))
        .await
        .ok();
    let (one, two) = (world.admin.clone(), world.staff.clone());
    let (one, two) = tokio::join!(
        one.put("/api/admin/users/2", json!({"status": "suspended"})),
        two.put("/api/admin/users/1", json!({"status": "suspended"}))
    );
    assert!(
        [one.status, two.status].contains(&200),
        "{} {}",
        one.text(),
        two.text()
    );
    let active = "select count(*) from users where role = 'admin' and status = 'active'";
    assert_eq!(number_of(&world.db.superuser().await, active).await, 1);
}

#[tokio::test]
async fn what_a_deleted_user_leaves() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let staff = "select count(*) from clients where created_by = 2";
    assert!(number_of(&superuser, staff).await > 0);
    let logs = "select count(*) from call_logs where user_id = 3";
    let before = number_of(&superuser, logs).await;
    assert!(before > 0);
    for id in [2, 3] {
        world
            .admin
            .delete(&format!("{USERS}/{id}"))
            .await
            .expect_status(204);
    }
    for table in ["dids", "campaigns", "sessions", "api_tokens"] {
        let left = format!("select count(*) from {table} where user_id in (2, 3)");
        assert_eq!(number_of(&superuser, &left).await, 0, "{table}");
    }
    assert_eq!(number_of(&superuser, staff).await, 0);
    // Its records stay, for admins: without campaign and number, which are gone, and without a user.
    let all = world
        .admin
        .get("/api/admin/logs?uniqueid=test-uniqueid-call-001")
        .await
        .ok();
    let record = &all["items"][0];
    assert!(
        record["campaign"].is_null() && record["did"].is_null(),
        "{record}"
    );
    assert_eq!(record["incomingDidNumber"], "+18005550101");
    assert!(
        record["userId"].is_null(),
        "the record's user is gone, so it shows as null: {record}"
    );
    let kept = "select count(*) from call_logs where asterisk_uniqueid like 'test-uniqueid-call-00_'";
    assert_eq!(json_of(&superuser, kept).await, 6);
}

/// Whoever has an admin's session for a while, and not the password.
#[tokio::test]
async fn an_admin_s_own_password_is_changed_with_the_old_one_alone() {
    let world = World::new().await;
    let own = format!("{USERS}/1/password");
    let put = world.admin.put(&own, json!({"password": "long-enough"})).await;
    put.problem(403, "own_account");
    let link = json!({"userId": 1});
    let link = world.admin.post("/api/auth/password_links", link).await;
    link.problem(403, "own_account");
    let browser = world.admin.with("sec-fetch-site", "same-origin");
    let kind = "application/x-www-form-urlencoded";
    for (page, form) in [("password", "_version=1&password=long-enough"), ("link", "")] {
        let path = format!("/console/users/1/{page}");
        let form = form.to_owned().into();
        let answer = browser.raw("POST", &path, Some(kind), form).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    let page = browser.get("/console/users/1").await.expect_status(200).text();
    assert!(
        !page.contains("/users/1/password") && !page.contains("/users/1/link"),
        "{page}"
    );
    world.api.login("platform_admin", "password").await;
}

/// In the service's processor time: a hash costs more than all else of such a request.
#[tokio::test]
async fn no_password_is_hashed_for_a_user_who_does_not_exist() {
    let world = World::new().await;
    let cost = async |id: i64, if_match: &str, status: u16| {
        let before = world.api.processor_ticks();
        for _ in 0..20 {
            let path = format!("/api/admin/users/{id}/password");
            let admin = world.admin.with("if-match", if_match);
            let answer = admin.put(&path, json!({"password": "long-enough"})).await;
            answer.expect_status(status);
        }
        world.api.processor_ticks() - before
    };
    let hashed = cost(4, "*", 200).await;
    let unknown = cost(4_000_000, "*", 404).await;
    let changed = cost(4, "\"0\"", 412).await;
    assert!(hashed >= 10, "twenty hashes in {hashed} ticks of the clock");
    for other in [unknown, changed] {
        assert!(
            other * 3 < hashed,
            "{other} ticks without a hash, {hashed} with one"
        );
    }
}
