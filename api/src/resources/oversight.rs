//! What admins and staff see and do over all sellers: numbers, campaigns, links with their use, status changes, an
//! audited adjustment of a link's total, and the audit itself.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Denied, NotFound};
use super::live::LinkUsage;
use crate::access::caller::Staff;
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::error::{ApiError, ApiResult};
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::serve::state::AppState;

/// $1: digits that the number contains or begins with, the plus included.
const DIDS: &str = "\
    select d.id, d.number, d.status, d.description, d.user_id, u.username, d.created_at, d.updated_at
      from dids d join users u on u.id = d.user_id
     where ($1::text is null or starts_with(d.number, $1)) and ($2::bigint is null or d.user_id = $2)
     order by d.number limit $3 offset $4";
const COUNT_DIDS: &str = "\
    select count(*) from dids d
     where ($1::text is null or starts_with(d.number, $1)) and ($2::bigint is null or d.user_id = $2)";
const CAMPAIGNS: &str = "\
    select c.id, c.name, c.status, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, c.user_id,
           u.username, c.created_at, c.updated_at
      from campaigns c join users u on u.id = c.user_id
     where ($1::bigint is null or c.user_id = $1) and ($2::text is null or c.status = $2)
     order by u.username, c.name, c.id limit $3 offset $4";
const COUNT_CAMPAIGNS: &str = "\
    select count(*) from campaigns c
     where ($1::bigint is null or c.user_id = $1) and ($2::text is null or c.status = $2)";
const LINKS: &str = "\
    select link_id, campaign_id, user_id, campaign_name, client_id, client_identifier, client_name, status, active,
           max_concurrency, counted, total_calls_allowed, remaining
      from link_usage_view
     where ($1::bigint is null or client_id = $1) and ($2::bigint is null or campaign_id = $2)
       and ($3::bigint is null or user_id = $3)
     order by link_id limit $4 offset $5";
const COUNT_LINKS: &str = "\
    select count(*) from link_usage_view
     where ($1::bigint is null or client_id = $1) and ($2::bigint is null or campaign_id = $2)
       and ($3::bigint is null or user_id = $3)";
const LINK: &str = "\
    select link_id, campaign_id, user_id, campaign_name, client_id, client_identifier, client_name, status, active,
           max_concurrency, counted, total_calls_allowed, remaining
      from link_usage_view where link_id = $1";
const CAMPAIGN: &str = "\
    select c.id, c.name, c.status, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, c.user_id,
           u.username, c.created_at, c.updated_at
      from campaigns c join users u on u.id = c.user_id where c.id = $1";
const SET_CAMPAIGN_STATUS: &str = "update campaigns set status = $2 where id = $1";
const SET_LINK_STATUS: &str = "update campaign_client_settings set status = $2 where id = $1";
const ADJUST: &str = "select status from adjust_link_total($1, $2, $3)";
const AUDIT: &str = "\
    select a.id, a.at, a.user_id, u.username, a.db_role, a.action, a.object_type, a.object_id, a.before, a.after
      from audit_log a left join users u on u.id = a.user_id
     where ($1::text is null or a.object_type = $1) and ($2::text is null or a.object_id = $2)
       and ($3::bigint is null or a.user_id = $3) and ($4::text is null or a.action = $4)
     order by a.id desc limit $5 offset $6";
const COUNT_AUDIT: &str = "\
    select count(*) from audit_log a
     where ($1::text is null or a.object_type = $1) and ($2::text is null or a.object_id = $2)
       and ($3::bigint is null or a.user_id = $3) and ($4::text is null or a.action = $4)";

pub const STAFF_STATEMENTS: &[&str] = &[
    DIDS,
    COUNT_DIDS,
    CAMPAIGNS,
    COUNT_CAMPAIGNS,
    LINKS,
    COUNT_LINKS,
    LINK,
    CAMPAIGN,
    SET_CAMPAIGN_STATUS,
    SET_LINK_STATUS,
    ADJUST,
    AUDIT,
    COUNT_AUDIT,
];

const CAMPAIGN_STATUSES: &[&str] = &["active", "inactive", "paused"];
const ACTIONS: &[&str] = &["insert", "update", "delete", "adjust", "release", "reconcile"];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(dids))
        .routes(routes!(campaigns))
        .routes(routes!(set_campaign_status))
        .routes(routes!(links))
        .routes(routes!(set_link_status))
        .routes(routes!(adjust))
        .routes(routes!(audit))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OwnedDid {
    id: i64,
    #[schema(example = "+18005550101")]
    number: String,
    status: String,
    description: Option<String>,
    user_id: i64,
    #[schema(example = "seller_alice")]
    username: String,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Row> for OwnedDid {
    fn from(row: &Row) -> Self {
        OwnedDid {
            id: row.get(0),
            number: row.get(1),
            status: row.get(2),
            description: row.get(3),
            user_id: row.get(4),
            username: row.get(5),
            created_at: row.get(6),
            updated_at: row.get(7),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OwnedCampaign {
    id: i64,
    name: String,
    status: String,
    routing_strategy: String,
    dial_timeout_seconds: i32,
    max_ring_seconds: Option<i32>,
    user_id: i64,
    #[schema(example = "seller_alice")]
    username: String,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Row> for OwnedCampaign {
    fn from(row: &Row) -> Self {
        OwnedCampaign {
            id: row.get(0),
            name: row.get(1),
            status: row.get(2),
            routing_strategy: row.get(3),
            dial_timeout_seconds: row.get(4),
            max_ring_seconds: row.get(5),
            user_id: row.get(6),
            username: row.get(7),
            created_at: row.get(8),
            updated_at: row.get(9),
        }
    }
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

#[utoipa::path(get, path = "/api/admin/dids", tag = "admin",
    params(PageParams, ("number" = Option<String>, Query, description = "the number, or how it begins"),
           ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "DIDs of all sellers by number", body = Page<OwnedDid>), Denied, BadFilter))]
async fn dids(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<OwnedDid>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let user = params.id("user_id")?;
    // A plus that was not escaped arrives as a blank.
    let number = params
        .text("number", 50)?
        .map(|text| format!("+{}", text.trim().trim_start_matches('+')));
    let tx = app.store.read(&staff.identity()).await?;
    let total = tx.row(COUNT_DIDS, &[&number, &user]).await?.get(0);
    let rows = tx
        .rows(DIDS, &[&number, &user, &page.per_page, &page.offset()])
        .await?;
    tx.commit().await?;
    Ok(Json(page.of(rows.iter().map(OwnedDid::from).collect(), total)))
}

#[utoipa::path(get, path = "/api/admin/campaigns", tag = "admin",
    params(PageParams, ("user_id" = Option<i64>, Query, description = "one seller"),
           ("status" = Option<String>, Query, description = "active, inactive or paused")),
    responses((status = 200, description = "Campaigns of all sellers", body = Page<OwnedCampaign>), Denied, BadFilter))]
async fn campaigns(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<OwnedCampaign>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (user, status) = (params.id("user_id")?, params.choice("status", CAMPAIGN_STATUSES)?);
    let tx = app.store.read(&staff.identity()).await?;
    let total = tx.row(COUNT_CAMPAIGNS, &[&user, &status]).await?.get(0);
    let rows = tx
        .rows(CAMPAIGNS, &[&user, &status, &page.per_page, &page.offset()])
        .await?;
    tx.commit().await?;
    Ok(Json(
        page.of(rows.iter().map(OwnedCampaign::from).collect(), total),
    ))
}

#[derive(Debug, ToSchema)]
struct CampaignStatus {
    #[schema(pattern = "^(active|inactive|paused)$", example = "paused")]
    status: String,
}

impl Input for CampaignStatus {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        CampaignStatus {
            status: f.required_choice("status", CAMPAIGN_STATUSES),
        }
    }
}

#[utoipa::path(put, path = "/api/admin/campaigns/{id}/status", tag = "admin", params(("id" = i64, Path)),
    request_body = CampaignStatus,
    responses((status = 200, description = "The campaign as changed", body = OwnedCampaign),
              Denied, BadBody, NotFound))]
async fn set_campaign_status(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Valid(change): Valid<CampaignStatus>,
) -> ApiResult<Json<OwnedCampaign>> {
    let tx = app.store.write(&staff.identity()).await?;
    tx.execute(SET_CAMPAIGN_STATUS, &[&id, &change.status]).await?;
    let row = tx.optional_row(CAMPAIGN, &[&id]).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("Campaign with ID {id} not found.")))?;
    tx.commit().await?;
    Ok(Json(OwnedCampaign::from(&row)))
}

#[utoipa::path(get, path = "/api/admin/links", tag = "admin",
    params(PageParams, ("client_id" = Option<i64>, Query, description = "one client"),
           ("campaign_id" = Option<i64>, Query, description = "one campaign"),
           ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "Links with what is used of their caps", body = Page<LinkUsage>),
              Denied, BadFilter))]
async fn links(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<LinkUsage>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (client, campaign, user) = (
        params.id("client_id")?,
        params.id("campaign_id")?,
        params.id("user_id")?,
    );
    let tx = app.store.read(&staff.identity()).await?;
    let total = tx.row(COUNT_LINKS, &[&client, &campaign, &user]).await?.get(0);
    let rows = tx
        .rows(
            LINKS,
            &[&client, &campaign, &user, &page.per_page, &page.offset()],
        )
        .await?;
    tx.commit().await?;
    Ok(Json(page.of(rows.iter().map(LinkUsage::from).collect(), total)))
}

fn unknown_link(id: i64) -> ApiError {
    ApiError::not_found(format!("Link with ID {id} not found."))
}

#[derive(Debug, ToSchema)]
struct LinkStatus {
    #[schema(pattern = "^(active|inactive)$", example = "inactive")]
    status: String,
}

impl Input for LinkStatus {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        LinkStatus {
            status: f.required_choice("status", &["active", "inactive"]),
        }
    }
}

#[utoipa::path(put, path = "/api/admin/links/{id}/status", tag = "admin", params(("id" = i64, Path)),
    request_body = LinkStatus,
    responses((status = 200, description = "The link as changed", body = LinkUsage), Denied, BadBody, NotFound))]
async fn set_link_status(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Valid(change): Valid<LinkStatus>,
) -> ApiResult<Json<LinkUsage>> {
    let tx = app.store.write(&staff.identity()).await?;
    tx.execute(SET_LINK_STATUS, &[&id, &change.status]).await?;
    let row = tx
        .optional_row(LINK, &[&id])
        .await?
        .ok_or_else(|| unknown_link(id))?;
    tx.commit().await?;
    Ok(Json(LinkUsage::from(&row)))
}

#[derive(Debug, ToSchema)]
struct Adjustment {
    /// What is added to the link's total; negative takes away.
    #[schema(example = -1)]
    delta: i64,
    #[schema(min_length = 1, max_length = 255, example = "call 42 was a test")]
    reason: String,
}

impl Input for Adjustment {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let delta = f.required_int("delta", -1_000_000_000..=1_000_000_000);
        if delta == 0 && f.has("delta") {
            f.error("delta", "Must not be 0.");
        }
        Adjustment {
            delta,
            reason: f.required_text("reason", &Text::name(1, 255)),
        }
    }
}

#[utoipa::path(post, path = "/api/admin/links/{id}/adjust", tag = "admin", params(("id" = i64, Path)),
    request_body = Adjustment,
    responses((status = 200, description = "The link with its new total; audited", body = LinkUsage),
              Denied, BadBody, NotFound))]
async fn adjust(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Valid(adjustment): Valid<Adjustment>,
) -> ApiResult<Json<LinkUsage>> {
    let tx = app.store.write(&staff.identity()).await?;
    tx.row(ADJUST, &[&id, &adjustment.delta, &adjustment.reason])
        .await?;
    let row = tx
        .optional_row(LINK, &[&id])
        .await?
        .ok_or_else(|| unknown_link(id))?;
    tx.commit().await?;
    Ok(Json(LinkUsage::from(&row)))
}

#[utoipa::path(get, path = "/api/admin/audit", tag = "admin",
    params(PageParams, ("object_type" = Option<String>, Query, description = "the table: users, campaigns …"),
           ("object_id" = Option<String>, Query, description = "one object"),
           ("user_id" = Option<i64>, Query, description = "changes by one user"),
           ("action" = Option<String>, Query, description = "insert, update, delete, adjust, release, reconcile")),
    responses((status = 200, description = "Changes, newest first", body = Page<AuditEntry>), Denied, BadFilter))]
async fn audit(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<AuditEntry>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (kind, object) = (params.text("object_type", 63)?, params.text("object_id", 200)?);
    let (user, action) = (params.id("user_id")?, params.choice("action", ACTIONS)?);
    let tx = app.store.read(&staff.identity()).await?;
    let total = tx
        .row(COUNT_AUDIT, &[&kind, &object, &user, &action])
        .await?
        .get(0);
    let rows = tx
        .rows(
            AUDIT,
            &[&kind, &object, &user, &action, &page.per_page, &page.offset()],
        )
        .await?;
    tx.commit().await?;
    Ok(Json(page.of(rows.iter().map(AuditEntry::from).collect(), total)))
}
