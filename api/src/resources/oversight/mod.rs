//! What admins and staff see and do over all sellers: campaigns here, the audit beside it.

pub mod audit;
pub mod list;
pub mod look;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::Request;
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use list::Campaigns;
use objects::{CampaignStatus, OwnedCampaign};
pub use operations::STAFF_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(campaigns))
        .routes(routes!(set_campaign_status))
        .merge(audit::router())
}

/// Campaigns of all sellers.
///
/// By pages, each with whose it is.
#[utoipa::path(get, path = "/api/admin/campaigns", tag = "admin",
    params(PageParams, Campaigns),
    responses((status = 200, description = "Campaigns of all sellers", body = Page<OwnedCampaign>), Denied, BadFilter))]
async fn campaigns(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<OwnedCampaign>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let campaigns = operations::campaigns(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(campaigns))
}

/// Set the status of a campaign.
///
/// Inactive or paused, it gets no new call; calls in flight go on. Its seller may set it again.
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
