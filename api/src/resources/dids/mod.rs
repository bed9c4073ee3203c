//! /api/seller/dids: the seller's own numbers.

pub mod import;
pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::{Claimant, Seller};
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::Request;
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use list::Dids;
use objects::{Did, DidChange, NewDid};
pub use operations::SELLER_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .merge(import::router())
}

/// The own numbers.
///
/// By pages, in the order of their digits.
#[utoipa::path(get, path = "/api/seller/dids", tag = "dids",
    params(PageParams, Dids),
    responses((status = 200, description = "The own DIDs", body = Page<Did>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Page<Did>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    let dids = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(dids))
}

/// Add a number.
///
/// In E.164. One that somebody has already is 409 `number_taken`. 403 `claims_closed` where the platform gives numbers out.
#[utoipa::path(post, path = "/api/seller/dids", tag = "dids", params(OnceHeader), request_body = NewDid,
    responses((status = 201, description = "Created", body = Did), Denied, BadBody, Repeated))]
async fn create(
    State(app): State<AppState>,
    seller: Claimant,
    Post(new, once): Post<NewDid>,
) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::created(&operations::create(tx, new).await?);
    once.run(&app.store, &seller.identity(), create).await
}

/// A number of one's own.
///
/// One of somebody else is 404, as one that does not exist.
#[utoipa::path(get, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path)),
    responses((status = 200, description = "The DID", body = Did), Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<Did>> {
    let tx = app.store.read(&seller.identity()).await?;
    let did = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(did))
}

/// Change a number.
///
/// Its status and description. Inactive, it takes no call. The number itself never changes.
#[utoipa::path(method(put, patch), path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path), IfMatchHeader),
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

/// Delete a number.
///
/// It leaves all campaigns, and anybody may add it then. Its call records stay.
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
