//! Call records: /api/seller/logs for the seller's own, /api/admin/logs over all sellers. As pages, by cursor, as CSV.

mod csv;
pub mod filter;
mod record;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::{ApiError, ApiResult};
use crate::http::page::{PageParams, PageRequest, pages};
use crate::http::params::{Id, Params};
use crate::store::identity::DbRole;
use crate::store::tx::{PLAN_FOR_VALUES, Tx};
use csv::StyleParams;
use filter::{Cursor, DaysParams, Filter, FilterParams};
use record::{CallDetail, CallRecord};

const DEFAULT_PER_PAGE: i64 = 50;

pub const SELLER_STATEMENTS: &[&str] = &[
    record::BY_PAGE,
    record::BY_CURSOR,
    record::COUNT,
    record::ONE,
    record::ATTEMPTS,
];
pub const STAFF_STATEMENTS: &[&str] = &[record::BY_PAGE_AS_RECORDED, record::BY_CURSOR_AS_RECORDED];

/// `page`, `total` and `pages` are there in the page form only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LogPage {
    items: Vec<CallRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<i64>,
    per_page: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<i64>,
    /// What `after` takes to go on; null at the end.
    next_cursor: Option<String>,
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(export))
        .routes(routes!(list_all))
        .routes(routes!(show_any))
        .routes(routes!(export_all))
}

#[utoipa::path(get, path = "/api/seller/logs", tag = "logs",
    params(DaysParams, FilterParams, PageParams, ("after" = Option<String>, Query, description = "cursor; empty: the first page")),
    responses((status = 200, description = "The own call records, newest first", body = LogPage), Denied, BadFilter))]
async fn list(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<LogPage>> {
    page(&app, &seller, &params).await
}

#[utoipa::path(get, path = "/api/admin/logs", tag = "admin",
    params(DaysParams, FilterParams, PageParams, ("after" = Option<String>, Query, description = "cursor; empty: the first page"),
           ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "All call records. With user_id or campaign_id by start, newest first; \
                else as recorded, newest first", body = LogPage), Denied, BadFilter))]
async fn list_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<LogPage>> {
    page(&app, &staff, &params).await
}

#[utoipa::path(get, path = "/api/seller/logs/{id}", tag = "logs", params(("id" = i64, Path)),
    responses((status = 200, description = "The record, its attempts and the decision", body = CallDetail),
              Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Json<CallDetail>> {
    detail(&app, &seller, id).await
}

#[utoipa::path(get, path = "/api/admin/logs/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, description = "The record, its attempts and the decision", body = CallDetail),
              Denied, NotFound))]
async fn show_any(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Json<CallDetail>> {
    detail(&app, &staff, id).await
}

#[utoipa::path(get, path = "/api/seller/logs.csv", tag = "logs", params(DaysParams, FilterParams, StyleParams),
    responses((status = 200, description = "The own call records, newest first", content_type = "text/csv", body = String), Denied, BadFilter))]
async fn export(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Response> {
    csv::export(app, &seller, &params).await
}

#[utoipa::path(get, path = "/api/admin/logs.csv", tag = "admin",
    params(DaysParams, FilterParams, StyleParams, ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "All call records", content_type = "text/csv", body = String),
              Denied, BadFilter))]
async fn export_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Response> {
    csv::export(app, &staff, &params).await
}

/// Which statements give the records in an order that an index has.
#[derive(Debug, Clone, Copy)]
struct Order {
    by_page: &'static str,
    by_cursor: &'static str,
}

fn order(user: &User, filter: &Filter) -> Order {
    if user.identity().role == DbRole::Seller || filter.has_owner() {
        Order {
            by_page: record::BY_PAGE,
            by_cursor: record::BY_CURSOR,
        }
    } else {
        Order {
            by_page: record::BY_PAGE_AS_RECORDED,
            by_cursor: record::BY_CURSOR_AS_RECORDED,
        }
    }
}

fn is_staff(user: &User) -> bool {
    user.identity().role == DbRole::Staff
}

async fn page(app: &AppState, user: &User, params: &Params) -> ApiResult<Json<LogPage>> {
    let request = PageRequest::read(params, DEFAULT_PER_PAGE);
    let filter = Filter::read(params)?;
    let after = filter::after(params)?;
    let order = order(user, &filter);
    let tx = app.store.read(&user.identity()).await?;
    tx.set(PLAN_FOR_VALUES).await?;
    // One more than asked for tells whether there is more.
    let limit = request.per_page + 1;
    let (rows, total) = match after {
        Some(cursor) => (after_cursor(&tx, order, &filter, cursor, limit).await?, None),
        None => {
            let total: i64 = tx.row(record::COUNT, &filter.args()).await?.get(0);
            let offset = request.offset();
            let args: Vec<_> = filter
                .args()
                .into_iter()
                .chain([&limit as _, &offset as _])
                .collect();
            (tx.rows(order.by_page, &args).await?, Some(total))
        }
    };
    tx.commit().await?;
    let mut items: Vec<CallRecord> = rows
        .iter()
        .map(|row| CallRecord::from_row(row, is_staff(user)))
        .collect();
    let more = rows.len() as i64 == limit;
    items.truncate(rows.len().min(request.per_page as usize));
    Ok(Json(LogPage {
        next_cursor: items.last().filter(|_| more).map(|last| last.cursor().encode()),
        page: total.map(|_| request.page),
        per_page: request.per_page,
        pages: total.map(|total| pages(total, request.per_page)),
        total,
        items,
    }))
}

async fn after_cursor(
    tx: &Tx,
    order: Order,
    filter: &Filter,
    cursor: Option<Cursor>,
    limit: i64,
) -> ApiResult<Vec<tokio_postgres::Row>> {
    let start = cursor.map(|cursor| cursor.start);
    let id = cursor.map(|cursor| cursor.id);
    let args: Vec<_> = filter
        .args()
        .into_iter()
        .chain([&limit as _, &start as _, &id as _])
        .collect();
    tx.rows(order.by_cursor, &args).await
}

async fn detail(app: &AppState, user: &User, id: i64) -> ApiResult<Json<CallDetail>> {
    let tx = app.store.read(&user.identity()).await?;
    let row = tx
        .optional_row(record::ONE, &[&id])
        .await?
        .ok_or_else(|| ApiError::not_found(format!("Call log with ID {id} not found.")))?;
    let uniqueid: String = row.get(24);
    let failed = tx.rows(record::ATTEMPTS, &[&uniqueid]).await?;
    tx.commit().await?;
    Ok(Json(CallDetail::new(&row, &failed, is_staff(user))))
}
