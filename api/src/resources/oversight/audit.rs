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
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::Params;
use crate::resources::answers::{BadFilter, Denied};
use crate::resources::logs::filter::{DaysParams, Period};
use crate::store::row::row;
use crate::store::tx::Tx;

/// The fields of `Filter`.
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

/// Which of the changes a list holds.
#[derive(Debug)]
pub struct Filter {
    object_type: Option<String>,
    object_id: Option<String>,
    user_id: Option<i64>,
    action: Option<String>,
    days: Period,
}

impl Filter {
    pub fn read(params: &Params) -> ApiResult<Self> {
        Ok(Filter {
            object_type: params.text("object_type", 63)?.map(table),
            object_id: params.text("object_id", 200)?,
            user_id: params.id("user_id")?,
            action: params.choice("action", ACTIONS)?,
            days: Period::read(params)?,
        })
    }
}

/// Newest first.
pub async fn list(tx: &Tx, filter: &Filter, page: PageRequest) -> ApiResult<Page<AuditEntry>> {
    page.of(
        tx,
        COUNT_AUDIT,
        AUDIT,
        &[
            &filter.object_type,
            &filter.object_id,
            &filter.user_id,
            &filter.action,
            &filter.days.from,
            &filter.days.until,
        ],
    )
    .await
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
    let filter = Filter::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let changes = list(&tx, &filter, page).await?;
    tx.commit().await?;
    Ok(Json(changes))
}
