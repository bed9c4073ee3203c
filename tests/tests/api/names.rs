//! Names that people give: what can be seen, and turns nothing around, whoever writes them.

use serde_json::{Value, json};

use super::support::{World, field_error, number_of, run};

const BAD: &[&str] = &[
    "\u{200b}\u{200b}\u{200b}",
    "\u{2800}\u{2800}\u{2800}",
    "\u{3164}\u{3164}\u{3164}",
    "\u{200d}\u{fe0f}\u{200c}",
    "\u{202e}nimda",
    "seller_alice\u{200f}",
    "a\u{2066}b\u{2069}c",
    "seller\u{ad}_alice",
    "seller_alice\u{e0020}",
    "one\u{2028}two",
    "bell\u{7}s",
];

#[tokio::test]
async fn every_name_can_be_seen_and_turns_nothing_around() {
    let world = World::new().await;
    let user = |key: &str, value: &str| {
        let mut user = json!({"username": "somebody", "email": "some@body.example", "password": "password", "role": "user"});
        user[key] = json!(value);
        user
    };
    for bad in BAD {
        for key in ["username", "fullName", "companyName"] {
            let answer = world.admin.post("/api/admin/users", user(key, bad)).await;
            field_error(&answer.problem(400, "validation_failed"), key);
        }
        let refused = async |answer: capconduit_tests::Answer, key: &str| {
            field_error(&answer.problem(400, "validation_failed"), key);
        };
        let campaign = json!({"name": bad, "routingStrategy": "priority", "dialTimeoutSeconds": 20});
        refused(world.alice.post("/api/seller/campaigns", campaign).await, "name").await;
        let change = json!({"description": bad});
        refused(
            world.alice.put("/api/seller/campaigns/1", change.clone()).await,
            "description",
        )
        .await;
        refused(world.alice.put("/api/seller/dids/1", change).await, "description").await;
        for key in ["name", "department", "notes"] {
            let change = Value::Object([(key.to_owned(), json!(bad))].into_iter().collect());
            refused(world.staff.put("/api/admin/clients/3", change).await, key).await;
        }
        refused(
            world.alice.post("/api/auth/tokens", json!({"name": bad})).await,
            "name",
        )
        .await;
    }
    for good in ["سفارش\u{200c}ها", "\u{2764}\u{fe0f} leads", "Zürich — Süd"] {
        world
            .alice
            .put("/api/seller/campaigns/1", json!({"name": good}))
            .await
            .ok();
    }
}

/// The same in the database, whoever writes there; what was written before stays, and its row can be changed.
#[tokio::test]
async fn the_database_takes_the_names_that_the_service_takes() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    for bad in BAD {
        for (table, column) in [
            ("users", "username"),
            ("users", "full_name"),
            ("users", "company_name"),
            ("campaigns", "name"),
            ("campaigns", "description"),
            ("clients", "name"),
            ("clients", "department"),
            ("clients", "notes"),
            ("dids", "description"),
            ("pjsip_endpoints", "callerid"),
        ] {
            let change = format!("update {table} set {column} = $1");
            let error = superuser.execute(&change, &[bad]).await.expect_err(&change);
            let db = error.as_db_error().expect("the database's answer");
            assert_eq!(
                (db.code().code(), db.column()),
                ("23514", Some(column)),
                "{table} {bad:?}"
            );
        }
    }
    // As it was written by an earlier release.
    run(
        &superuser,
        "set session_replication_role = replica;
         update users set username = e'seller\\u200B_alice' where id = 3;
         set session_replication_role = origin;
         update users set email = 'new@alice.example', username = username where id = 3",
    )
    .await;
    world
        .admin
        .put("/api/admin/users/3", json!({"companyName": "Alice"}))
        .await
        .ok();
    world.api.login("seller\u{200b}_alice", "password").await;
}

/// One rule: the service's, which this writes down for every character alone and beside a letter, and the database's.
#[tokio::test]
async fn the_service_and_the_database_have_one_rule_for_texts() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    // All that are assigned, and some of those that are not.
    let characters: Vec<char> = (1..0x0003_4000)
        .chain((0x0003_4000..0x000e_0000).step_by(97))
        .chain(0x000e_0000..0x000e_1000)
        .chain((0x000e_1000..0x0011_0000).step_by(97))
        .filter_map(char::from_u32)
        .collect();
    for (lines, before, most) in [
        (false, "", usize::MAX),
        (false, "a", usize::MAX),
        (true, "a", 0x3100),
    ] {
        let characters = &characters[..most.min(characters.len())];
        let texts: Vec<String> = characters.iter().map(|c| format!("{before}{c}")).collect();
        let expected: Vec<bool> = texts
            .iter()
            .map(|text| capconduit_core::names::check(text, lines).is_ok())
            .collect();
        let sql = "select array_agg(is_plain_text(t, $2) order by n) from unnest($1::text[]) with ordinality u (t, n)";
        let row = superuser
            .query_one(sql, &[&texts, &lines])
            .await
            .expect("every character");
        let found: Vec<bool> = row.get(0);
        let differ: Vec<_> = (0..found.len())
            .filter(|n| found[*n] != expected[*n])
            .map(|n| format!("{:04X}", characters[n] as u32))
            .collect();
        assert!(
            differ.is_empty(),
            "{lines} {before:?}: {} {:?}",
            differ.len(),
            &differ[..differ.len().min(20)]
        );
    }
    assert_eq!(
        number_of(
            &superuser,
            "select count(*) from users where not is_plain_text(username)"
        )
        .await,
        0
    );
}

/// Two ways to write one name are one name: composed, as macOS's file names are not, and decomposed.
#[tokio::test]
async fn a_name_is_the_same_however_its_letters_are_composed() {
    let world = World::new().await;
    let (composed, decomposed) = ("Zo\u{eb}_sales", "Zoe\u{308}_sales");
    let user = |name: &str, email: &str| json!({"username": name, "email": email, "password": "password", "role": "user"});
    let made = world
        .admin
        .post("/api/admin/users", user(decomposed, "zoe\u{308}@body.example"))
        .await
        .ok();
    assert_eq!(
        (&made["username"], &made["email"]),
        (&json!(composed), &json!("zo\u{eb}@body.example"))
    );
    world
        .admin
        .post("/api/admin/users", user(composed, "other@body.example"))
        .await
        .problem(409, "username_taken");
    world
        .admin
        .post("/api/admin/users", user("another", "zo\u{eb}@body.example"))
        .await
        .problem(409, "email_taken");
    for name in [composed, decomposed] {
        world.api.login(name, "password").await;
    }
    let start = "/api/admin/users?q=Zoe%CC%88";
    assert_eq!(world.admin.get(start).await.ok()["total"], 1);
    let campaign =
        |name: &str| json!({"name": name, "routingStrategy": "priority", "dialTimeoutSeconds": 20});
    world
        .alice
        .post("/api/seller/campaigns", campaign(decomposed))
        .await
        .ok();
    world
        .alice
        .post("/api/seller/campaigns", campaign(composed))
        .await
        .expect_status(409);
    let found = world.alice.get("/api/seller/campaigns?q=zoe%CC%88").await.ok();
    assert_eq!(found["items"][0]["name"], composed);
    // An account of before, whose name is decomposed in the database, is let in.
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update users set username = e'old\\u0061\\u0308' where id = 4",
    )
    .await;
    world.api.login("olda\u{308}", "password").await;
}

/// Nobody could see in Asterisk's own list what is wrong with such a login.
#[tokio::test]
async fn sip_logins_hold_no_invisible_characters() {
    let world = World::new().await;
    let client = |key: &str, value: &str| {
        let mut client = super::contract::client("client_unseen");
        client["pjsip"]["auth"] =
            json!({"id": "auth_unseen", "username": "somebody", "password": "long-enough", "realm": "r"});
        client["pjsip"]["auth"][key] = json!(value);
        client
    };
    for bad in BAD {
        for key in ["username", "realm"] {
            let answer = world.staff.post("/api/admin/clients", client(key, bad)).await;
            field_error(
                &answer.problem(400, "validation_failed"),
                &format!("pjsip.auth.{key}"),
            );
        }
    }
    world
        .staff
        .post("/api/admin/clients", client("realm", "J\u{f6}rg"))
        .await
        .ok();
}
