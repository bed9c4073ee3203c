//! The whole surface against every kind of caller, generated from the list of routes and the service's own description:
//! nothing answers the wrong role, everything is described, and only described statuses are ever answered.

use std::collections::BTreeSet;

use capconduit_tests::{Answer, Visitor, project};
use serde_json::{Value, json};

use super::contract::{ROUTES, UNDESCRIBED, Who, fill, good_body, needed_query};
use super::support::World;

const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH"];

/// Which of the sample data's people may use a route.
fn admitted(who: Who, role: &str) -> bool {
    match who {
        Who::Everybody | Who::LoggedIn | Who::Session => true,
        Who::Admin => role == "admin",
        Who::Staff => role == "admin" || role == "staff",
        Who::Seller => role == "user",
        Who::Switch => false,
    }
}

fn required_roles(who: Who) -> &'static str {
    match who {
        Who::Admin => "Required role(s) ['admin'] not met",
        Who::Staff => "Required role(s) ['admin', 'staff'] not met",
        Who::Seller => "Required role(s) ['user'] not met",
        _ => unreachable!("no role is required"),
    }
}

async fn description(world: &World) -> Value {
    world.api.nobody().get("/openapi.json").await.ok()
}

#[tokio::test]
async fn what_is_described_is_what_the_contract_lists() {
    let world = World::new().await;
    let description = description(&world).await;
    assert!(
        description["openapi"]
            .as_str()
            .is_some_and(|v| v.starts_with("3.1"))
    );
    let described: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods.keys().map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let listed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(described, listed);
    for path in UNDESCRIBED {
        world.api.nobody().get(path).await.expect_status(200);
    }
}

/// Objects stand in the description by their names alone: of two with one name, one would be described as the other.
#[test]
fn no_two_described_objects_have_one_name() {
    let mut folders = vec![project::root().join("api/src")];
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("a source");
            for part in source.split("ToSchema)]").skip(1) {
                let declared = part.split_once("struct ").expect("an object").1;
                let name = declared.split(|c: char| !c.is_alphanumeric()).next();
                let name = name.expect("a name").to_owned();
                assert!(names.insert(name.clone()), "{name}, again in {}", path.display());
            }
        }
    }
    assert!(names.len() > 60, "{names:?}");
}

#[tokio::test]
async fn an_address_knows_its_methods_and_no_others() {
    let world = World::new().await;
    let paths: BTreeSet<&str> = ROUTES.iter().map(|(_, path, _)| *path).collect();
    for path in paths {
        let known: Vec<&str> = ROUTES
            .iter()
            .filter(|(_, p, _)| *p == path)
            .map(|(method, _, _)| *method)
            .collect();
        for method in METHODS.iter().filter(|method| !known.contains(method)) {
            let answer = world.admin.send(method, &fill(path, "1"), None).await;
            let allow = answer.header("allow").to_owned();
            answer.problem(405, "method_not_allowed");
            assert!(
                known.iter().all(|method| allow.contains(method)),
                "{path}: Allow: {allow}"
            );
        }
    }
    for path in [
        "/api",
        "/api/seller",
        "/api/seller/dids/1/x",
        "/api/seller/dids/",
        "/metrics",
        "/api/%00",
    ] {
        world.alice.get(path).await.problem(404, "not_found");
    }
}

/// Without a body: what is wrong with the caller comes before anything that is wrong with the request.
#[tokio::test]
async fn no_route_answers_somebody_whom_it_does_not_admit() {
    let world = World::new().await;
    let people = [
        ("admin", &world.admin),
        ("staff", &world.staff),
        ("user", &world.alice),
    ];
    let strangers = [
        ("nobody", world.api.nobody()),
        (
            "a session that never was",
            world.api.nobody().with("cookie", "session=AAAA"),
        ),
        ("a token that never was", world.api.bearer("cct_AAAA")),
        (
            "no token at all",
            world.api.nobody().with("authorization", "Bearer "),
        ),
        (
            "another scheme",
            world.api.nobody().with("authorization", "Basic YTpi"),
        ),
    ];
    for &(method, path, who) in ROUTES {
        let address = fill(path, "1") + needed_query(path);
        if who == Who::Switch {
            for (_, person) in people {
                person
                    .send(method, &address, None)
                    .await
                    .problem(401, "unauthenticated");
            }
        }
        if who == Who::Everybody {
            continue;
        }
        for (name, stranger) in &strangers {
            let answer = stranger.send(method, &address, None).await;
            assert_eq!(answer.status, 401, "{name}: {method} {path}");
            answer.problem(401, "unauthenticated");
        }
        if who != Who::Switch {
            world
                .api
                .switch()
                .send(method, &address, None)
                .await
                .problem(401, "unauthenticated");
        }
        for (role, person) in people {
            if who != Who::Switch && !admitted(who, role) {
                let problem = person
                    .send(method, &address, None)
                    .await
                    .problem(403, "wrong_role");
                assert_eq!(problem["message"], required_roles(who), "{role}: {method} {path}");
            }
        }
    }
}

/// Every route × every person × good and bad requests: only statuses and content types that the description names, and
/// never a 5xx. The world is thrown away afterwards, so the good requests may do what they do.
#[tokio::test]
async fn only_what_is_described_is_answered() {
    let world = World::new().await;
    let description = description(&world).await;
    let switch = world.api.switch();
    for &(method, path, who) in ROUTES {
        // These end the session that everybody else here lives on.
        if path == "/api/auth/logout" {
            continue;
        }
        let callers: &[&Visitor] = match who {
            Who::Switch => &[&switch],
            _ => &[&world.staff, &world.alice, &world.admin],
        };
        let mut bodies = vec![None];
        if let Some(good) = good_body(method, path) {
            let nulls: Value = good
                .as_object()
                .expect("an object")
                .keys()
                .map(|k| (k.clone(), Value::Null))
                .collect();
            let lists: Value = good
                .as_object()
                .expect("an object")
                .keys()
                .map(|k| (k.clone(), json!([{}])))
                .collect();
            bodies.extend([
                Some(json!([])),
                Some(nulls),
                Some(lists),
                Some(json!({"no": "such key"})),
                Some(good),
            ]);
        }
        for caller in callers {
            for id in [
                "0",
                "-1",
                "x",
                "99999999999999999999",
                "4000000",
                "%E2%82%AC",
                "4",
            ] {
                let odd = odd_query(&description["paths"][path][method.to_lowercase()]);
                for query in ["", odd.as_str(), "?no_such_parameter=1", needed_query(path)] {
                    for body in &bodies {
                        let answer = caller
                            .send(method, &(fill(path, id) + query), body.as_ref())
                            .await;
                        assert_described(&description, method, path, &answer);
                    }
                    if method != "GET" {
                        break;
                    }
                }
                if !path.contains('{') {
                    break;
                }
            }
        }
    }
}

/// Every query parameter that the operation has, with a value that few of them take.
fn odd_query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let given: Vec<String> = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| Some(format!("{}=x", parameter["name"].as_str()?)))
        .collect();
    format!("?{}", given.join("&"))
}

fn assert_described(description: &Value, method: &str, path: &str, answer: &Answer) {
    let what = format!("{}: {} {}", answer.what, answer.status, answer.text());
    assert!(answer.status < 500, "{what}");
    let operation = &description["paths"][path][method.to_lowercase()];
    let described = &operation["responses"][answer.status.to_string()];
    assert!(described.is_object(), "not described: {what}");
    let Some(content) = described["content"].as_object() else {
        assert!(answer.body.is_empty(), "no body is described: {what}");
        return;
    };
    let content_type = answer.content_type().split(';').next().unwrap_or_default();
    assert!(
        content.contains_key(content_type),
        "{content_type} is not described: {what}"
    );
}
