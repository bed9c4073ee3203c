//! Filters: those that people expect narrow a list, and one that does not exist, is empty or comes twice never returns
//! everything.

use std::time::Duration;

use capconduit_tests::{Calls, Visitor};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::contract::{ROUTES, Who, fill, good_body, needed_query};
use super::support::{World, column, field_error, keys, number_of, run};

fn caller(world: &World, who: Who) -> Option<&Visitor> {
    match who {
        Who::Everybody | Who::Switch => None,
        Who::Seller => Some(&world.alice),
        Who::LoggedIn | Who::Session | Who::Admin | Who::Staff => Some(&world.admin),
    }
}

fn with_query(address: &str, query: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{query}")
}

#[tokio::test]
async fn a_query_parameter_that_does_not_exist_is_refused_everywhere() {
    let world = World::new().await;
    for &(method, path, who) in ROUTES {
        let Some(person) = caller(&world, who) else {
            continue;
        };
        let address = fill(path, "4000000") + needed_query(path);
        let body = good_body(method, path);
        for (query, names) in [
            ("no_such_filter=1", vec!["no_such_filter"]),
            ("nummer=%2B18005550101&Status=active", vec!["Status", "nummer"]),
            ("status%20=active&=x", vec!["", "status "]),
            ("_=1&number%00=1", vec!["number"]),
        ] {
            let answer = person
                .send(method, &with_query(&address, query), body.as_ref())
                .await;
            let problem = answer.problem(400, "validation_failed");
            assert_eq!(keys(&problem["errors"]), names, "{method} {path}");
        }
        // Who is not admitted hears that first; what a cache or a tracker adds changes nothing.
        let stranger = world.api.nobody();
        let unknown = with_query(&address, "no_such_filter=1");
        stranger
            .send(method, &unknown, body.as_ref())
            .await
            .problem(401, "unauthenticated");
        if method == "GET" {
            let plain = person.get(&address).await;
            let tracked = person.get(&with_query(&address, "_=1763&_utm=a&_=2")).await;
            assert_eq!(
                (plain.status, plain.body),
                (tracked.status, tracked.body),
                "{path}"
            );
        }
    }
    let login = json!({"username": "seller_alice", "password": "password"});
    let nobody = world.api.nobody();
    let problem = nobody.post("/api/auth/login?next=/", login.clone()).await;
    field_error(&problem.problem(400, "validation_failed"), "next");
    nobody.post("/api/auth/login?_=1", login).await.expect_status(200);
    // The switch's own addresses, and those of machines that only look whether the service is up, take what comes.
    let info = "/api/internal/route_info?did=%2B18005550101&trunk=a&trunk=b";
    world.api.switch().get(info).await.expect_status(200);
    nobody.get("/health?at=1").await.expect_status(200);
}

#[tokio::test]
async fn a_query_parameter_that_comes_twice_is_refused() {
    let world = World::new().await;
    for (path, query, name) in [
        ("/api/seller/dids", "status=active&status=inactive", "status"),
        ("/api/seller/dids", "status=active&status=active", "status"),
        ("/api/seller/campaigns", "page=1&page=2", "page"),
        ("/api/seller/logs", "after=&after=", "after"),
        ("/api/seller/stats", "tz=UTC&%74z=Europe/Berlin", "tz"),
    ] {
        let problem = world
            .alice
            .get(&format!("{path}?{query}"))
            .await
            .problem(400, "validation_failed");
        assert_eq!(keys(&problem["errors"]), [name], "{path}?{query}");
    }
}

/// Filters of fixed values, and those that name what to change next: empty or unknown is never the same as none.
#[tokio::test]
async fn an_empty_or_unknown_choice_is_refused_everywhere() {
    let world = World::new().await;
    let choices = [
        ("/api/admin/users", "role"),
        ("/api/admin/users", "status"),
        ("/api/admin/clients", "status"),
        ("/api/admin/dids", "status"),
        ("/api/admin/dids", "unassigned"),
        ("/api/admin/campaigns", "status"),
        ("/api/admin/links", "status"),
        ("/api/admin/links", "room"),
        ("/api/admin/callers", "kind"),
        ("/api/admin/callers.csv", "scope"),
        ("/api/seller/callers", "scope"),
        ("/api/admin/live", "phase"),
        ("/api/admin/live_calls", "phase"),
        ("/api/admin/cap_events", "threshold"),
        ("/api/admin/audit", "action"),
        ("/api/admin/audit.csv", "action"),
        ("/api/admin/audit.csv", "style"),
        ("/api/admin/nodes", "state"),
        ("/api/admin/registrations", "reachable"),
        ("/api/seller/dids", "status"),
        ("/api/seller/dids", "unassigned"),
        ("/api/seller/campaigns", "status"),
        ("/api/seller/cap_events", "window"),
        ("/api/seller/live", "phase"),
        ("/api/seller/logs", "hangup_by"),
        ("/api/seller/logs.csv", "style"),
    ];
    let texts = [
        ("/api/admin/users", "q"),
        ("/api/admin/clients", "q"),
        ("/api/admin/dids", "number"),
        ("/api/admin/dids", "q"),
        ("/api/admin/campaigns", "q"),
        ("/api/admin/live_calls", "caller"),
        ("/api/admin/live_calls", "did"),
        ("/api/admin/audit", "object_type"),
        ("/api/seller/dids", "number"),
        ("/api/seller/dids", "q"),
        ("/api/seller/campaigns", "q"),
        ("/api/seller/live", "did"),
        ("/api/seller/logs", "call_status"),
        ("/api/seller/logs", "q"),
        ("/api/seller/logs.csv", "call_status"),
        ("/api/admin/logs", "call_status"),
        ("/api/admin/logs.csv", "call_status"),
    ];
    let who = |path: &str| {
        if path.starts_with("/api/admin") {
            &world.admin
        } else {
            &world.alice
        }
    };
    for (path, name) in choices {
        for value in ["", "%20", "x", "Active", "active,inactive", "null"] {
            let problem = who(path).get(&format!("{path}?{name}={value}")).await;
            field_error(&problem.problem(400, "validation_failed"), name);
        }
    }
    for (path, name) in texts {
        for value in ["", "%20", "%00"] {
            let problem = who(path).get(&format!("{path}?{name}={value}")).await;
            field_error(&problem.problem(400, "validation_failed"), name);
        }
    }
    // A plus without digits is no number; what no number can be is nobody's.
    for value in ["%2B", "+", "%2B%20"] {
        let problem = world.alice.get(&format!("/api/seller/dids?number={value}")).await;
        field_error(&problem.problem(400, "validation_failed"), "number");
    }
    for value in ["x", "1800x", "*", "%25"] {
        let none = world
            .alice
            .get(&format!("/api/seller/dids?number={value}"))
            .await
            .ok();
        assert_eq!(none["total"], 0, "{value}");
    }
}

/// Every parameter that the description names, but those that say which page: a script's empty variable never asks for
/// everything, and the answer names the parameter.
#[tokio::test]
async fn no_described_parameter_may_be_empty() {
    let world = World::new().await;
    let description = world.api.nobody().get("/openapi.json").await.ok();
    let mut walked = 0;
    for &(method, path, who) in ROUTES {
        let Some(person) = caller(&world, who).filter(|_| method == "GET") else {
            continue;
        };
        let operation = &description["paths"][path]["get"];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            if parameter["in"] != "query" || ["page", "per_page", "after", "changed_after"].contains(&name) {
                continue;
            }
            let needed = needed_query(path);
            let address = fill(path, "1")
                + if needed.contains(&format!("?{name}=")) {
                    ""
                } else {
                    needed
                };
            for value in ["", "%20"] {
                let answer = person
                    .get(&with_query(&address, &format!("{name}={value}")))
                    .await;
                let problem = answer.problem(400, "validation_failed");
                assert_eq!(keys(&problem["errors"]), [name], "{path}?{name}={value}");
            }
            walked += 1;
        }
    }
    assert!(walked > 90, "{walked} parameters were walked");
}

/// The ids of a list, in its order.
async fn ids(who: &Visitor, address: &str, key: &str) -> Vec<i64> {
    let list = who.get(address).await.ok();
    let items = column(&list["items"], key);
    let ids: Vec<i64> = items.iter().map(|id| id.as_i64().expect("an id")).collect();
    assert_eq!(
        list["total"],
        ids.len(),
        "{address}: the total is that of the filter"
    );
    ids
}

#[tokio::test]
async fn the_filters_that_people_expect_narrow_the_lists() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "update campaign_client_settings set max_concurrency = 4 where id = 2;
         update link_counters set active = 3 where link_id = 2;
         update link_counters set active = 8 where link_id = 3",
    )
    .await;
    let (alice, admin) = (&world.alice, &world.admin);
    for (path, query, expected) in [
        ("/api/seller/dids", "number=%2B18005550101", &[1_i64] as &[i64]),
        ("/api/seller/dids", "number=+18005550101", &[1]),
        ("/api/seller/dids", "number=18005550101", &[1]),
        ("/api/seller/dids", "number=%2B1800", &[]),
        ("/api/seller/dids", "number=%2B13105550103", &[]),
        ("/api/seller/dids", "q=%2B1", &[2, 1]),
        ("/api/seller/dids", "q=44", &[4]),
        ("/api/seller/dids", "q=1&status=inactive", &[]),
        ("/api/seller/dids", "campaign_id=1", &[1]),
        ("/api/seller/dids", "campaign_id=3", &[]),
        ("/api/seller/dids", "unassigned=true", &[4]),
        ("/api/seller/dids", "unassigned=false", &[2, 1]),
        ("/api/seller/campaigns", "status=active", &[1, 2]),
        ("/api/seller/campaigns", "status=paused", &[]),
        ("/api/seller/campaigns", "q=alice+r", &[2]),
        ("/api/seller/campaigns", "q=%25", &[]),
        ("/api/seller/campaigns", "q=bob", &[]),
    ] {
        assert_eq!(
            ids(alice, &format!("{path}?{query}"), "id").await,
            expected,
            "{path}?{query}"
        );
    }
    for (path, query, key, expected) in [
        ("/api/admin/dids", "number=%2B1", "id", &[2_i64, 3, 1] as &[i64]),
        ("/api/admin/dids", "status=inactive&user_id=3", "id", &[4]),
        ("/api/admin/dids", "campaign_id=4", "id", &[3]),
        ("/api/admin/dids", "unassigned=true", "id", &[4]),
        ("/api/admin/campaigns", "q=BOB&status=active", "id", &[3]),
        ("/api/admin/clients", "q=client_g", "id", &[3]),
        ("/api/admin/clients", "q=beta", "id", &[2]),
        ("/api/admin/clients", "status=inactive", "id", &[4]),
        ("/api/admin/links", "client_id=1&status=active", "linkId", &[1, 6]),
        ("/api/admin/links", "status=inactive", "linkId", &[7]),
        ("/api/admin/links", "room=full", "linkId", &[3, 5]),
        ("/api/admin/links", "room=near", "linkId", &[2]),
        ("/api/admin/links", "room=open&campaign_id=1", "linkId", &[1]),
        ("/api/admin/users", "role=user", "id", &[3, 4, 5]),
        ("/api/admin/users", "role=user&status=active", "id", &[3, 4]),
        ("/api/admin/users", "q=SELLER_A", "id", &[3]),
        ("/api/admin/users", "q=staff@", "id", &[2]),
    ] {
        assert_eq!(
            ids(admin, &format!("{path}?{query}"), key).await,
            expected,
            "{path}?{query}"
        );
    }
}

/// `created_at` is `createdAt` in an item.
fn key_of(sorting: &str) -> String {
    let mut words = sorting.trim_start_matches('-').split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |key, word| key + &word[..1].to_uppercase() + &word[1..])
}

/// Each sorting that the description names, on every list that has any: the values are in its order, downwards in the other one.
#[tokio::test]
async fn every_described_sorting_sorts() {
    let world = World::uncapped().await;
    let superuser = world.db.superuser().await;
    // What is the same everywhere shows nothing.
    run(
        &superuser,
        "set session_replication_role = replica;
         -- No service notes events meanwhile.
         select pg_advisory_lock(x'0CAF'::integer, 0);
         update users set created_at = now() + id * interval '1 hour', updated_at = now() - id * interval '1 min';
         -- Whose days end at other times, also on the last one of a month.
         update clients set created_at = now() - id * interval '1 hour', updated_at = now() + id * interval '1 min',
                            time_zone = case id when 2 then 'Asia/Kolkata' else 'UTC' end;
         update dids set created_at = now() - id * interval '1 hour', updated_at = now() + id * interval '1 min';
         update campaigns set created_at = now() + id * interval '1 hour', updated_at = now() - id * interval '1 min';
         update link_counters set active = link_id % 3, total = link_id * 7 % 5;
         insert into sessions (token_hash, user_id, created_at, last_seen_at, expires_at)
         values (sha256('x'), 1, now() - interval '1 hour', now() - interval '1 min', now() + interval '1 hour');
         insert into nodes (name, heartbeat_at) values ('pbx1', now()), ('pbx2', now());
         insert into caps (link_id, counts, span, set_by, max_calls)
         -- On the last day of a month two of these end together.
         select id, 'offered', (array['hour', 'day', 'month'])[1 + id % 3], 'seller', id * 7 % 5
           from campaign_client_settings;
         insert into schedules (user_id, name, version, created_at, updated_at)
         select case n when 1 then 3 end, 'schedule ' || n, n, now() + n * interval '1 hour', now() - n * interval '1 min'
           from generate_series(1, 3) n;
         insert into cap_events (cap_id, user_id, link_id, subject_type, subject_id, subject_name, counts, span, set_by, enforce, max_calls, threshold, used, in_flight)
         select id, 3, link_id, 'link', link_id, 'a link', counts, span, set_by, enforce, max_calls, 75, 7, 0 from caps;
         insert into caller_marks (user_id, caller, kind, until)
         select 3, '+4930' || 9 - n, 'blocked', now() + n * interval '1 hour' from generate_series(1, 3) n;
         insert into pjsip_contacts (id, endpoint, expiration_time)
         values ('a', 'client_beta_support', 3000000000), ('b', 'client_alpha_sales', 4000000000)",
    )
    .await;
    for (did, call) in [
        ("+18005550101", "a"),
        ("+18005550101", "b"),
        ("+13105550103", "c"),
    ] {
        let switch = world.db.asterisk().await;
        switch.route(did, call).await.expect("a route");
        if call != "b" {
            switch.answered(call).await.expect("an answer");
        }
    }
    run(
        &superuser,
        "update live_calls set attempt = ascii(uniqueid) - 96, node = 'pbx2'",
    )
    .await;
    let description = world.api.nobody().get("/openapi.json").await.ok();
    let mut lists = 0;
    for &(method, path, who) in ROUTES {
        let Some(person) = caller(&world, who).filter(|_| method == "GET") else {
            continue;
        };
        let parameters = description["paths"][path]["get"]["parameters"].as_array();
        let sort = parameters.into_iter().flatten().find(|p| p["name"] == "sort");
        let Some(sort) = sort else { continue };
        lists += 1;
        let default = sort["description"].as_str().expect("a text");
        let default = default.rsplit_once(' ').expect("words").1.trim_end_matches('.');
        let list = async |sort: &str| {
            let list = person.get(&format!("{path}?per_page=500{sort}")).await.ok();
            list["items"].clone()
        };
        let values = sort["schema"]["enum"].as_array().expect("an enum");
        assert!(values.contains(&json!(default)), "{path}: {default}");
        assert_eq!(list("").await, list(&format!("&sort={default}")).await, "{path}");
        for sorting in values.iter().map(|value| value.as_str().expect("a text")) {
            let key = key_of(sorting);
            let items = list(&format!("&sort={sorting}")).await;
            let sorted = column(&items, &key);
            assert!(
                sorted.len() > 1 && !sorted[0].is_null() | !sorted[1].is_null(),
                "{path} {sorting}: {items}"
            );
            let numbers: Vec<i64> = sorted.iter().filter_map(|value| value.as_i64()).collect();
            assert!(
                if sorting.starts_with('-') {
                    numbers.is_sorted_by(|a, b| a >= b)
                } else {
                    numbers.is_sorted()
                },
                "{path} {sorting}: {numbers:?}"
            );
            let other = match sorting.strip_prefix('-') {
                Some(name) => name.to_owned(),
                None => format!("-{sorting}"),
            };
            let other = list(&format!("&sort={other}")).await;
            let mut reversed = column(&other, &key);
            reversed.reverse();
            assert_eq!(sorted, reversed, "{path} {sorting}");
            let all_equal = sorted.iter().all(|value| *value == sorted[0]);
            assert!(!all_equal, "{path} {sorting}: all are equal");
        }
        for bad in [
            "",
            "x",
            "%20",
            "number%3B",
            "-",
            "--number",
            "Number",
            "number,id",
            "number+desc",
        ] {
            let problem = person.get(&format!("{path}?sort={bad}")).await;
            let text = field_error(&problem.problem(400, "validation_failed"), "sort");
            assert!(text.contains(default), "{path}: {text}");
        }
    }
    assert_eq!(lists, 22, "lists with sortings");
}

/// Pages of a sorting with many equals hold each row once.
#[tokio::test]
async fn equals_are_on_one_page_each() {
    let world = World::new().await;
    run(
        &world.db.superuser().await,
        "insert into dids (user_id, number, created_at)
         select 3, '+4930' || lpad(n::text, 9, '0'), '2026-01-01' from generate_series(1, 500) n",
    )
    .await;
    for sort in ["created_at", "-created_at"] {
        let mut seen = Vec::new();
        for page in 1..=6 {
            let address = format!("/api/seller/dids?sort={sort}&per_page=100&page={page}");
            let list = world.alice.get(&address).await.ok();
            seen.extend(
                column(&list["items"], "id")
                    .into_iter()
                    .map(|id| id.as_i64().expect("an id")),
            );
        }
        seen.sort_unstable();
        let all = seen.len();
        seen.dedup();
        assert_eq!((seen.len(), all), (503, 503), "{sort}");
    }
}

#[tokio::test]
async fn live_calls_are_found_by_caller_number_and_phase() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    let route = async |did: &str, call: &str, caller: &str, node: &str| {
        switch
            .route_on(did, call, caller, node)
            .await
            .expect("a route")
            .link();
    };
    route("+18005550101", "a", "+4915100001", "pbx1").await;
    route("+18005550101", "b", "+4915100002", "pbx2").await;
    route("+13105550103", "c", "+4915100001", "pbx1").await;
    switch.answered("b").await.expect("an answer");
    let admin = "/api/admin/live_calls";
    for (who, path, query, expected) in [
        (&world.staff, admin, "caller=%2B4915100001", vec!["c", "a"]),
        (&world.staff, admin, "did=18005550101", vec!["b", "a"]),
        (&world.staff, admin, "phase=talking", vec!["b"]),
        (&world.staff, admin, "phase=ringing&node=pbx1", vec!["c", "a"]),
        (&world.staff, admin, "user_id=4", vec!["c"]),
        (&world.staff, "/api/admin/live", "phase=ending", vec![]),
        (&world.staff, "/api/admin/live", "caller=%2B4915100002", vec!["b"]),
        (
            &world.alice,
            "/api/seller/live",
            "caller=%2B4915100001",
            vec!["a"],
        ),
        (&world.alice, "/api/seller/live", "phase=talking", vec!["b"]),
        (&world.alice, "/api/seller/live", "client_id=1", vec!["b", "a"]),
        (&world.alice, "/api/seller/live", "", vec!["b", "a"]),
    ] {
        let answer = who.get(&format!("{path}?{query}")).await.ok();
        let list = if path == admin {
            &answer["items"]
        } else {
            &answer["calls"]
        };
        assert_eq!(column(list, "uniqueid"), expected, "{path}?{query}");
    }
}

/// A seller with many calls has pages of them, as staff have; the overview stays small.
#[tokio::test]
async fn a_sellers_live_calls_and_links_have_pages() {
    let world = World::new().await;
    run(
        &world.db.superuser().await,
        "insert into live_calls (uniqueid, user_id, campaign_id, did_id, did_number, link_id, client_id, attempt, holds_slot, routing_strategy,
                                 routed_at, attempt_at, lease_until, ring_deadline, dial_timeout_seconds,
                                 attempt_timeout_seconds, max_call_seconds)
         select 'many-' || lpad(n::text, 4, '0'), 3, 1, 1, '+18005550101', 1, 1, 1, false, 'priority',
                now() + n * interval '1 ms', now(), now() + interval '1 hour', now(), 20, 20, 3600
           from generate_series(1, 1200) n",
    )
    .await;
    let alice = &world.alice;
    let overview = alice.get("/api/seller/live").await.ok();
    assert_eq!(overview["calls"].as_array().map(Vec::len), Some(1000));
    assert_eq!(overview["calls"][0]["uniqueid"], "many-1200");
    let page = alice.get("/api/seller/live_calls?per_page=500&page=3").await.ok();
    assert_eq!((&page["total"], &page["pages"]), (&json!(1200), &json!(3)));
    assert_eq!(page["items"].as_array().map(Vec::len), Some(200));
    assert_eq!(
        alice.get("/api/seller/live_calls?phase=talking").await.ok()["total"],
        0
    );
    assert_eq!(world.bob.get("/api/seller/live_calls").await.ok()["total"], 0);
    for (query, expected) in [
        ("", vec![1, 2, 3, 4]),
        ("campaign_id=1&status=active", vec![1, 2]),
    ] {
        let found = ids(alice, &format!("/api/seller/links?{query}"), "linkId").await;
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn the_audit_is_found_by_word_user_and_day() {
    let world = World::new().await;
    world
        .alice
        .put("/api/seller/campaigns/1/clients/1", json!({"weight": 3}))
        .await
        .ok();
    world
        .alice
        .put("/api/seller/dids/1", json!({"status": "inactive"}))
        .await
        .ok();
    world
        .staff
        .put("/api/admin/clients/1", json!({"notes": "changed"}))
        .await
        .ok();
    run(
        &world.db.superuser().await,
        "insert into audit_log (at, user_id, db_role, action, object_type, object_id)
         values ('2026-03-28 23:30Z', 3, 'x', 'adjust', 'campaign_client_settings', '1')",
    )
    .await;
    for (query, expected) in [
        ("user_id=3&start_date=2026-06-01&action=update", 2),
        ("object_type=link&user_id=3&action=update", 1),
        ("object_type=campaign_client_settings&user_id=3&action=update", 1),
        ("object_type=did&object_id=1&action=update", 1),
        ("object_type=client&user_id=2", 1),
        (
            "action=adjust&start_date=2026-03-29&end_date=2026-03-29&tz=Europe/Berlin",
            1,
        ),
        ("action=adjust&start_date=2026-03-29&end_date=2026-03-29", 0),
        ("object_type=nothing", 0),
    ] {
        let list = world.staff.get(&format!("/api/admin/audit?{query}")).await.ok();
        assert_eq!(list["total"], expected, "{query}: {list}");
    }
    for (query, name) in [
        ("tz=CET", "tz"),
        ("start_date=x", "start_date"),
        ("user_id=x", "user_id"),
    ] {
        let problem = world.staff.get(&format!("/api/admin/audit?{query}")).await;
        field_error(&problem.problem(400, "validation_failed"), name);
    }
}

#[tokio::test]
async fn records_are_found_by_what_people_remember() {
    let world = World::new().await;
    run(
        &world.db.superuser().await,
        "insert into call_logs (id, asterisk_uniqueid, user_id, incoming_did_number, caller_id_num, caller_id_name,
            timestamp_start, billsec_seconds, call_status, hangup_by, node, sip_call_id, counted)
         overriding system value values
            (9001, 'r-1', 3, '+18005550101', '+4915100001', 'Jane 50%', now(), 61, 'ANSWERED', 'caller', 'pbx1', 'abc@x', false),
            (9002, 'r-2', 3, '+18005550101', '+4915100002', 'Jane_Doe', now(), 59, 'ANSWERED', 'client', 'pbx2', 'def@x', false)",
    )
    .await;
    let days = "start_date=2026-01-01&end_date=2100-01-01";
    for (query, expected) in [
        ("hangup_by=caller".to_owned(), vec![9001]),
        ("node=pbx2".to_owned(), vec![9002]),
        ("sip_call_id=abc@x".to_owned(), vec![9001]),
        ("min_talk_seconds=60&uniqueid=r-1".to_owned(), vec![9001]),
        ("min_talk_seconds=60&uniqueid=r-2".to_owned(), vec![]),
        (format!("q=jane&{days}"), vec![9002, 9001]),
        (format!("q=Jane_&{days}"), vec![9002]),
        (format!("q=%2B49151&{days}"), vec![9002, 9001]),
        (format!("q=4915100001&{days}"), vec![]),
    ] {
        for form in ["", "&after="] {
            let list = world
                .alice
                .get(&format!("/api/seller/logs?{query}{form}"))
                .await
                .ok();
            assert_eq!(column(&list["items"], "id"), expected, "{query}{form}");
        }
    }
    // A name has no index: it is looked for in a range of days.
    for query in [
        "q=jane",
        "q=jane&start_date=2026-01-01",
        "q=jane&end_date=2026-01-01",
    ] {
        let problem = world.alice.get(&format!("/api/seller/logs?{query}")).await;
        field_error(&problem.problem(400, "validation_failed"), "q");
    }
    let problem = world.alice.get("/api/seller/logs?min_talk_seconds=-1").await;
    field_error(&problem.problem(400, "validation_failed"), "min_talk_seconds");
}

async fn scans(client: &Client, index: &str) -> i64 {
    let sql = format!(
        "select coalesce(sum(idx_scan), 0) from pg_stat_user_indexes where indexrelname ~ '^({index})$'"
    );
    number_of(client, &sql).await
}

/// Where a table grows, the filter has its index: the planner takes it when there is something to gain.
#[tokio::test]
async fn filters_of_tables_that_grow_have_their_index() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "insert into dids (user_id, number) select 3, '+4930' || lpad(n::text, 9, '0') from generate_series(1, 20000) n;
         insert into audit_log (at, user_id, db_role, action, object_type, object_id)
            select timestamptz '2026-01-01' + n * interval '1 min', 1, 'x', 'update', 'campaigns', n::text
              from generate_series(1, 20000) n;
         analyze dids; analyze audit_log",
    )
    .await;
    for (who, address, index, items) in [
        (
            &world.alice,
            "/api/seller/dids?number=%2B4930000000777",
            "dids_number_key|dids_user_id_number_idx",
            1,
        ),
        (
            &world.alice,
            "/api/seller/dids?q=%2B493000000077",
            "dids_user_id_digits_idx",
            10,
        ),
        (
            &world.staff,
            "/api/admin/dids?number=%2B493000000077",
            "dids_digits_idx",
            10,
        ),
        (
            &world.staff,
            "/api/admin/audit?action=release",
            "audit_log_action_id_idx",
            0,
        ),
        (
            &world.staff,
            "/api/admin/audit?user_id=4&action=update",
            "audit_log_user_id_id_idx",
            0,
        ),
        (
            &world.staff,
            "/api/admin/audit?start_date=2026-01-05&end_date=2026-01-05&per_page=1",
            "audit_log_at_idx",
            1,
        ),
    ] {
        let before = scans(&superuser, index).await;
        let list: Value = who.get(address).await.ok();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(items), "{address}");
        // The statistics of a connection come a second late.
        let mut used = false;
        for _ in 0..120 {
            used = scans(&superuser, index).await > before;
            if used {
                break;
            }
            who.get(address).await.ok();
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        assert!(used, "{address} does not use {index}");
    }
}
