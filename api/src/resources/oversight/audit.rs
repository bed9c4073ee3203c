//! The audit: who changed what, over all sellers. As pages, as CSV.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::http::csv::{self, Batches, Line, Style, StyleParams};
use crate::http::list::{FiltersOf, Kind, List, Request, filter, list, sorting};
use crate::http::page::{Page, PageParams};
use crate::http::params::Params;
use crate::http::period::Period;
use crate::resources::answers::{BadFilter, Denied};
use crate::store::identity::Identity;
use crate::store::tx::{PLAN_FOR_VALUES, Tx};

pub const ACTIONS: &[&str] = &[
    "insert",
    "update",
    "delete",
    "adjust",
    "release",
    "reconcile",
    "login",
    "login_failed",
];

/// The API's words, each with the tables in which its history is written. A table's word is the first that has it: the id that the
/// audit names for a row there is that object's.
const WORDS: &[(&str, &[&str])] = &[
    ("user", &["users", "password_links", "second_factors"]),
    ("token", &["api_tokens"]),
    (
        "client",
        &["clients", "pjsip_endpoints", "pjsip_aors", "pjsip_auths"],
    ),
    ("endpoint", &["pjsip_endpoints"]),
    ("aor", &["pjsip_aors"]),
    ("auth", &["pjsip_auths"]),
    ("did", &["dids"]),
    ("campaign", &["campaigns", "campaign_dids"]),
    ("campaign_did", &["campaign_dids"]),
    ("link", &["campaign_client_settings", "link_counters"]),
    ("cap", &["caps"]),
    ("caller", &["caller_marks"]),
    ("schedule", &["schedules"]),
    ("live_call", &["live_calls"]),
    ("node", &["nodes"]),
];

fn tables(word: String) -> Vec<String> {
    match WORDS.iter().find(|(name, _)| *name == word) {
        Some((_, tables)) => tables.iter().map(|table| (*table).to_owned()).collect(),
        None => vec![word],
    }
}

fn word(table: &str) -> &str {
    let found = WORDS.iter().find(|(_, tables)| tables.contains(&table));
    found.map_or(table, |(word, _)| word)
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(audit))
        .routes(routes!(export_audit))
}

/// Who changed what. Secrets are never in it: only that one changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub id: i64,
    pub at: Instant,
    pub user_id: Option<i64>,
    pub username: Option<String>,
    /// The database login, for changes made in SQL.
    pub db_role: String,
    #[schema(example = "update")]
    pub action: String,
    /// What was changed, in the API's words: the object whose id is `objectId`.
    #[schema(example = "link")]
    pub kind: String,
    /// The table in which it was changed.
    #[schema(example = "campaign_client_settings")]
    pub object_type: String,
    pub object_id: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl From<&Row> for AuditEntry {
    fn from(row: &Row) -> Self {
        let object_type: String = row.get("object_type");
        AuditEntry {
            id: row.get("id"),
            at: row.get("at"),
            user_id: row.get("user_id"),
            username: row.get("username"),
            db_role: row.get("db_role"),
            action: row.get("action"),
            kind: word(&object_type).to_owned(),
            object_type,
            object_id: row.get("object_id"),
            before: row.get("before"),
            after: row.get("after"),
        }
    }
}

list! {
    pub Audit of AuditEntry = List {
        columns: "a.id, a.at, a.user_id, u.username, a.db_role, a.action, a.object_type, a.object_id, a.before, a.after",
        from: "audit_log a",
        joins: "left join users u on u.id = a.user_id",
        filters: &[&[
            filter(
                "object_type",
                Kind::Words(63, tables),
                "a.object_type = any ($v)",
                "user, client, did, campaign, link …, with what belongs to it; or one table",
            ),
            filter("object_id", Kind::Text(200), "a.object_id = $v", "one object"),
            filter("user_id", Kind::Id, "a.user_id = $v", "changes by one user"),
            filter("action", Kind::Choice(ACTIONS), "a.action = $v", "what was done"),
            filter("before", Kind::Id, "a.id < $v", "older than the entry of this id"),
        ]],
        days: Some("a.at"),
        sortings: &[sorting("id", "a.id", "")],
        default: "-id",
    };
}

pub async fn list(tx: &Tx, request: &Request<Audit>) -> ApiResult<Page<AuditEntry>> {
    request.page(tx).await
}

/// Who changed what.
///
/// Newest first, logins included. `object_type` takes the API's words, and finds an object with what belongs to it.
#[utoipa::path(get, path = "/api/admin/audit", tag = "admin",
    params(PageParams, Audit),
    responses((status = 200, description = "Changes", body = Page<AuditEntry>), Denied, BadFilter))]
async fn audit(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<AuditEntry>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let changes = list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(changes))
}

/// Who changed what, as CSV.
///
/// By the same filters, streamed however long it is. When it cannot be completed, the connection breaks.
#[utoipa::path(get, path = "/api/admin/audit.csv", tag = "admin",
    params(FiltersOf<Audit>, StyleParams),
    responses((status = 200, description = "Changes, newest first", content_type = "text/csv", body = String),
              Denied, BadFilter))]
async fn export_audit(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Response> {
    let export = Export {
        style: Style::read(&params)?,
        zone: Period::read(&params)?.zone,
        identity: staff.identity(),
        params,
        app,
    };
    csv::export(export, HEADER.to_owned(), "audit.csv").await
}

/// Fewer than of call records: what was before and after may be long.
const BATCH: i64 = 500;

const HEADER: &str = "id,at,userId,username,dbRole,action,kind,objectType,objectId,before,after";

struct Export {
    app: AppState,
    style: Style,
    zone: TimeZone,
    identity: Identity,
    /// Those of the next batch.
    params: Params,
}

impl Batches for Export {
    async fn batch(&mut self, text: &mut String) -> ApiResult<bool> {
        let request = Request::<Audit>::read(&self.params)?;
        let tx = self.app.store.read(&self.identity).await?;
        tx.set(PLAN_FOR_VALUES).await?;
        let entries = request.first(&tx, BATCH).await?;
        tx.commit().await?;
        if let Some(last) = entries.last() {
            self.params = self.params.with("before", last.id.to_string());
        }
        for entry in &entries {
            line(text, entry, self.style, &self.zone);
        }
        Ok(entries.len() as i64 == BATCH)
    }
}

/// Appends the entry.
fn line(out: &mut String, entry: &AuditEntry, style: Style, zone: &TimeZone) {
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let mut line = Line::begin(out, style, zone);
    line.value(Some(entry.id));
    line.instant(Some(entry.at));
    line.value(entry.user_id);
    line.text(entry.username.as_deref());
    line.text(Some(&entry.db_role));
    line.text(Some(&entry.action));
    line.text(Some(&entry.kind));
    line.text(Some(&entry.object_type));
    line.text(entry.object_id.as_deref());
    line.text(json(&entry.before).as_deref());
    line.text(json(&entry.after).as_deref());
    line.end();
}
