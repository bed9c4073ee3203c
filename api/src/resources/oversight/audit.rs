//! The audit: who changed what, over all sellers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::http::list::{Kind, List, Request, filter, list, sorting};
use crate::http::page::{Page, PageParams};
use crate::http::params::Params;
use crate::resources::answers::{BadFilter, Denied};
use crate::store::row::row;
use crate::store::tx::Tx;

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

row! {
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
        #[schema(example = "campaigns")]
        pub object_type: String,
        pub object_id: Option<String>,
        pub before: Option<Value>,
        pub after: Option<Value>,
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
                Kind::Word(63, table),
                "a.object_type = $v",
                "user, client, did, campaign, link …; or the table",
            ),
            filter("object_id", Kind::Text(200), "a.object_id = $v", "one object"),
            filter("user_id", Kind::Id, "a.user_id = $v", "changes by one user"),
            filter("action", Kind::Choice(ACTIONS), "a.action = $v", "what was done"),
        ]],
        days: Some("a.at"),
        sortings: &[sorting("id", "a.id", "")],
        default: "-id",
    };
}

pub async fn list(tx: &Tx, request: &Request<Audit>) -> ApiResult<Page<AuditEntry>> {
    request.page(tx).await
}

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
