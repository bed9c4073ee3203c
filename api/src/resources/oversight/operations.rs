//! What is read of campaigns of all sellers, and what staff may change, in SQL.

use super::list::{Campaigns, campaign};
use super::objects::{CampaignStatus, OwnedCampaign};
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::resources::pauses::objects::paused;
use crate::store::tx::Tx;

const CAMPAIGN: &str = concat!(
    "select ",
    campaign!(),
    " from campaigns c join users u on u.id = c.user_id where c.id = $1"
);
const LOCK_CAMPAIGN: &str = "select version from campaigns where id = $1 for no key update";
const SET_CAMPAIGN_STATUS: &str = "update campaigns set status = $2 where id = $1";

pub const STAFF_STATEMENTS: &[&str] = &[CAMPAIGN, LOCK_CAMPAIGN, SET_CAMPAIGN_STATUS];

pub async fn campaigns(tx: &Tx, request: &Request<Campaigns>) -> ApiResult<Page<OwnedCampaign>> {
    request.page(tx).await
}

pub async fn set_campaign_status(
    tx: &Tx,
    id: i64,
    if_match: &IfMatch,
    change: &CampaignStatus,
) -> ApiResult<OwnedCampaign> {
    if_match
        .check(tx, LOCK_CAMPAIGN, &[&id], async |tx| find_campaign(tx, id).await)
        .await?;
    tx.execute(SET_CAMPAIGN_STATUS, &[&id, &change.status]).await?;
    find_campaign(tx, id).await
}

pub async fn find_campaign(tx: &Tx, id: i64) -> ApiResult<OwnedCampaign> {
    let row = tx.optional_row(CAMPAIGN, &[&id]).await?;
    row.as_ref()
        .map(OwnedCampaign::from)
        .ok_or_else(|| ApiError::not_found(format!("Campaign with ID {id} not found.")))
}
