//! What is done with the own campaigns, in SQL. Row level security shows a seller no others.

use super::list::{Campaigns, campaign};
use super::objects::{Campaign, CampaignChange, CampaignDetail, NewCampaign};
use super::parts;
use super::presence::{LOCK, unknown};
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::resources::caps;
use crate::resources::pauses::objects::paused;
use crate::store::tx::Tx;

const ONE: &str = concat!("select ", campaign!(), " from campaigns where id = $1");
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from campaigns where id = $1 for update";
const INSERT: &str = "\
    insert into campaigns (user_id, name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, description,
                           qualify_seconds, schedule_id, anonymous_callers, min_redial_seconds,
                           caller_rules, overflow)
    values (session_user_id(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id";
const UPDATE: &str = "\
    update campaigns
       set name = coalesce($2, name), status = coalesce($3, status),
           routing_strategy = coalesce($4, routing_strategy),
           dial_timeout_seconds = coalesce($5, dial_timeout_seconds),
           max_ring_seconds = case when $7 then $6 else max_ring_seconds end,
           description = case when $9 then $8 else description end,
           qualify_seconds = coalesce($10, qualify_seconds),
           schedule_id = case when $12 then $11 else schedule_id end,
           anonymous_callers = coalesce($13, anonymous_callers),
           min_redial_seconds = case when $15 then $14 else min_redial_seconds end,
           caller_rules = coalesce($16, caller_rules),
           overflow = coalesce($17, overflow)
     where id = $1";
const DELETE: &str = "delete from campaigns where id = $1";

pub const SELLER_STATEMENTS: &[&str] = &[ONE, LOCK_TO_DELETE, INSERT, UPDATE, DELETE];

fn name_taken(error: ApiError, name: &str) -> ApiError {
    error.or_conflict("campaigns_user_id_name_key", "name_taken", || {
        format!("Campaign name '{name}' already exists")
    })
}

/// Without their parts.
pub async fn list(tx: &Tx, request: &Request<Campaigns>) -> ApiResult<Page<Campaign>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<CampaignDetail> {
    let row = tx.optional_row(ONE, &[&id]).await?.ok_or_else(|| unknown(id))?;
    let client_settings = parts::operations::links(tx, id).await?;
    Ok(CampaignDetail {
        campaign: Campaign::from(&row),
        dids: parts::operations::dids(tx, id).await?.0,
        today: client_settings.iter().map(|link| link.today).sum(),
        client_settings,
        caps: caps::operations::of(tx, "campaign", id).await?,
    })
}

pub async fn create(tx: &Tx, new: NewCampaign) -> ApiResult<CampaignDetail> {
    let row = tx
        .row(
            INSERT,
            &[
                &new.name,
                &new.status,
                &new.routing_strategy,
                &new.dial_timeout_seconds,
                &new.max_ring_seconds,
                &new.description,
                &new.qualify_seconds,
                &new.schedule_id,
                &new.anonymous_callers,
                &new.min_redial_seconds,
                &new.caller_rules,
                &new.overflow,
            ],
        )
        .await
        .map_err(|error| name_taken(error, &new.name))?;
    find(tx, row.get("id")).await
}

pub async fn update(
    tx: &Tx,
    id: i64,
    if_match: &IfMatch,
    change: CampaignChange,
) -> ApiResult<CampaignDetail> {
    if_match
        .check(tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    tx.execute(
        UPDATE,
        &[
            &id,
            &change.name,
            &change.status,
            &change.routing_strategy,
            &change.dial_timeout_seconds,
            &change.max_ring_seconds.flatten(),
            &change.max_ring_seconds.is_some(),
            &change.description.clone().flatten(),
            &change.description.is_some(),
            &change.qualify_seconds,
            &change.schedule_id.flatten(),
            &change.schedule_id.is_some(),
            &change.anonymous_callers,
            &change.min_redial_seconds.flatten(),
            &change.min_redial_seconds.is_some(),
            &change.caller_rules,
            &change.overflow,
        ],
    )
    .await
    .map_err(|error| name_taken(error, change.name.as_deref().unwrap_or_default()))?;
    find(tx, id).await
}

/// With its links; its call records stay.
pub async fn delete(tx: &Tx, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    if_match
        .check(tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(unknown(id)),
        _ => Ok(()),
    }
}
