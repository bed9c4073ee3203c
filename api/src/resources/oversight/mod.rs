//! What admins and staff see and do over all sellers: numbers and campaigns here, the audit beside it.

pub mod audit;
mod objects;
mod operations;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use objects::{CampaignFilter, CampaignStatus, DidFilter, OwnedCampaign, OwnedDid};
pub use operations::STAFF_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(dids))
        .routes(routes!(campaigns))
        .routes(routes!(set_campaign_status))
        .merge(audit::router())
}

#[utoipa::path(get, path = "/api/admin/dids", tag = "admin",
    params(PageParams, ("number" = Option<String>, Query, description = "the number, or how it begins"),
           ("user_id" = Option<i64>, Query, description = "one seller"),
           ("status" = Option<String>, Query, description = "active or inactive"),
           ("campaign_id" = Option<i64>, Query, description = "in this campaign"),
           ("unassigned" = Option<bool>, Query, description = "true: in no campaign; false: in one or more")),
    responses((status = 200, description = "DIDs of all sellers by number", body = Page<OwnedDid>), Denied, BadFilter))]
async fn dids(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<OwnedDid>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let filter = DidFilter::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let dids = operations::dids(&tx, &filter, page).await?;
    tx.commit().await?;
    Ok(Json(dids))
}

#[utoipa::path(get, path = "/api/admin/campaigns", tag = "admin",
    params(PageParams, ("user_id" = Option<i64>, Query, description = "one seller"),
           ("status" = Option<String>, Query, description = "active, inactive or paused"),
           ("q" = Option<String>, Query, description = "how the name begins, in any case")),
    responses((status = 200, description = "Campaigns of all sellers", body = Page<OwnedCampaign>), Denied, BadFilter))]
async fn campaigns(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<OwnedCampaign>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let filter = CampaignFilter::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let campaigns = operations::campaigns(&tx, &filter, page).await?;
    tx.commit().await?;
    Ok(Json(campaigns))
}

#[utoipa::path(put, path = "/api/admin/campaigns/{id}/status", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = CampaignStatus,
    responses((status = 200, description = "The campaign as changed", body = OwnedCampaign),
              Denied, BadBody, NotFound, Changed))]
async fn set_campaign_status(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<CampaignStatus>,
) -> ApiResult<Tagged<OwnedCampaign>> {
    let tx = app.store.write(&staff.identity()).await?;
    let campaign = operations::set_campaign_status(&tx, id, &if_match, &change).await?;
    tx.commit().await?;
    Ok(Tagged(campaign))
}
