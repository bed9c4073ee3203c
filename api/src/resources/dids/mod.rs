//! /api/seller/dids: the seller's own numbers.

pub mod objects;
mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Seller;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use objects::{Did, DidChange, Filter, NewDid};
pub use operations::SELLER_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

#[utoipa::path(get, path = "/api/seller/dids", tag = "dids",
    params(PageParams, ("number" = Option<String>, Query, description = "this number"),
           ("q" = Option<String>, Query, description = "how the number begins"),
           ("status" = Option<String>, Query, description = "active or inactive"),
           ("campaign_id" = Option<i64>, Query, description = "in this campaign"),
           ("unassigned" = Option<bool>, Query, description = "true: in no campaign; false: in one or more")),
    responses((status = 200, description = "The own DIDs by number", body = Page<Did>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Page<Did>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let filter = Filter::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    let dids = operations::list(&tx, &filter, page).await?;
    tx.commit().await?;
    Ok(Json(dids))
}

#[utoipa::path(post, path = "/api/seller/dids", tag = "dids", request_body = NewDid,
    responses((status = 201, description = "Created", body = Did), Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    seller: Seller,
    Valid(new): Valid<NewDid>,
) -> ApiResult<(StatusCode, Tagged<Did>)> {
    let tx = app.store.write(&seller.identity()).await?;
    let did = operations::create(&tx, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Tagged(did)))
}

#[utoipa::path(get, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path)),
    responses((status = 200, description = "The DID", body = Did), Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<Did>> {
    let tx = app.store.read(&seller.identity()).await?;
    let did = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(did))
}

#[utoipa::path(put, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path), IfMatchHeader),
    request_body = DidChange,
    responses((status = 200, description = "The DID as changed", body = Did), Denied, BadBody, NotFound, Changed))]
async fn update(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<DidChange>,
) -> ApiResult<Tagged<Did>> {
    let tx = app.store.write(&seller.identity()).await?;
    let did = operations::update(&tx, id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(did))
}

#[utoipa::path(delete, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; its call records stay"), Denied, NotFound, Changed))]
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
