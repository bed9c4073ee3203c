//! /api/seller/campaigns: the seller's own campaigns. Their DIDs and clients are in `parts`.

mod objects;
mod parts;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Seller;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use objects::{Campaign, CampaignChange, CampaignDetail, CampaignDid, Link, NewCampaign, STATUSES};

macro_rules! filter {
    () => {
        "($1::text is null or status = $1) and ($2::text is null or starts_with(lower(name), lower($2)))"
    };
}

const LIST: &str = concat!(
    "select id, name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, description, created_at, \
     updated_at, version from campaigns where ",
    filter!(),
    " order by name, id limit $3 offset $4"
);
const COUNT: &str = concat!("select count(*) from campaigns where ", filter!());
const ONE: &str = "\
    select id, name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, description, created_at, updated_at,
           version
      from campaigns where id = $1";
pub const LOCK: &str = "select version from campaigns where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from campaigns where id = $1 for update";
const INSERT: &str = "\
    insert into campaigns (user_id, name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, description)
    values (session_user_id(), $1, $2, $3, $4, $5, $6) returning id";
const UPDATE: &str = "\
    update campaigns
       set name = coalesce($2, name), status = coalesce($3, status),
           routing_strategy = coalesce($4, routing_strategy),
           dial_timeout_seconds = coalesce($5, dial_timeout_seconds),
           max_ring_seconds = case when $7 then $6 else max_ring_seconds end,
           description = case when $9 then $8 else description end
     where id = $1";
const DELETE: &str = "delete from campaigns where id = $1";

pub const SELLER_STATEMENTS: &[&[&str]] = &[
    &[LIST, COUNT, ONE, LOCK, LOCK_TO_DELETE, INSERT, UPDATE, DELETE],
    parts::SELLER_STATEMENTS,
];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .merge(parts::router())
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Campaign with ID {id} not found or not owned by user."))
}

fn name_taken(error: ApiError, name: &str) -> ApiError {
    error.or_conflict("campaigns_user_id_name_key", "name_taken", || {
        format!("Campaign name '{name}' already exists")
    })
}

async fn detail(tx: &Tx, id: i64) -> ApiResult<CampaignDetail> {
    let row = tx.optional_row(ONE, &[&id]).await?.ok_or_else(|| unknown(id))?;
    Ok(CampaignDetail {
        campaign: Campaign::from(&row),
        dids: tx
            .rows(parts::DIDS, &[&id])
            .await?
            .iter()
            .map(CampaignDid::from)
            .collect(),
        client_settings: tx
            .rows(parts::LINKS, &[&id])
            .await?
            .iter()
            .map(Link::from)
            .collect(),
    })
}

#[utoipa::path(get, path = "/api/seller/campaigns", tag = "campaigns",
    params(PageParams, ("status" = Option<String>, Query, description = "active, inactive or paused"),
           ("q" = Option<String>, Query, description = "how the name begins, in any case")),
    responses((status = 200, description = "The own campaigns by name, without their parts", body = Page<Campaign>),
              Denied, BadFilter))]
async fn list(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<Campaign>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (status, start) = (params.choice("status", STATUSES)?, params.title("q", 100)?);
    let tx = app.store.read(&seller.identity()).await?;
    page.of(tx, COUNT, LIST, &[&status, &start]).await
}

#[utoipa::path(post, path = "/api/seller/campaigns", tag = "campaigns", request_body = NewCampaign,
    responses((status = 201, description = "Created", body = CampaignDetail), Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    seller: Seller,
    Valid(new): Valid<NewCampaign>,
) -> ApiResult<(StatusCode, Tagged<CampaignDetail>)> {
    let tx = app.store.write(&seller.identity()).await?;
    let row = tx
        .row(
            INSERT,
            &[
                &new.name,
                &new.status,
                &new.routing_strategy,
                &new.dial_timeout_seconds,
                &new.max_ring_seconds,
                &new.description,
            ],
        )
        .await
        .map_err(|error| name_taken(error, &new.name))?;
    let campaign = detail(&tx, row.get(0)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Tagged(campaign)))
}

#[utoipa::path(get, path = "/api/seller/campaigns/{id}", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The campaign with its DIDs and links", body = CampaignDetail),
              Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<CampaignDetail>> {
    let tx = app.store.read(&seller.identity()).await?;
    let campaign = detail(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(campaign))
}

#[utoipa::path(put, path = "/api/seller/campaigns/{id}", tag = "campaigns", params(("id" = i64, Path), IfMatchHeader),
    request_body = CampaignChange,
    responses((status = 200, description = "The campaign as changed", body = CampaignDetail),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<CampaignChange>,
) -> ApiResult<Tagged<CampaignDetail>> {
    let tx = app.store.write(&seller.identity()).await?;
    if_match
        .check(&tx, LOCK, &[&id], async |tx| detail(tx, id).await)
        .await?;
    tx.execute(
        UPDATE,
        &[
            &id,
            &change.name,
            &change.status,
            &change.routing_strategy,
            &change.dial_timeout_seconds,
            &change.max_ring_seconds.flatten(),
            &change.max_ring_seconds.is_some(),
            &change.description.clone().flatten(),
            &change.description.is_some(),
        ],
    )
    .await
    .map_err(|error| name_taken(error, change.name.as_deref().unwrap_or_default()))?;
    let campaign = detail(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(campaign))
}

#[utoipa::path(delete, path = "/api/seller/campaigns/{id}", tag = "campaigns", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted with its links; its call records stay"),
              Denied, NotFound, Changed, Conflict))]
async fn delete(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&seller.identity()).await?;
    if_match
        .check(&tx, LOCK_TO_DELETE, &[&id], async |tx| detail(tx, id).await)
        .await?;
    if tx.execute(DELETE, &[&id]).await? == 0 {
        return Err(unknown(id));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
