//! The audit: who changed what, over all sellers.

use axum::Json;
use axum::extract::State;
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
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::Params;
use crate::resources::answers::{BadFilter, Denied};
use crate::resources::logs::filter::{DaysParams, Period};

macro_rules! filter {
    () => {
        "($1::text is null or a.object_type = $1) and ($2::text is null or a.object_id = $2) \
         and ($3::bigint is null or a.user_id = $3) and ($4::text is null or a.action = $4) \
         and ($5::timestamptz is null or a.at >= $5) and ($6::timestamptz is null or a.at < $6)"
    };
}

const AUDIT: &str = concat!(
    "select a.id, a.at, a.user_id, u.username, a.db_role, a.action, a.object_type, a.object_id, a.before, a.after \
     from audit_log a left join users u on u.id = a.user_id where ",
    filter!(),
    " order by a.id desc limit $7 offset $8"
);
const COUNT_AUDIT: &str = concat!("select count(*) from audit_log a where ", filter!());

pub const STAFF_STATEMENTS: &[&str] = &[AUDIT, COUNT_AUDIT];

const ACTIONS: &[&str] = &["insert", "update", "delete", "adjust", "release", "reconcile"];

/// The API's words for what the audit names by its table.
const WORDS: &[(&str, &str)] = &[
    ("user", "users"),
    ("token", "api_tokens"),
    ("client", "clients"),
    ("endpoint", "pjsip_endpoints"),
    ("aor", "pjsip_aors"),
    ("auth", "pjsip_auths"),
    ("did", "dids"),
    ("campaign", "campaigns"),
    ("campaign_did", "campaign_dids"),
    ("link", "campaign_client_settings"),
    ("live_call", "live_calls"),
];

fn table(word: String) -> String {
    let found = WORDS.iter().find(|(name, _)| *name == word);
    found.map_or(word, |(_, table)| (*table).to_owned())
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(audit))
}

/// Who changed what. Secrets are never in it: only that one changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuditEntry {
    id: i64,
    at: Instant,
    user_id: Option<i64>,
    username: Option<String>,
    /// The database login, for changes made in SQL.
    db_role: String,
    #[schema(example = "update")]
    action: String,
    #[schema(example = "campaigns")]
    object_type: String,
    object_id: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<&Row> for AuditEntry {
    fn from(row: &Row) -> Self {
        AuditEntry {
            id: row.get(0),
            at: row.get(1),
            user_id: row.get(2),
            username: row.get(3),
            db_role: row.get(4),
            action: row.get(5),
            object_type: row.get(6),
            object_id: row.get(7),
            before: row.get(8),
            after: row.get(9),
        }
    }
}

#[utoipa::path(get, path = "/api/admin/audit", tag = "admin",
    params(PageParams, ("object_type" = Option<String>, Query, description = "user, client, did, campaign, link …; or the table"),
           ("object_id" = Option<String>, Query, description = "one object"),
           ("user_id" = Option<i64>, Query, description = "changes by one user"),
           ("action" = Option<String>, Query, description = "insert, update, delete, adjust, release, reconcile"),
           DaysParams),
    responses((status = 200, description = "Changes, newest first", body = Page<AuditEntry>), Denied, BadFilter))]
async fn audit(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<AuditEntry>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let kind = params.text("object_type", 63)?.map(table);
    let object = params.text("object_id", 200)?;
    let (user, action) = (params.id("user_id")?, params.choice("action", ACTIONS)?);
    let days = Period::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    page.of(
        tx,
        COUNT_AUDIT,
        AUDIT,
        &[&kind, &object, &user, &action, &days.from, &days.until],
    )
    .await
}
