//! What is read of numbers and campaigns of all sellers, and what staff may change, in SQL.

use super::objects::{CampaignFilter, CampaignStatus, DidFilter, OwnedCampaign, OwnedDid};
use crate::error::{ApiError, ApiResult};
use crate::http::page::{Page, PageRequest};
use crate::http::version::IfMatch;
use crate::store::tx::Tx;

/// The fields of `DidFilter`.
macro_rules! did_filter {
    () => {
        "($1::text is null or (d.number collate \"C\" >= $1 and d.number collate \"C\" < $1 || ':')) \
         and ($2::bigint is null or d.user_id = $2) and ($3::text is null or d.status = $3) \
         and ($4::bigint is null or exists (select from campaign_dids m where m.did_id = d.id and m.campaign_id = $4)) \
         and ($5::boolean is null or $5 <> exists (select from campaign_dids m where m.did_id = d.id))"
    };
}

macro_rules! campaign {
    ($rest:literal) => {
        concat!(
            "select c.id, c.name, c.status, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, c.user_id, \
             u.username, c.created_at, c.updated_at, c.version from campaigns c join users u on u.id = c.user_id ",
            $rest
        )
    };
}

/// The fields of `CampaignFilter`.
macro_rules! campaign_filter {
    () => {
        "($1::bigint is null or c.user_id = $1) and ($2::text is null or c.status = $2) \
         and ($3::text is null or starts_with(lower(c.name), lower($3)))"
    };
}

const DIDS: &str = concat!(
    "select d.id, d.number, d.status, d.description, d.user_id, u.username, d.created_at, d.updated_at, d.version \
     from dids d join users u on u.id = d.user_id where ",
    did_filter!(),
    " order by d.number limit $6 offset $7"
);
const COUNT_DIDS: &str = concat!("select count(*) from dids d where ", did_filter!());
const CAMPAIGNS: &str = concat!(
    campaign!("where "),
    campaign_filter!(),
    " order by u.username, c.name, c.id limit $4 offset $5"
);
const COUNT_CAMPAIGNS: &str = concat!("select count(*) from campaigns c where ", campaign_filter!());
const CAMPAIGN: &str = campaign!("where c.id = $1");
const LOCK_CAMPAIGN: &str = "select version from campaigns where id = $1 for no key update";
const SET_CAMPAIGN_STATUS: &str = "update campaigns set status = $2 where id = $1";

pub const STAFF_STATEMENTS: &[&str] = &[
    DIDS,
    COUNT_DIDS,
    CAMPAIGNS,
    COUNT_CAMPAIGNS,
    CAMPAIGN,
    LOCK_CAMPAIGN,
    SET_CAMPAIGN_STATUS,
];

/// By number.
pub async fn dids(tx: &Tx, filter: &DidFilter, page: PageRequest) -> ApiResult<Page<OwnedDid>> {
    page.of(
        tx,
        COUNT_DIDS,
        DIDS,
        &[
            &filter.number,
            &filter.user_id,
            &filter.status,
            &filter.campaign_id,
            &filter.unassigned,
        ],
    )
    .await
}

/// By seller, then by name.
pub async fn campaigns(
    tx: &Tx,
    filter: &CampaignFilter,
    page: PageRequest,
) -> ApiResult<Page<OwnedCampaign>> {
    page.of(
        tx,
        COUNT_CAMPAIGNS,
        CAMPAIGNS,
        &[&filter.user_id, &filter.status, &filter.start],
    )
    .await
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

async fn find_campaign(tx: &Tx, id: i64) -> ApiResult<OwnedCampaign> {
    let row = tx.optional_row(CAMPAIGN, &[&id]).await?;
    row.as_ref()
        .map(OwnedCampaign::from)
        .ok_or_else(|| ApiError::not_found(format!("Campaign with ID {id} not found.")))
}
