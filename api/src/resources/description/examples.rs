//! Examples of requests and answers: real ones, which a test has recorded (`scripts/generate requests`), and errors as they are
//! written.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::resources::answers::MESSAGES;

/// By operation: what was sent, the status, what was answered.
const RECORDED: &str = include_str!("../../../examples.json");

pub fn add(document: &mut Value) {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap_or_default();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let found = &recorded[format!("{} {path}", method.to_uppercase())];
            if let Some(sent) = found.get("request") {
                show(&mut operation["requestBody"], sent, |kind| kind.ends_with("json"));
            }
            let responses = operation["responses"].as_object_mut().into_iter().flatten();
            for (status, response) in responses {
                if let Some(answer) = found.get("answer").filter(|_| found["status"] == **status) {
                    show(response, answer, |_| true);
                }
                if let Some((kind, problem)) = problem(path, status, response) {
                    show(response, &problem, |other| other == kind);
                }
            }
        }
    }
}

/// In the place of no other.
fn show(body: &mut Value, example: &Value, is_shown: impl Fn(&str) -> bool) {
    let contents: Option<&mut Map<String, Value>> = body.get_mut("content").and_then(Value::as_object_mut);
    for (kind, content) in contents.into_iter().flatten() {
        if is_shown(kind) && content.get("example").is_none() {
            content["example"] = example.clone();
        }
    }
}

/// Whom an address admits.
fn roles(path: &str) -> &'static str {
    if path.starts_with("/api/admin/users") || path.starts_with("/api/auth/password_links") {
        "'admin'"
    } else if path.starts_with("/api/admin") {
        "'admin', 'staff'"
    } else {
        "'user'"
    }
}

/// Its description begins with its codes.
fn problem(path: &str, status: &str, response: &Value) -> Option<(&'static str, Value)> {
    let description = response["description"].as_str()?;
    let code = description.split([',', ':']).next()?;
    let (_, message) = MESSAGES.iter().find(|(known, _)| *known == code)?;
    let message = message.replace("'user'", roles(path));
    let status: StatusCode = status.parse().ok()?;
    if response.pointer("/content/application~1json").is_some() {
        let plain = json!({"status": "error", "code": code, "message": message});
        return Some(("application/json", plain));
    }
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "message": message,
    });
    Some(("application/problem+json", problem))
}
