//! Caps: how many calls a link, a number, a campaign or a seller may have over an hour, a day and longer, set by the seller
//! (/api/seller/caps) or by the platform (/api/admin/caps), which may also set caps of a client over all its links.

pub mod events;
pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use capconduit_core::SetBy;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound, Repeated};
use super::links::objects::Adjustment;
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::{Listed, Request};
use crate::http::once::{Answer, Once, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use list::{Caps, OwnCaps};
use objects::{Cap, CapChange, NewCap};
pub use operations::{STAFF_STATEMENTS, STATEMENTS};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_caps, create_own))
        .routes(routes!(show_own, update_own, delete_own))
        .routes(routes!(caps, create))
        .routes(routes!(show, update, delete))
        .routes(routes!(adjust_use))
        .merge(events::router())
}

async fn page<L: Listed<Item = Cap>>(
    app: &AppState,
    user: &User,
    params: &Params,
) -> ApiResult<Json<Page<Cap>>> {
    let request = Request::<L>::read(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let caps = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(caps))
}

async fn made(app: &AppState, user: &User, by: SetBy, new: NewCap, once: Once) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::created(&operations::create(tx, by, new).await?);
    once.run(&app.store, &user.identity(), create).await
}

async fn shown(app: &AppState, user: &User, id: i64) -> ApiResult<Tagged<Cap>> {
    let tx = app.store.read(&user.identity()).await?;
    let cap = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(cap))
}

async fn changed(
    app: &AppState,
    user: &User,
    by: SetBy,
    id: i64,
    if_match: &IfMatch,
    change: CapChange,
) -> ApiResult<Tagged<Cap>> {
    let tx = app.store.write(&user.identity()).await?;
    let cap = operations::update(&tx, by, id, if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(cap))
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

/// Caps of the own links.
///
/// With what is used of each in its present window, what remains, and when that ends.
#[utoipa::path(get, path = "/api/seller/caps", tag = "caps", params(PageParams, OwnCaps),
    responses((status = 200, description = "Caps of one's own with what is used of them", body = Page<Cap>), Denied, BadFilter))]
async fn own_caps(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Page<Cap>>> {
    page::<OwnCaps>(&app, &seller, &params).await
}

/// Cap a link, a number, a campaign, or oneself.
///
/// So many offered, answered or qualified calls in an hour, a day, a week, a month or in total, or at one time. It counts what
/// its window has had already. A second one of the same kind is 409 `cap_exists`.
#[utoipa::path(post, path = "/api/seller/caps", tag = "caps", params(OnceHeader), request_body = NewCap,
    responses((status = 201, description = "Created; it counts what its window has had already", body = Cap),
              Denied, BadBody, NotFound, Repeated))]
async fn create_own(
    State(app): State<AppState>,
    seller: Seller,
    Post(new, once): Post<NewCap>,
) -> ApiResult<Answer> {
    made(&app, &seller, SetBy::Seller, new, once).await
}

/// A cap of one's own.
///
/// With what is used of it now.
#[utoipa::path(get, path = "/api/seller/caps/{id}", tag = "caps", params(("id" = i64, Path)),
    responses((status = 200, description = "The cap", body = Cap), Denied, NotFound))]
async fn show_own(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<Cap>> {
    shown(&app, &seller, id).await
}

/// Change a cap.
///
/// Its limit, whether it is enforced, and its note. It ends no call. One that the platform has set is 403 `set_by_another`.
#[utoipa::path(method(put, patch), path = "/api/seller/caps/{id}", tag = "caps", params(("id" = i64, Path), IfMatchHeader),
    request_body = CapChange,
    responses((status = 200, description = "The cap as changed; it ends no call", body = Cap), Denied, BadBody, NotFound, Changed))]
async fn update_own(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<CapChange>,
) -> ApiResult<Tagged<Cap>> {
    changed(&app, &seller, SetBy::Seller, id, &if_match, change).await
}

/// Delete a cap.
///
/// What was used is not forgotten: made again, it goes on counting.
#[utoipa::path(delete, path = "/api/seller/caps/{id}", tag = "caps", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; made again, it goes on counting"), Denied, NotFound, Changed))]
async fn delete_own(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    deleted(&app, &seller, SetBy::Seller, id, &if_match).await
}

/// Caps of all links and clients.
///
/// With what is used of each in its present window, what remains, and when that ends.
#[utoipa::path(get, path = "/api/admin/caps", tag = "admin", params(PageParams, Caps),
    responses((status = 200, description = "All caps with what is used of them", body = Page<Cap>), Denied, BadFilter))]
async fn caps(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<Cap>>> {
    page::<Caps>(&app, &staff, &params).await
}

/// Cap a link, a client, a number, a campaign or a seller.
///
/// A cap of the platform, which no seller can change. It counts what its window has had already. A second one of the same kind is
/// 409 `cap_exists`.
#[utoipa::path(post, path = "/api/admin/caps", tag = "admin", params(OnceHeader), request_body = NewCap,
    responses((status = 201, description = "Created; it counts what its window has had already", body = Cap),
              Denied, BadBody, NotFound, Repeated))]
async fn create(
    State(app): State<AppState>,
    staff: Staff,
    Post(new, once): Post<NewCap>,
) -> ApiResult<Answer> {
    made(&app, &staff, SetBy::Platform, new, once).await
}

/// A cap.
///
/// With what is used of it now.
#[utoipa::path(get, path = "/api/admin/caps/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, description = "The cap", body = Cap), Denied, NotFound))]
async fn show(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Tagged<Cap>> {
    shown(&app, &staff, id).await
}

/// Change a cap of the platform.
///
/// Its limit, whether it is enforced, and its note. It ends no call. One that a seller has set is 403 `set_by_another`.
#[utoipa::path(method(put, patch), path = "/api/admin/caps/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = CapChange,
    responses((status = 200, description = "The cap as changed; it ends no call", body = Cap), Denied, BadBody, NotFound, Changed))]
async fn update(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<CapChange>,
) -> ApiResult<Tagged<Cap>> {
    changed(&app, &staff, SetBy::Platform, id, &if_match, change).await
}

/// Delete a cap of the platform.
///
/// What was used is not forgotten: made again, it goes on counting.
#[utoipa::path(delete, path = "/api/admin/caps/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; made again, it goes on counting"), Denied, NotFound, Changed))]
async fn delete(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    deleted(&app, &staff, SetBy::Platform, id, &if_match).await
}

/// Adjust what is used of a cap.
///
/// Adds to what its present window has used, or its total, with a reason that the audit keeps; a negative `delta` takes away. Other windows
/// stay as they are; a cap of the other side that counts the same moves with it. A cap of calls at one time is 409 `not_adjustable`.
#[utoipa::path(post, path = "/api/admin/caps/{id}/adjust", tag = "admin", params(("id" = i64, Path), OnceHeader),
    request_body = Adjustment,
    responses((status = 200, description = "The cap with what is used of it now; audited", body = Cap),
              Denied, BadBody, NotFound, Repeated))]
async fn adjust_use(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Post(adjustment, once): Post<Adjustment>,
) -> ApiResult<Answer> {
    let adjust = async |tx: &Tx| Answer::changed(&operations::adjust(tx, id, &adjustment).await?);
    once.run(&app.store, &staff.identity(), adjust).await
}
