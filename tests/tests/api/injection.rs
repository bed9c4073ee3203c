//! Hostile text in every query parameter, path and string of a body, as the service's own description lists them: it is
//! refused as a value, or it is stored, found and given back byte for byte. It is never part of a statement.

use std::collections::BTreeSet;

use capconduit_tests::Visitor;
use serde_json::{Value, json};

use super::contract::{ROUTES, Who, fill, good_body, needed_query};
use super::support::{World, json_of, run};
use crate::sql::contract::ledger;

const PAYLOADS: [&str; 9] = [
    "' or true --",
    "'; drop table capconduit.users; --",
    "\"; select pg_sleep(9); --",
    "%",
    "_",
    "\\",
    "$1",
    "${jndi:x}",
    "{{7*7}}",
];

/// What no request here has a right to change: a statement that took its text for SQL would.
const OTHERS: &str = "select jsonb_build_array(
    -- A block of the platform's screens them all.
    (select jsonb_agg(to_jsonb(u) - array['updated_at', 'screened'] order by id) from capconduit.users u where id < 5),
    (select jsonb_agg(to_jsonb(c) order by id) from capconduit.campaigns c where user_id = 4),
    (select jsonb_agg(to_jsonb(d) order by id) from capconduit.dids d where user_id = 4),
    (select jsonb_agg(to_jsonb(c) order by id) from capconduit.clients c where id in (2, 3)),
    (select jsonb_agg(to_jsonb(s) order by id) from capconduit.campaign_client_settings s where id in (2, 3)))";

/// Every value of every row, wherever it is.
const STORED: &str = "select exists (
    select from (select to_jsonb(t) from users t union all select to_jsonb(t) from clients t
        union all select to_jsonb(t) from campaigns t union all select to_jsonb(t) from dids t
        union all select to_jsonb(t) from pjsip_endpoints t union all select to_jsonb(t) from pjsip_aors t
        union all select to_jsonb(t) from pjsip_auths t union all select to_jsonb(t) from campaign_client_settings t
        union all select to_jsonb(t) from call_logs t union all select to_jsonb(t) from live_calls t
        union all select to_jsonb(t) from api_tokens t union all select to_jsonb(t) from audit_log t) r (doc),
        jsonb_path_query(doc, '$.**') v where v = to_jsonb($1::text))";

/// Accepted, and not kept as it is: passwords are hashed, a status is written in capitals, and of what is no number and
/// of a call that is not in flight nothing is kept, nor of a caller who is forgotten.
fn is_kept(path: &str, field: &str) -> bool {
    let hashed = field == "/password" && path.starts_with("/api/admin/users");
    let forgotten = path.ends_with("/callers/erase");
    let rejected = path.ends_with("/next_target") || path.ends_with("/route_call") && field == "/did";
    !(hashed || forgotten || rejected || field == "/callStatus")
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn caller(world: &World, who: Who) -> Visitor {
    match who {
        Who::Everybody => world.api.nobody(),
        Who::Admin | Who::Staff => world.admin.clone(),
        Who::LoggedIn | Who::Session | Who::Seller => world.alice.clone(),
        Who::Switch => world.api.switch(),
    }
}

/// Never somebody whom these tests need.
fn address(path: &str) -> String {
    fill(path, if path.contains("/users/") { "5" } else { "1" })
}

/// The strings of a body, by their paths: `/pjsip/aor/contact`.
fn strings(description: &Value, schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = description
            .pointer(name.trim_start_matches('#'))
            .expect("a schema");
        strings(description, schema, at, found);
    }
    for key in ["oneOf", "allOf", "anyOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            strings(description, part, at, found);
        }
    }
    if schema["type"] == "string"
        || schema["type"]
            .as_array()
            .is_some_and(|t| t.contains(&json!("string")))
    {
        found.insert(at.to_owned());
    }
    for (name, part) in schema["properties"].as_object().into_iter().flatten() {
        strings(description, part, &format!("{at}/{name}"), found);
    }
}

fn set(body: &mut Value, at: &str, text: &str) {
    let place = at.split('/').skip(1).fold(body, |value, key| &mut value[key]);
    *place = json!(text);
}

/// The good body with names of its own, so that only what is tried can be refused.
fn fresh_body(method: &str, path: &str, n: usize) -> Option<Value> {
    let mut text = good_body(method, path)?.to_string();
    for name in [
        "new_user",
        "new@",
        "client_new",
        "matrix-",
        "\"New",
        "+4930123456",
    ] {
        text = text.replace(
            name,
            &match name {
                "new@" => format!("new{n}@"),
                _ => format!("{name}{n}"),
            },
        );
    }
    Some(serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn hostile_text_is_only_text() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let description = world.api.nobody().get("/openapi.json").await.ok();
    let (objects, others) = (ledger(&world.db).await, json_of(&superuser, OTHERS).await);
    let (mut tried, mut stored) = (0, 0);
    let mut faults = Vec::new();
    for &(method, path, who) in ROUTES {
        let Some(schema) = description["paths"][path][method.to_lowercase()]["requestBody"]["content"]
            .get("application/json")
        else {
            continue;
        };
        let mut fields = BTreeSet::new();
        strings(&description, &schema["schema"], "", &mut fields);
        for field in &fields {
            for payload in PAYLOADS {
                tried += 1;
                // Of its own, so that it is looked for where it went.
                let text = format!("{payload}{tried}");
                let mut body = fresh_body(method, path, tried).expect("a body");
                set(&mut body, field, &text);
                let answer = caller(&world, who)
                    .send(method, &address(path), Some(&body))
                    .await;
                match answer.status {
                    200 | 201 => {
                        let echo = answer.json().pointer(field).cloned().unwrap_or_default();
                        let kept: bool = superuser
                            .query_one(STORED, &[&text])
                            .await
                            .expect("a search")
                            .get(0);
                        if !(echo.is_null() || echo == text.as_str()) || is_kept(path, field) && !kept {
                            faults.push(format!("{method} {path} {field} {text}: {}", answer.text()));
                        }
                        stored += usize::from(kept);
                        // A slot for the next one, and a campaign that takes its call.
                        run(
                            &superuser,
                            "select release_call(uniqueid, 'test') from live_calls;
                             update campaigns set paused_until = null, pause_reason = null,
                                                  platform_paused_until = null, platform_pause_reason = null
                              where num_nonnulls(paused_until, platform_paused_until) > 0",
                        )
                        .await;
                    }
                    400 | 401 | 403 | 404 | 409 | 429 => {}
                    _ => faults.push(format!(
                        "{method} {path} {field} {text}: {} {}",
                        answer.status,
                        answer.text()
                    )),
                }
            }
        }
    }
    println!("{tried} bodies, {stored} of them stored");
    assert!(tried > 900 && stored > 250, "{tried} bodies, {stored} stored");
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(ledger(&world.db).await, objects);
    assert_eq!(json_of(&superuser, OTHERS).await, others);
}

#[tokio::test]
async fn a_hostile_question_finds_what_bears_its_name() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    let description = world.api.nobody().get("/openapi.json").await.ok();
    for (n, payload) in PAYLOADS.iter().enumerate() {
        for n in [2 * n, 2 * n + 1] {
            let record = json!({"incomingDidNumber": "+18005550101", "timestampStart": "2026-03-01T09:30:00Z",
                "callStatus": "BUSY", "asteriskUniqueid": format!("{payload}{}", if n % 2 == 0 { "" } else { "-" }),
                "callerIdNum": payload});
            world
                .api
                .switch()
                .post("/api/internal/log_call", record)
                .await
                .ok();
        }
    }
    let (objects, others) = (ledger(&world.db).await, json_of(&superuser, OTHERS).await);
    let rows: i64 = json_of(&superuser, "select count(*) from call_logs")
        .await
        .as_i64()
        .expect("a number");
    let (mut tried, mut found) = (0, 0);
    for &(method, path, who) in ROUTES {
        let visitor = caller(&world, who);
        for payload in PAYLOADS.map(encoded) {
            if path.contains('{') {
                let answer = visitor
                    .send(method, &fill(path, &payload), good_body(method, path).as_ref())
                    .await;
                // A release is for any text: no call of this name is in flight.
                assert!(
                    answer.status == 404 || answer.status == 409,
                    "{}: {}",
                    answer.what,
                    answer.text()
                );
                tried += 1;
            }
        }
        let parameters = &description["paths"][path][method.to_lowercase()]["parameters"];
        for parameter in parameters
            .as_array()
            .into_iter()
            .flatten()
            .filter(|p| p["in"] == "query")
        {
            let name = parameter["name"].as_str().expect("a name");
            let needed = match name {
                "did" => "",
                _ => needed_query(path).trim_start_matches('?'),
            };
            let ask = async |value: &str| {
                let address = format!("{path}?{name}={value}&{needed}");
                visitor.send(method, &address, None).await
            };
            for payload in PAYLOADS {
                let answer = ask(&encoded(payload)).await;
                tried += 1;
                let stored = matches!(name, "caller" | "uniqueid") && path.contains("/logs");
                if !stored {
                    // The same as for any unknown value of that length, which it may repeat.
                    let unknown = "€".repeat(payload.len());
                    let innocent = ask(&encoded(&unknown)).await;
                    let quoted = json!(payload).to_string();
                    let expected = innocent.text().replace(&unknown, quoted.trim_matches('"'));
                    assert_eq!(answer.text(), expected, "{}", answer.what);
                    assert_eq!(answer.status, innocent.status, "{}", answer.what);
                } else if !path.ends_with(".csv") {
                    let column = if name == "caller" {
                        "caller_id_num"
                    } else {
                        "asterisk_uniqueid"
                    };
                    let sql = format!("select count(*) from call_logs where {column} = $1");
                    let bound: i64 = superuser
                        .query_one(&sql, &[&payload])
                        .await
                        .expect("a count")
                        .get(0);
                    assert_eq!(answer.clone().ok()["total"], bound, "{}", answer.what);
                    assert!(bound > 0, "{payload} was recorded as it is");
                    found += 1;
                } else {
                    answer.expect_status(200);
                }
            }
        }
    }
    println!("{tried} questions, {found} of them answered with rows");
    assert!(tried > 400 && found >= 18, "{tried} questions, {found} with rows");
    assert_eq!(json_of(&superuser, "select count(*) from call_logs").await, rows);
    assert_eq!(ledger(&world.db).await, objects);
    assert_eq!(json_of(&superuser, OTHERS).await, others);
}
