//! For staff: who changed what, newest first, with what was before and after.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value};

use super::frame::{Frame, page};
use super::numbers::{filled, with};
use super::show;
use super::viewer::Staff;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::params::Params;
use crate::resources::oversight::audit::{ACTIONS, Audit, AuditEntry};

/// Of one page.
const MOST: i64 = 50;
/// What every change moves.
const ALWAYS: [&str; 3] = ["updated_at", "created_at", "version"];

pub fn router() -> Router<AppState> {
    Router::new().route("/console/audit", get(audit))
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    entries: Vec<AuditEntry>,
    asked: Params,
    next: String,
}

impl AuditPage {
    fn value(&self, key: &str) -> &str {
        self.asked.raw(key).unwrap_or_default()
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Change {
    key: String,
    before: String,
    after: String,
}

/// Each value that is another than before.
fn changes(entry: &AuditEntry) -> Vec<Change> {
    differences(entry.before.as_ref(), entry.after.as_ref())
}

fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let none = Map::new();
    let object = |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&none).clone();
    let (before, after) = (object(before), object(after));
    let says = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let changed = keys.into_iter().filter(|key| !ALWAYS.contains(&key.as_str()));
    changed
        .map(|key| Change {
            key: key.replace('_', " "),
            before: says(before.get(key)),
            after: says(after.get(key)),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

async fn audit(State(app): State<AppState>, staff: Staff, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    // A filter that does not exist must not show everything.
    app.known_params
        .check_names(Method::GET, "/api/admin/audit", &query)?;
    let asked = Params::parse(&query);
    let tx = app.store.read(&staff.identity()).await?;
    let entries = Request::<Audit>::read(&asked)?.first(&tx, MOST).await?;
    tx.commit().await?;
    let last = entries.last().filter(|_| entries.len() as i64 == MOST);
    page(&AuditPage {
        frame: Frame::of(&staff, "audit"),
        next: last
            .map(|last| with(&query, "before", &last.id.to_string()))
            .unwrap_or_default(),
        entries,
        asked,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_another_than_before_is_told() {
        let before = json!({"max_calls": 40, "note": null, "enforce": true, "version": 1});
        let after = json!({"max_calls": 50, "note": null, "enforce": true, "version": 2});
        let change = |before: &str, after: &str| Change {
            key: "max calls".into(),
            before: before.into(),
            after: after.into(),
        };
        assert_eq!(differences(Some(&before), Some(&after)), [change("40", "50")]);
        assert_eq!(
            differences(None, Some(&json!({"max_calls": 7}))),
            [change("–", "7")]
        );
        assert_eq!(differences(None, None), []);
    }
}
