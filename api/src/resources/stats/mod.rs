//! /api/seller/stats and /api/admin/stats: what happened in a period, in the caller's time zone, attributed by start time.

pub mod operations;
pub mod report;
pub mod request;
mod statements;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::params::Params;
pub use operations::SELLER_STATEMENTS;
use report::Report;
use request::{Request, StatsParams};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(stats))
        .routes(routes!(stats_of_all))
}

/// What happened to the own calls.
///
/// In a period of days, 30 unless said otherwise, by day, hour, campaign, number, link and client.
#[utoipa::path(get, path = "/api/seller/stats", tag = "reports", params(StatsParams),
    responses((status = 200, description = "What happened to the own calls", body = Report), Denied, BadFilter))]
async fn stats(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Report>> {
    make(&app, &seller, &params).await
}

/// What happened to all calls.
///
/// In a period of days, 30 unless said otherwise, by day, hour, campaign, number, link and client.
#[utoipa::path(get, path = "/api/admin/stats", tag = "admin",
    params(StatsParams, ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "What happened to all calls", body = Report), Denied, BadFilter))]
async fn stats_of_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Report>> {
    make(&app, &staff, &params).await
}

async fn make(app: &AppState, user: &User, params: &Params) -> ApiResult<Json<Report>> {
    let request = Request::read(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let report = operations::report(&tx, request).await?;
    tx.commit().await?;
    Ok(Json(report))
}
