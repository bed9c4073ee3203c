//! What is read of links and of what is used of their caps, and what staff may change of one, in SQL. Row level security shows a
//! seller the own links alone.

use super::list::columns;
use super::objects::{Adjustment, LinkStatus, LinkUsage};
use crate::error::{ApiError, ApiResult};
use crate::http::list::{Listed, Request};
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::resources::campaigns::parts::objects::LinkChange;
use crate::resources::campaigns::parts::operations::change_link;
use crate::resources::pauses::objects::paused;
use crate::store::tx::Tx;

macro_rules! link_usage {
    ($rest:literal) => {
        concat!("select ", columns!(), " from link_usage_view ", $rest)
    };
}

const LINK: &str = link_usage!("where link_id = $1");
const LOCK_LINK: &str = "select version from campaign_client_settings where id = $1 for no key update";
const SET_LINK_STATUS: &str = "update campaign_client_settings set status = $2 where id = $1";
const UPDATE_LINK: &str = change_link!("id = $14");
const ADJUST: &str = "select status from adjust_link_total($1, $2, $3)";
const USAGE: &str = link_usage!("order by campaign_id, link_id limit $1");
/// One seller's links, or over all sellers those in use: a platform has too many for one answer.
const USAGE_OF_ALL: &str = link_usage!(
    "where user_id = $1 or ($1::bigint is null and active > 0) order by campaign_id, link_id limit $2"
);

pub const SELLER_STATEMENTS: &[&str] = &[USAGE];
pub const STAFF_STATEMENTS: &[&str] = &[
    LINK,
    LOCK_LINK,
    SET_LINK_STATUS,
    UPDATE_LINK,
    ADJUST,
    USAGE_OF_ALL,
];

pub async fn list<L: Listed<Item = LinkUsage>>(tx: &Tx, request: &Request<L>) -> ApiResult<Page<LinkUsage>> {
    request.page(tx).await
}

/// The own links, so many at most.
pub async fn own_usage(tx: &Tx, most: i64) -> ApiResult<Vec<LinkUsage>> {
    let rows = tx.rows(USAGE, &[&most]).await?;
    Ok(rows.iter().map(LinkUsage::from).collect())
}

/// One seller's links, or those in use, so many at most.
pub async fn usage(tx: &Tx, user_id: Option<i64>, most: i64) -> ApiResult<Vec<LinkUsage>> {
    let rows = tx.rows(USAGE_OF_ALL, &[&user_id, &most]).await?;
    Ok(rows.iter().map(LinkUsage::from).collect())
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<LinkUsage> {
    let row = tx.optional_row(LINK, &[&id]).await?;
    row.as_ref()
        .map(LinkUsage::from)
        .ok_or_else(|| ApiError::not_found(format!("Link with ID {id} not found.")))
}

pub async fn set_status(tx: &Tx, id: i64, if_match: &IfMatch, change: &LinkStatus) -> ApiResult<LinkUsage> {
    if_match
        .check(tx, LOCK_LINK, &[&id], async |tx| find(tx, id).await)
        .await?;
    tx.execute(SET_LINK_STATUS, &[&id, &change.status]).await?;
    find(tx, id).await
}

/// What its seller may change, too.
pub async fn update(tx: &Tx, id: i64, if_match: &IfMatch, change: LinkChange) -> ApiResult<LinkUsage> {
    if_match
        .check(tx, LOCK_LINK, &[&id], async |tx| find(tx, id).await)
        .await?;
    tx.execute(
        UPDATE_LINK,
        &[
            &change.status,
            &change.max_concurrency,
            &change.forwarding_priority,
            &change.weight,
            &change.total_calls_allowed.flatten(),
            &change.total_calls_allowed.is_some(),
            &change.min_seconds_between.flatten(),
            &change.min_seconds_between.is_some(),
            &change.qualify_seconds.flatten(),
            &change.qualify_seconds.is_some(),
            &change.schedule_id.flatten(),
            &change.schedule_id.is_some(),
            &change.caller_rules,
            &id,
        ],
    )
    .await?;
    find(tx, id).await
}

/// Audited.
pub async fn adjust(tx: &Tx, id: i64, adjustment: &Adjustment) -> ApiResult<LinkUsage> {
    tx.row(ADJUST, &[&id, &adjustment.delta, &adjustment.reason])
        .await?;
    find(tx, id).await
}
