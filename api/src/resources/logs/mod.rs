//! Call records: /api/seller/logs for the seller's own, /api/admin/logs over all sellers. As pages, by cursor, as CSV.

mod cells;
mod changes;
pub mod export;
pub mod filter;
pub mod operations;
pub mod record;
mod statements;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied, Gone, NotFound};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::csv::StyleParams;
use crate::http::page::{PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::period::DaysParams;
use filter::{AfterParams, Filter, FilterParams};
use record::{CallDetail, LogPage};
pub use statements::{SELLER_STATEMENTS, STAFF_STATEMENTS};

const DEFAULT_PER_PAGE: i64 = 50;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(export))
        .routes(routes!(list_all))
        .routes(routes!(show_any))
        .routes(routes!(export_all))
}

/// The own call records.
///
/// Newest first. `after` pages at any depth; `changed_after` gives each change once, for whoever copies records.
#[utoipa::path(get, path = "/api/seller/logs", tag = "logs",
    params(DaysParams, FilterParams, PageParams, AfterParams),
    responses((status = 200, description = "The own call records, newest first", body = LogPage), Denied, BadFilter, Gone))]
async fn list(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<LogPage>> {
    page(&app, &seller, &params).await
}

/// Call records of all sellers.
///
/// As recorded, newest first; with `user_id` or `campaign_id` by start. `after` pages at any depth; `changed_after` gives each
/// change once, for whoever copies records.
#[utoipa::path(get, path = "/api/admin/logs", tag = "admin",
    params(DaysParams, FilterParams, PageParams, AfterParams,
           ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "All call records. With user_id or campaign_id by start, newest first; \
                else as recorded, newest first", body = LogPage), Denied, BadFilter, Gone))]
async fn list_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<LogPage>> {
    page(&app, &staff, &params).await
}

/// A call record.
///
/// With its attempts, and why each link was or was not taken.
#[utoipa::path(get, path = "/api/seller/logs/{id}", tag = "logs", params(("id" = i64, Path)),
    responses((status = 200, description = "The record, its attempts and the decision", body = CallDetail),
              Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Json<CallDetail>> {
    one(&app, &seller, id).await
}

/// A call record of any seller.
///
/// With its attempts, and why each link was or was not taken.
#[utoipa::path(get, path = "/api/admin/logs/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, description = "The record, its attempts and the decision", body = CallDetail),
              Denied, NotFound))]
async fn show_any(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Json<CallDetail>> {
    one(&app, &staff, id).await
}

/// The own call records, as CSV.
///
/// By the same filters, streamed however many there are. When it cannot be completed, the connection breaks.
#[utoipa::path(get, path = "/api/seller/logs.csv", tag = "logs", params(DaysParams, FilterParams, StyleParams),
    responses((status = 200, description = "The own call records, newest first", content_type = "text/csv", body = String), Denied, BadFilter))]
async fn export(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Response> {
    export::export(app, &seller, &params).await
}

/// Call records of all sellers, as CSV.
///
/// By the same filters, streamed however many there are. When it cannot be completed, the connection breaks.
#[utoipa::path(get, path = "/api/admin/logs.csv", tag = "admin",
    params(DaysParams, FilterParams, StyleParams, ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "All call records", content_type = "text/csv", body = String),
              Denied, BadFilter))]
async fn export_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Response> {
    export::export(app, &staff, &params).await
}

async fn page(app: &AppState, user: &User, params: &Params) -> ApiResult<Json<LogPage>> {
    let request = PageRequest::read(params, DEFAULT_PER_PAGE);
    let changes = changes::Request::read(params, request)?;
    let filter = Filter::read(params)?;
    let after = filter::after(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let page = match changes {
        Some(changes) => changes::read(&tx, user, changes).await?,
        None => operations::page(&tx, user, &filter, after, request).await?,
    };
    tx.commit().await?;
    Ok(Json(page))
}

async fn one(app: &AppState, user: &User, id: i64) -> ApiResult<Json<CallDetail>> {
    let tx = app.store.read(&user.identity()).await?;
    let record = operations::find(&tx, user, id).await?;
    tx.commit().await?;
    Ok(Json(record))
}
