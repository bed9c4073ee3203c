//! Pauses, until an instant or until they are lifted: of the own campaigns and links, and, the platform's, of campaigns, links and clients.

pub mod objects;
pub mod operations;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Changed, Denied, NotFound};
use super::campaigns::objects::CampaignDetail;
use super::campaigns::parts::objects::Link;
use super::clients::objects::ClientDetail;
use super::links::objects::LinkUsage;
use super::oversight::objects::OwnedCampaign;
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::params::{Id, Ids};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use objects::NewPause;
use operations::{AnyCampaign, AnyClient, AnyLink, OwnCampaign, OwnLink, Paused};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(pause_own_campaign, lift_own_campaign))
        .routes(routes!(pause_own_link, lift_own_link))
        .routes(routes!(pause_campaign, lift_campaign))
        .routes(routes!(pause_link, lift_link))
        .routes(routes!(pause_client, lift_client))
}

async fn set<P: Paused>(
    app: &AppState,
    user: &User,
    paused: &P,
    if_match: &IfMatch,
    pause: &NewPause,
) -> ApiResult<Tagged<P::Shown>> {
    let tx = app.store.write(&user.identity()).await?;
    let shown = operations::set(&tx, paused, if_match, pause).await?;
    tx.commit().await?;
    Ok(Tagged(shown))
}

async fn lift<P: Paused>(
    app: &AppState,
    user: &User,
    paused: &P,
    if_match: &IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&user.identity()).await?;
    operations::lift(&tx, paused, if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a campaign.
///
/// Until an instant, or without `until` for good, with a reason. Its calls are rejected meanwhile (`campaign_paused`) and go to no other
/// campaign; those in flight go on. Set again it replaces one's own pause; the platform's stands beside it.
#[utoipa::path(put, path = "/api/seller/campaigns/{id}/pause", tag = "campaigns", params(("id" = i64, Path), IfMatchHeader),
    request_body = NewPause,
    responses((status = 200, description = "Its calls are rejected until then; those in flight go on", body = CampaignDetail),
              Denied, BadBody, NotFound, Changed))]
async fn pause_own_campaign(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(pause): Valid<NewPause>,
) -> ApiResult<Tagged<CampaignDetail>> {
    set(&app, &seller, &OwnCampaign(id), &if_match, &pause).await
}

/// Lift the pause of a campaign.
///
/// One's own. What the platform has paused it alone lifts: 403 `set_by_another`.
#[utoipa::path(delete, path = "/api/seller/campaigns/{id}/pause", tag = "campaigns", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The seller's pause is lifted"), Denied, NotFound, Changed))]
async fn lift_own_campaign(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    lift(&app, &seller, &OwnCampaign(id), &if_match).await
}

/// Pause a link.
///
/// Until an instant, or without `until` for good, with a reason. Calls go to the other links meanwhile; those in flight go on.
#[utoipa::path(put, path = "/api/seller/campaigns/{id}/clients/{setting_id}/pause", tag = "campaigns",
    params(("id" = i64, Path), ("setting_id" = i64, Path), IfMatchHeader), request_body = NewPause,
    responses((status = 200, description = "It gets no call until then; those in flight go on", body = Link),
              Denied, BadBody, NotFound, Changed))]
async fn pause_own_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    if_match: IfMatch,
    Valid(pause): Valid<NewPause>,
) -> ApiResult<Tagged<Link>> {
    set(&app, &seller, &OwnLink(id, link), &if_match, &pause).await
}

/// Lift the pause of a link.
///
/// One's own. What the platform has paused it alone lifts: 403 `set_by_another`.
#[utoipa::path(delete, path = "/api/seller/campaigns/{id}/clients/{setting_id}/pause", tag = "campaigns",
    params(("id" = i64, Path), ("setting_id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The seller's pause is lifted"), Denied, NotFound, Changed))]
async fn lift_own_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    lift(&app, &seller, &OwnLink(id, link), &if_match).await
}

/// Pause a campaign of any seller.
///
/// The platform's pause, which the seller cannot lift. Its calls are rejected meanwhile; those in flight go on.
#[utoipa::path(put, path = "/api/admin/campaigns/{id}/pause", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = NewPause,
    responses((status = 200, description = "Its calls are rejected until then; those in flight go on", body = OwnedCampaign),
              Denied, BadBody, NotFound, Changed))]
async fn pause_campaign(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(pause): Valid<NewPause>,
) -> ApiResult<Tagged<OwnedCampaign>> {
    set(&app, &staff, &AnyCampaign(id), &if_match, &pause).await
}

/// Lift the platform's pause of a campaign.
///
/// The seller's own, if there is one, stays.
#[utoipa::path(delete, path = "/api/admin/campaigns/{id}/pause", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The platform's pause is lifted"), Denied, NotFound, Changed))]
async fn lift_campaign(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    lift(&app, &staff, &AnyCampaign(id), &if_match).await
}

/// Pause a link of any seller.
///
/// The platform's pause, which the seller cannot lift. Calls go to the other links meanwhile; those in flight go on.
#[utoipa::path(put, path = "/api/admin/links/{id}/pause", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = NewPause,
    responses((status = 200, description = "It gets no call until then; those in flight go on", body = LinkUsage),
              Denied, BadBody, NotFound, Changed))]
async fn pause_link(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(pause): Valid<NewPause>,
) -> ApiResult<Tagged<LinkUsage>> {
    set(&app, &staff, &AnyLink(id), &if_match, &pause).await
}

/// Lift the platform's pause of a link.
///
/// The seller's own, if there is one, stays.
#[utoipa::path(delete, path = "/api/admin/links/{id}/pause", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The platform's pause is lifted"), Denied, NotFound, Changed))]
async fn lift_link(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    lift(&app, &staff, &AnyLink(id), &if_match).await
}

/// Pause a client.
///
/// It gets no call of any seller until then; those in flight go on. Sellers see until when, and not why.
#[utoipa::path(put, path = "/api/admin/clients/{id}/pause", tag = "clients", params(("id" = i64, Path), IfMatchHeader),
    request_body = NewPause,
    responses((status = 200, description = "It gets no call of any seller until then; those in flight go on", body = ClientDetail),
              Denied, BadBody, NotFound, Changed))]
async fn pause_client(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(pause): Valid<NewPause>,
) -> ApiResult<Tagged<ClientDetail>> {
    set(&app, &staff, &AnyClient(id), &if_match, &pause).await
}

/// Lift the pause of a client.
///
/// Calls go to it again at once.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/pause", tag = "clients", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The pause is lifted"), Denied, NotFound, Changed))]
async fn lift_client(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    lift(&app, &staff, &AnyClient(id), &if_match).await
}
