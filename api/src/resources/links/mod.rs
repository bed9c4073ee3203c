//! Links with what is used of their caps, a seller's own (/api/seller/links) and over all sellers (/api/admin/links); their
//! status, and an audited adjustment of a total.

pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::{Listed, Request};
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::resources::campaigns::parts::objects::LinkChange;
use crate::store::tx::Tx;
use list::{Links, OwnLinks};
use objects::{Adjustment, LinkStatus, LinkUsage};
pub use operations::{SELLER_STATEMENTS, STAFF_STATEMENTS};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(own_links))
        .routes(routes!(links))
        .routes(routes!(update_link))
        .routes(routes!(set_link_status))
        .routes(routes!(adjust))
}

/// Links of all sellers.
///
/// With what is used of their caps. `room` is full, near or open.
#[utoipa::path(get, path = "/api/admin/links", tag = "admin",
    params(PageParams, Links),
    responses((status = 200, description = "Links with what is used of their caps", body = Page<LinkUsage>),
              Denied, BadFilter))]
async fn links(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<LinkUsage>>> {
    page::<Links>(&app, &staff, &params).await
}

async fn page<L: Listed<Item = LinkUsage>>(
    app: &AppState,
    user: &User,
    params: &Params,
) -> ApiResult<Json<Page<LinkUsage>>> {
    let request = Request::<L>::read(params)?;
    let tx = app.store.read(&user.identity()).await?;
    let links = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(links))
}

/// The own links.
///
/// Of all campaigns, with what is used of their caps. `room` is full, near or open.
#[utoipa::path(get, path = "/api/seller/links", tag = "reports",
    params(PageParams, OwnLinks),
    responses((status = 200, description = "The own links with what is used of their caps", body = Page<LinkUsage>),
              Denied, BadFilter))]
async fn own_links(
    State(app): State<AppState>,
    seller: Seller,
    params: Params,
) -> ApiResult<Json<Page<LinkUsage>>> {
    page::<OwnLinks>(&app, &seller, &params).await
}

/// Change a link of any seller.
///
/// What its seller may change, too. The audit names who did it.
#[utoipa::path(method(put, patch), path = "/api/admin/links/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = LinkChange,
    responses((status = 200, description = "The link as changed; audited", body = LinkUsage),
              Denied, BadBody, NotFound, Changed))]
async fn update_link(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<LinkChange>,
) -> ApiResult<Tagged<LinkUsage>> {
    let tx = app.store.write(&staff.identity()).await?;
    let link = operations::update(&tx, id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

/// Set the status of a link.
///
/// Inactive, it gets no new call; calls in flight go on.
#[utoipa::path(put, path = "/api/admin/links/{id}/status", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = LinkStatus,
    responses((status = 200, description = "The link as changed", body = LinkUsage),
              Denied, BadBody, NotFound, Changed))]
async fn set_link_status(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<LinkStatus>,
) -> ApiResult<Tagged<LinkUsage>> {
    let tx = app.store.write(&staff.identity()).await?;
    let link = operations::set_status(&tx, id, &if_match, &change).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

/// Adjust the total of a link.
///
/// Adds to what is counted on its total, with a reason that the audit keeps. A negative `delta` takes away.
#[utoipa::path(post, path = "/api/admin/links/{id}/adjust", tag = "admin", params(("id" = i64, Path), OnceHeader),
    request_body = Adjustment,
    responses((status = 200, description = "The link with its new total; audited", body = LinkUsage),
              Denied, BadBody, NotFound, Repeated))]
async fn adjust(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Post(adjustment, once): Post<Adjustment>,
) -> ApiResult<Answer> {
    let adjust = async |tx: &Tx| Answer::changed(&operations::adjust(tx, id, &adjustment).await?);
    once.run(&app.store, &staff.identity(), adjust).await
}
