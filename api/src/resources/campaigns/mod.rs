//! /api/seller/campaigns: the seller's own campaigns. Their DIDs and clients are in `parts`.

pub mod list;
pub mod objects;
pub mod operations;
pub mod overflow;
pub mod parts;
mod presence;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::Seller;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::Request;
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use list::Campaigns;
use objects::{Campaign, CampaignChange, CampaignDetail, NewCampaign};

pub const SELLER_STATEMENTS: &[&[&str]] = &[
    operations::SELLER_STATEMENTS,
    presence::SELLER_STATEMENTS,
    parts::operations::SELLER_STATEMENTS,
];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .merge(parts::router())
}

/// The own campaigns.
///
/// By pages, without their numbers and links.
#[utoipa::path(get, path = "/api/seller/campaigns", tag = "campaigns",
    params(PageParams, Campaigns),
    responses((status = 200, description = "The own campaigns, without their parts", body = Page<Campaign>),
              Denied, BadFilter))]
async fn list(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<Campaign>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    let campaigns = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(campaigns))
}

/// Add a campaign.
///
/// Names are unique among the own ones. Numbers and clients are added to it then.
#[utoipa::path(post, path = "/api/seller/campaigns", tag = "campaigns", params(OnceHeader), request_body = NewCampaign,
    responses((status = 201, description = "Created", body = CampaignDetail), Denied, BadBody, Repeated))]
async fn create(
    State(app): State<AppState>,
    seller: Seller,
    Post(new, once): Post<NewCampaign>,
) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::created(&operations::create(tx, new).await?);
    once.run(&app.store, &seller.identity(), create).await
}

/// A campaign.
///
/// With its numbers, and its links with what is used of them.
#[utoipa::path(get, path = "/api/seller/campaigns/{id}", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The campaign with its DIDs and links", body = CampaignDetail),
              Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<CampaignDetail>> {
    let tx = app.store.read(&seller.identity()).await?;
    let campaign = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(campaign))
}

/// Change a campaign.
///
/// From the next call on. `null` clears what may be empty.
#[utoipa::path(method(put, patch), path = "/api/seller/campaigns/{id}", tag = "campaigns", params(("id" = i64, Path), IfMatchHeader),
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
    let campaign = operations::update(&tx, id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(campaign))
}

/// Delete a campaign.
///
/// With its links; call records stay. 409 while calls are in flight.
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
    operations::delete(&tx, id, &if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
