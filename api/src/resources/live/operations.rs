//! What is read of calls in flight, and how one is released by hand, in SQL. Row level security shows a seller the own calls.

use super::list::{Calls, OwnCalls};
use super::objects::{Live, LiveCall, Release, Released};
use crate::error::{ApiError, ApiResult};
use crate::http::list::{Listed, Request};
use crate::http::page::Page;
use crate::resources::links;
use crate::store::tx::Tx;
use capconduit_core::text;

const RELEASE: &str = "select status, cdr_id from release_call($1, $2)";

pub const STAFF_STATEMENTS: &[&str] = &[RELEASE];

/// Dashboards ask for these overviews every few seconds: an answer stays small. The lists with pages have all.
const MOST: i64 = 1000;

/// The own newest calls, and the use of the own links.
pub async fn own_overview(tx: &Tx, request: &Request<OwnCalls>) -> ApiResult<Live> {
    Ok(Live {
        calls: request.first(tx, MOST).await?,
        links: links::operations::own_usage(tx, MOST).await?,
    })
}

/// The newest calls over all sellers, and the links in use; of one seller all links.
pub async fn overview(tx: &Tx, request: &Request<Calls>, user_id: Option<i64>) -> ApiResult<Live> {
    Ok(Live {
        calls: request.first(tx, MOST).await?,
        links: links::operations::usage(tx, user_id, MOST).await?,
    })
}

pub async fn list<L: Listed<Item = LiveCall>>(tx: &Tx, request: &Request<L>) -> ApiResult<Page<LiveCall>> {
    request.page(tx).await
}

/// Whether a call can have this uniqueid at all.
fn is_uniqueid(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= text::UNIQUEID && !text.chars().any(char::is_control)
}

/// The call's record says LOST, and its slot is free.
pub async fn release(tx: &Tx, uniqueid: &str, release: &Release) -> ApiResult<Released> {
    let unknown = || ApiError::not_found("No call with this uniqueid is in flight.");
    if !is_uniqueid(uniqueid) {
        return Err(unknown());
    }
    let row = tx.row(RELEASE, &[&uniqueid, &release.reason]).await?;
    let released = Released::from(&row);
    if released.status == "released" {
        Ok(released)
    } else {
        Err(unknown())
    }
}
