//! Pages: the five keys, the edges, and what is clamped.

use serde_json::{Value, json};

use super::support::{World, column, keys, run};

const LISTS: &[&str] = &[
    "/api/admin/users",
    "/api/admin/clients",
    "/api/admin/dids",
    "/api/admin/campaigns",
    "/api/admin/links",
    "/api/admin/caps",
    "/api/admin/callers",
    "/api/admin/schedules",
    "/api/admin/cap_events",
    "/api/admin/live_calls",
    "/api/admin/audit",
    "/api/admin/nodes",
    "/api/admin/registrations",
    "/api/admin/logs",
    "/api/auth/sessions",
    "/api/seller/dids",
    "/api/seller/campaigns",
    "/api/seller/links",
    "/api/seller/caps",
    "/api/seller/callers",
    "/api/seller/schedules",
    "/api/seller/cap_events",
    "/api/seller/live_calls",
    "/api/seller/logs",
];

#[tokio::test]
async fn every_list_pages_alike() {
    let world = World::new().await;
    for path in LISTS {
        let who = if path.starts_with("/api/admin") {
            &world.admin
        } else {
            &world.alice
        };
        let get = async |query: &str| who.get(&format!("{path}?{query}")).await.ok();
        let size = if path.ends_with("/logs") { 50 } else { 20 };
        let whole = get("").await;
        let mut expected = vec!["items", "page", "pages", "perPage", "total"];
        if path.ends_with("/logs") {
            expected.insert(1, "nextCursor");
        }
        assert_eq!(keys(&whole), expected, "{path}");
        assert_eq!(
            (&whole["page"], &whole["perPage"]),
            (&json!(1), &json!(size)),
            "{path}"
        );
        let total = whole["total"].as_i64().expect("a number");
        assert_eq!(
            whole["items"].as_array().unwrap().len() as i64,
            total.min(size),
            "{path}"
        );
        assert_eq!(whole["pages"], (total + size - 1) / size, "{path}");
        // What is no positive integer is the default; what is too large is clamped and echoed.
        for query in [
            "page=0",
            "page=-3",
            "page=x",
            "page=",
            "page=1.5",
            "per_page=0",
            "per_page=-1",
            "per_page=x",
            "per_page=99999999999999999999",
        ] {
            let same = get(query).await;
            assert_eq!(
                (&same["page"], &same["perPage"]),
                (&json!(1), &json!(size)),
                "{path}?{query}"
            );
        }
        assert_eq!(get("per_page=501").await["perPage"], 500, "{path}");
        assert_eq!(get("per_page=500").await["perPage"], 500, "{path}");
        for page in ["1000", "9223372036854775807"] {
            let beyond = get(&format!("page={page}")).await;
            assert_eq!(
                (&beyond["items"], &beyond["total"]),
                (&json!([]), &whole["total"]),
                "{path} page {page}"
            );
        }
        // One by one they are the whole.
        let mut items = Vec::new();
        for page in 1..=total.min(20) {
            let one = get(&format!("per_page=1&page={page}")).await;
            assert_eq!(one["pages"], total, "{path}");
            items.extend(one["items"].as_array().unwrap().clone());
        }
        let first: Vec<Value> = whole["items"]
            .as_array()
            .unwrap()
            .iter()
            .take(20)
            .cloned()
            .collect();
        assert_eq!(items, first, "{path}");
    }
}

#[tokio::test]
async fn nothing_has_no_pages() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "delete from call_logs; delete from campaigns; delete from dids",
    )
    .await;
    for path in [
        "/api/seller/dids",
        "/api/seller/campaigns",
        "/api/seller/logs",
        "/api/admin/live_calls",
        "/api/admin/logs",
    ] {
        let who = if path.starts_with("/api/admin") {
            &world.admin
        } else {
            &world.alice
        };
        let empty = who.get(path).await.ok();
        assert_eq!(
            (&empty["items"], &empty["total"], &empty["pages"]),
            (&json!([]), &json!(0), &json!(0)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn lists_have_their_order() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "insert into users (username, email, password_hash, role)
         select 'Zed' || n, 'zed' || n || '@example.com', (select password_hash from users where id = 1), 'user'
           from generate_series(1, 40) n;
         insert into dids (user_id, number) select 3, '+49' || (1000 + (n * 7919) % 1000) from generate_series(1, 700) n;
         insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
         select 3, 'C' || (n * 7919) % 1000, 'priority', 20 from generate_series(1, 700) n",
    )
    .await;
    let numbers = |value: &Value| value.as_str().expect("text").to_owned();
    for (path, key) in [("/api/seller/dids", "number"), ("/api/seller/campaigns", "name")] {
        let mut all = Vec::new();
        for page in 1..=2 {
            let part = world
                .alice
                .get(&format!("{path}?per_page=500&page={page}"))
                .await
                .ok();
            all.extend(column(&part["items"], key).into_iter().map(numbers));
        }
        let expected = if path.ends_with("dids") { 703 } else { 702 };
        assert_eq!(all.len(), expected, "{path}");
        assert!(
            all.windows(2).all(|pair| pair[0] < pair[1]),
            "{path} is in order, without doubles"
        );
    }
    let users = world.admin.get("/api/admin/users?per_page=100").await.ok();
    let names: Vec<String> = column(&users["items"], "username")
        .into_iter()
        .map(|n| numbers(n).to_lowercase())
        .collect();
    assert!(
        names.len() == 45 && names.windows(2).all(|pair| pair[0] < pair[1]),
        "{names:?}"
    );
}
