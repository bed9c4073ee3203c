//! Calls in flight: /api/seller/live with the own links' use, /api/admin/live the same over all sellers; in pages
//! /api/seller/live_calls and /api/admin/live_calls; and the release of a call by hand.

pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff};
use crate::error::ApiResult;
use crate::http::list::{FiltersOf, Request};
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::Params;
use crate::store::tx::Tx;
use list::{Calls, OwnCalls};
use objects::{Live, LiveCall, Release, Released};
pub use operations::STAFF_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(own_live_calls))
        .routes(routes!(live_of_all))
        .routes(routes!(live_calls))
        .routes(routes!(release))
}

/// What happens now.
///
/// The newest 1,000 own calls in flight, and what 1,000 own links have used of their caps.
#[utoipa::path(get, path = "/api/seller/live", tag = "reports", params(FiltersOf::<OwnCalls>),
    responses((status = 200, description = "The newest 1,000 own calls in flight, and the use of 1,000 own links", body = Live),
              Denied, BadFilter))]
async fn live(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Live>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    let live = operations::own_overview(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(live))
}

/// The own calls in flight.
///
/// By pages: who holds a slot, since when, and whether it rings, talks or ends.
#[utoipa::path(get, path = "/api/seller/live_calls", tag = "reports", params(PageParams, OwnCalls),
    responses((status = 200, description = "The own calls in flight", body = Page<LiveCall>), Denied, BadFilter))]
async fn own_live_calls(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<LiveCall>>> {
    let request = Request::<OwnCalls>::read(&params)?;
    let tx = app.store.read(&seller.identity()).await?;
    let calls = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(calls))
}

/// What happens now, over all sellers.
///
/// The newest 1,000 calls in flight, and 1,000 links with what is used of their caps: those in use, with `user_id` all of this
/// seller's.
#[utoipa::path(get, path = "/api/admin/live", tag = "admin",
    params(FiltersOf::<Calls>),
    responses((status = 200, description = "The newest 1,000 calls in flight, and 1,000 links: those in use, with user_id all of this seller's", body = Live),
              Denied, BadFilter))]
async fn live_of_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Live>> {
    let request = Request::read(&params)?;
    let user_id = params.id("user_id")?;
    let tx = app.store.read(&staff.identity()).await?;
    let live = operations::overview(&tx, &request, user_id).await?;
    tx.commit().await?;
    Ok(Json(live))
}

/// Calls in flight, over all sellers.
///
/// By pages: who holds a slot, since when, and whether it rings, talks or ends.
#[utoipa::path(get, path = "/api/admin/live_calls", tag = "admin",
    params(PageParams, Calls),
    responses((status = 200, description = "Calls in flight", body = Page<LiveCall>), Denied, BadFilter))]
async fn live_calls(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<LiveCall>>> {
    let request = Request::<Calls>::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let calls = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(calls))
}

/// Close a call by hand.
///
/// For a call whose end nobody tells: it is recorded as LOST and its slot is free. Its true record may still come, and replaces
/// that. The switch's call is not ended.
#[utoipa::path(post, path = "/api/admin/live_calls/{uniqueid}/release", tag = "admin",
    params(("uniqueid" = String, Path), OnceHeader), request_body = Release,
    responses((status = 200, description = "Recorded as LOST, its slot is free; audited", body = Released),
              Denied, BadBody, NotFound, Repeated))]
async fn release(
    State(app): State<AppState>,
    staff: Staff,
    Path(uniqueid): Path<String>,
    Post(release, once): Post<Release>,
) -> ApiResult<Answer> {
    let release = async |tx: &Tx| Answer::done(&operations::release(tx, &uniqueid, &release).await?);
    once.run(&app.store, &staff.identity(), release).await
}
