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
