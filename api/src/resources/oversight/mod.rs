//! What admins and staff see and do over all sellers: numbers and campaigns here, links and the audit beside it.

pub mod audit;
pub mod links;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Denied, NotFound};
use crate::access::caller::Staff;
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::error::{ApiError, ApiResult};
use crate::http::fields::{Fields, Input, Unknown};
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
const CAMPAIGN: &str = "\
    select c.id, c.name, c.status, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, c.user_id,
           u.username, c.created_at, c.updated_at
      from campaigns c join users u on u.id = c.user_id where c.id = $1";
const SET_CAMPAIGN_STATUS: &str = "update campaigns set status = $2 where id = $1";

pub const STAFF_STATEMENTS: &[&str] = &[
    DIDS,
    COUNT_DIDS,
    CAMPAIGNS,
    COUNT_CAMPAIGNS,
    CAMPAIGN,
    SET_CAMPAIGN_STATUS,
];

const CAMPAIGN_STATUSES: &[&str] = &["active", "inactive", "paused"];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(dids))
        .routes(routes!(campaigns))
        .routes(routes!(set_campaign_status))
        .merge(links::router())
        .merge(audit::router())
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
    page.of(tx, COUNT_DIDS, DIDS, &[&number, &user]).await
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
    page.of(tx, COUNT_CAMPAIGNS, CAMPAIGNS, &[&user, &status]).await
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
