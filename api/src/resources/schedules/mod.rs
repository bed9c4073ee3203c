//! Schedules, a seller's own (/api/seller/schedules) and the platform's (/api/admin/schedules), with their exceptions.

pub mod dates;
pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Request as HttpRequest, State};
use axum::http::StatusCode;
use capconduit_core::SetBy;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::{ApiError, ApiResult};
use crate::http::body::{self, MAX_BODY_BYTES, Valid};
use crate::http::fields::Input;
use crate::http::list::{Listed, Request};
use crate::http::once::{Answer, Once, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use list::{OwnSchedules, Schedules};
use objects::{ImportedDates, MoreDates, NewSchedule, Schedule, ScheduleChange};
pub use operations::STATEMENTS;

const CSV: &str = "date,name,opens,closes\n2026-12-24,Christmas Eve,09:00,13:00\n2026-12-25,Christmas,,\n";
const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY:Christmas\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_schedules, create_own))
        .routes(routes!(show_own, update_own, delete_own))
        .routes(routes!(import_own))
        .routes(routes!(schedules, create_of_platform))
        .routes(routes!(show_of_platform, update_of_platform, delete_of_platform))
        .routes(routes!(import_of_platform))
}

async fn page<L: Listed<Item = Schedule>>(
    app: &AppState,
    user: &User,
    params: &Params,
) -> ApiResult<Json<Page<Schedule>>> {
    let request = Request::<L>::read(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let schedules = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(schedules))
}

async fn made(app: &AppState, user: &User, by: SetBy, new: NewSchedule, once: Once) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::created(&operations::create(tx, by, new).await?);
    once.run(&app.store, &user.identity(), create).await
}

async fn shown(app: &AppState, user: &User, id: i64) -> ApiResult<Tagged<Schedule>> {
    let tx = app.store.read(&user.identity()).await?;
    let schedule = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(schedule))
}

async fn changed(
    app: &AppState,
    user: &User,
    by: SetBy,
    id: i64,
    if_match: &IfMatch,
    change: ScheduleChange,
) -> ApiResult<Tagged<Schedule>> {
    let tx = app.store.write(&user.identity()).await?;
    let schedule = operations::update(&tx, by, id, if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(schedule))
}

async fn deleted(
    app: &AppState,
    user: &User,
    by: SetBy,
    id: i64,
    if_match: &IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&user.identity()).await?;
    operations::delete(&tx, by, id, if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn imported(app: &AppState, user: &User, by: SetBy, id: i64, dates: Dates) -> ApiResult<Answer> {
    let Dates { read, once } = dates;
    let import = async |tx: &Tx| Answer::done(&operations::import(tx, by, id, read).await?);
    once.run(&app.store, &user.identity(), import).await
}

/// The body of an import.
struct Dates {
    read: Vec<Value>,
    once: Once,
}

impl<S: Send + Sync> FromRequest<S> for Dates {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest<Body>, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let kind = body::kind(&parts.headers);
        let is_json = body::is_json(&parts.headers);
        if !is_json && !["text/csv", "text/calendar"].contains(&kind.as_str()) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the dates as text/csv, text/calendar or application/json.",
            ));
        }
        let bytes = body::read_up_to(body, MAX_BODY_BYTES).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ApiError::bad_request(
                "empty_body",
                "The body is empty: send dates.",
            ));
        }
        let read = if is_json {
            body::parse::<MoreDates>(&bytes, MoreDates::UNKNOWN)?.exceptions
        } else {
            dates::read(&bytes, kind == "text/csv")?
        };
        Ok(Dates {
            read,
            once: Once::of(&parts, &bytes)?,
        })
    }
}

/// The schedules that one may attach.
///
/// One's own and the platform's, each with whether it is open now, and when it opens and closes next.
#[utoipa::path(get, path = "/api/seller/schedules", tag = "schedules", params(PageParams, OwnSchedules),
    responses((status = 200, description = "The own schedules, and the platform's", body = Page<Schedule>), Denied, BadFilter))]
async fn own_schedules(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<Schedule>>> {
    page::<OwnSchedules>(&app, &seller, &params).await
}

/// Make a schedule.
///
/// A name, a zone, hours by weekday, and dates with other hours or none. It does nothing until a number, a campaign or a link has it
/// as `scheduleId`.
#[utoipa::path(post, path = "/api/seller/schedules", tag = "schedules", params(OnceHeader), request_body = NewSchedule,
    responses((status = 201, description = "Created; attach it by scheduleId", body = Schedule), Denied, BadBody, Repeated))]
async fn create_own(
    State(app): State<AppState>,
    seller: Seller,
    Post(new, once): Post<NewSchedule>,
) -> ApiResult<Answer> {
    made(&app, &seller, SetBy::Seller, new, once).await
}

/// One schedule.
///
/// With its hours and dates, whether it is open now, and when that changes.
#[utoipa::path(get, path = "/api/seller/schedules/{id}", tag = "schedules", params(("id" = i64, Path)),
    responses((status = 200, description = "The schedule", body = Schedule), Denied, NotFound))]
async fn show_own(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<Schedule>> {
    shown(&app, &seller, id).await
}

/// Change a schedule of one's own.
///
/// What is sent replaces what was: `weekly` and `exceptions` as a whole. It ends no call.
#[utoipa::path(method(put, patch), path = "/api/seller/schedules/{id}", tag = "schedules", params(("id" = i64, Path), IfMatchHeader),
    request_body = ScheduleChange,
    responses((status = 200, description = "The schedule as changed; it ends no call", body = Schedule),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update_own(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<ScheduleChange>,
) -> ApiResult<Tagged<Schedule>> {
    changed(&app, &seller, SetBy::Seller, id, &if_match, change).await
}

/// Delete a schedule of one's own.
///
/// Not while something has it: 409.
#[utoipa::path(delete, path = "/api/seller/schedules/{id}", tag = "schedules", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; not while something has it"), Denied, NotFound, Changed, Conflict))]
async fn delete_own(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    deleted(&app, &seller, SetBy::Seller, id, &if_match).await
}

/// Take dates over as exceptions.
///
/// Closed ones out of a calendar, such as a country's holidays; with CSV also ones with other hours. All of them, or none where one is
/// faulty.
#[utoipa::path(post, path = "/api/seller/schedules/{id}/exceptions/import", tag = "schedules", params(("id" = i64, Path), OnceHeader),
    request_body(content((MoreDates = "application/json"), (String = "text/csv", example = json!(CSV)), (String = "text/calendar", example = json!(CALENDAR)))),
    responses((status = 200, description = "All of them, or none where one is faulty", body = ImportedDates),
              Denied, BadBody, NotFound, Repeated))]
async fn import_own(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    dates: Dates,
) -> ApiResult<Answer> {
    imported(&app, &seller, SetBy::Seller, id, dates).await
}

/// Schedules of the platform and of all sellers.
///
/// Each with whether it is open now, and when it opens and closes next.
#[utoipa::path(get, path = "/api/admin/schedules", tag = "admin", params(PageParams, Schedules),
    responses((status = 200, description = "The platform's schedules, and those of all sellers", body = Page<Schedule>), Denied, BadFilter))]
async fn schedules(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<Schedule>>> {
    page::<Schedules>(&app, &staff, &params).await
}

/// Make a schedule of the platform.
///
/// Clients may have it, and every seller may attach it.
#[utoipa::path(post, path = "/api/admin/schedules", tag = "admin", params(OnceHeader), request_body = NewSchedule,
    responses((status = 201, description = "Created; every seller may attach it", body = Schedule), Denied, BadBody, Repeated))]
async fn create_of_platform(
    State(app): State<AppState>,
    staff: Staff,
    Post(new, once): Post<NewSchedule>,
) -> ApiResult<Answer> {
    made(&app, &staff, SetBy::Platform, new, once).await
}

/// One schedule, whosever it is.
///
/// With its hours and dates, whether it is open now, and when that changes.
#[utoipa::path(get, path = "/api/admin/schedules/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, description = "The schedule", body = Schedule), Denied, NotFound))]
async fn show_of_platform(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
) -> ApiResult<Tagged<Schedule>> {
    shown(&app, &staff, id).await
}

/// Change a schedule of the platform.
///
/// What is sent replaces what was: `weekly` and `exceptions` as a whole. It ends no call.
#[utoipa::path(method(put, patch), path = "/api/admin/schedules/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = ScheduleChange,
    responses((status = 200, description = "The schedule as changed; it ends no call", body = Schedule),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update_of_platform(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<ScheduleChange>,
) -> ApiResult<Tagged<Schedule>> {
    changed(&app, &staff, SetBy::Platform, id, &if_match, change).await
}

/// Delete a schedule of the platform.
///
/// Not while something has it: 409.
#[utoipa::path(delete, path = "/api/admin/schedules/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; not while something has it"), Denied, NotFound, Changed, Conflict))]
async fn delete_of_platform(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    deleted(&app, &staff, SetBy::Platform, id, &if_match).await
}

/// Take dates over as exceptions.
///
/// Closed ones out of a calendar, such as a country's holidays; with CSV also ones with other hours. All of them, or none where one is
/// faulty.
#[utoipa::path(post, path = "/api/admin/schedules/{id}/exceptions/import", tag = "admin", params(("id" = i64, Path), OnceHeader),
    request_body(content((MoreDates = "application/json"), (String = "text/csv", example = json!(CSV)), (String = "text/calendar", example = json!(CALENDAR)))),
    responses((status = 200, description = "All of them, or none where one is faulty", body = ImportedDates),
              Denied, BadBody, NotFound, Repeated))]
async fn import_of_platform(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    dates: Dates,
) -> ApiResult<Answer> {
    imported(&app, &staff, SetBy::Platform, id, dates).await
}
