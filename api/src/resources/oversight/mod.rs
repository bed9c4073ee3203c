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

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged, Versioned};
use crate::store::tx::Tx;

/// $1: the number, or how it begins; $5: whether it is in no campaign.
macro_rules! did_filter {
    () => {
        "($1::text is null or (d.number collate \"C\" >= $1 and d.number collate \"C\" < $1 || ':')) \
         and ($2::bigint is null or d.user_id = $2) and ($3::text is null or d.status = $3) \
         and ($4::bigint is null or exists (select from campaign_dids m where m.did_id = d.id and m.campaign_id = $4)) \
         and ($5::boolean is null or $5 <> exists (select from campaign_dids m where m.did_id = d.id))"
    };
}

macro_rules! campaign {
    ($rest:literal) => {
        concat!(
            "select c.id, c.name, c.status, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, c.user_id, \
             u.username, c.created_at, c.updated_at, c.version from campaigns c join users u on u.id = c.user_id ",
            $rest
        )
    };
}

macro_rules! campaign_filter {
    () => {
        "($1::bigint is null or c.user_id = $1) and ($2::text is null or c.status = $2) \
         and ($3::text is null or starts_with(lower(c.name), lower($3)))"
    };
}

const DIDS: &str = concat!(
    "select d.id, d.number, d.status, d.description, d.user_id, u.username, d.created_at, d.updated_at, d.version \
     from dids d join users u on u.id = d.user_id where ",
    did_filter!(),
    " order by d.number limit $6 offset $7"
);
const COUNT_DIDS: &str = concat!("select count(*) from dids d where ", did_filter!());
const CAMPAIGNS: &str = concat!(
    campaign!("where "),
    campaign_filter!(),
    " order by u.username, c.name, c.id limit $4 offset $5"
);
const COUNT_CAMPAIGNS: &str = concat!("select count(*) from campaigns c where ", campaign_filter!());
const CAMPAIGN: &str = campaign!("where c.id = $1");
const LOCK_CAMPAIGN: &str = "select version from campaigns where id = $1 for no key update";
const SET_CAMPAIGN_STATUS: &str = "update campaigns set status = $2 where id = $1";

pub const STAFF_STATEMENTS: &[&str] = &[
    DIDS,
    COUNT_DIDS,
    CAMPAIGNS,
    COUNT_CAMPAIGNS,
    CAMPAIGN,
    LOCK_CAMPAIGN,
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
    version: i64,
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
            version: row.get(8),
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
    #[schema(example = 1)]
    version: i64,
}

impl Versioned for OwnedCampaign {
    fn tag(&self) -> String {
        self.version.to_string()
    }
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
            version: row.get(10),
        }
    }
}

#[utoipa::path(get, path = "/api/admin/dids", tag = "admin",
    params(PageParams, ("number" = Option<String>, Query, description = "the number, or how it begins"),
           ("user_id" = Option<i64>, Query, description = "one seller"),
           ("status" = Option<String>, Query, description = "active or inactive"),
           ("campaign_id" = Option<i64>, Query, description = "in this campaign"),
           ("unassigned" = Option<bool>, Query, description = "true: in no campaign; false: in one or more")),
    responses((status = 200, description = "DIDs of all sellers by number", body = Page<OwnedDid>), Denied, BadFilter))]
async fn dids(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<OwnedDid>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (number, user) = (params.number("number")?, params.id("user_id")?);
    let status = params.choice("status", &["active", "inactive"])?;
    let (campaign, unassigned) = (params.id("campaign_id")?, params.flag("unassigned")?);
    let tx = app.store.read(&staff.identity()).await?;
    page.of(
        tx,
        COUNT_DIDS,
        DIDS,
        &[&number, &user, &status, &campaign, &unassigned],
    )
    .await
}

#[utoipa::path(get, path = "/api/admin/campaigns", tag = "admin",
    params(PageParams, ("user_id" = Option<i64>, Query, description = "one seller"),
           ("status" = Option<String>, Query, description = "active, inactive or paused"),
           ("q" = Option<String>, Query, description = "how the name begins, in any case")),
    responses((status = 200, description = "Campaigns of all sellers", body = Page<OwnedCampaign>), Denied, BadFilter))]
async fn campaigns(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<OwnedCampaign>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (user, status) = (params.id("user_id")?, params.choice("status", CAMPAIGN_STATUSES)?);
    let start = params.title("q", 100)?;
    let tx = app.store.read(&staff.identity()).await?;
    page.of(tx, COUNT_CAMPAIGNS, CAMPAIGNS, &[&user, &status, &start])
        .await
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

#[utoipa::path(put, path = "/api/admin/campaigns/{id}/status", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = CampaignStatus,
    responses((status = 200, description = "The campaign as changed", body = OwnedCampaign),
              Denied, BadBody, NotFound, Changed))]
async fn set_campaign_status(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<CampaignStatus>,
) -> ApiResult<Tagged<OwnedCampaign>> {
    let tx = app.store.write(&staff.identity()).await?;
    if_match
        .check(&tx, LOCK_CAMPAIGN, &[&id], async |tx| find_campaign(tx, id).await)
        .await?;
    tx.execute(SET_CAMPAIGN_STATUS, &[&id, &change.status]).await?;
    let campaign = find_campaign(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(campaign))
}

async fn find_campaign(tx: &Tx, id: i64) -> ApiResult<OwnedCampaign> {
    let row = tx.optional_row(CAMPAIGN, &[&id]).await?;
    row.as_ref()
        .map(OwnedCampaign::from)
        .ok_or_else(|| ApiError::not_found(format!("Campaign with ID {id} not found.")))
}
