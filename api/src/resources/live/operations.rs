//! What is read of calls in flight, and how one is released by hand, in SQL. Row level security shows a seller the own calls.

use super::objects::{Filter, Live, LiveCall, Release, Released};
use crate::error::{ApiError, ApiResult};
use crate::http::page::{Page, PageRequest};
use crate::resources::links;
use crate::store::tx::Tx;
use capconduit_core::text;

macro_rules! calls {
    ($rest:literal) => {
        concat!(
            "select uniqueid, node, user_id, campaign_id, campaign_name, did_id, did_number, link_id, client_id, \
             client_identifier, client_name, holds_slot, attempt, caller_number, caller_name, routed_at, attempt_at, \
             answered_at, phase, lease_until from live_calls_view ",
            $rest
        )
    };
}

/// The arguments of `Filter::args`.
macro_rules! filter {
    () => {
        "where ($1::bigint is null or user_id = $1) and ($2::bigint is null or client_id = $2) \
         and ($3::text is null or node = $3) and ($4::text is null or caller_number = $4) \
         and ($5::text is null or did_number = $5) and ($6::text is null or phase = $6)"
    };
}

const CALLS: &str = concat!(
    calls!(""),
    filter!(),
    " order by routed_at desc, uniqueid limit $7 offset $8"
);
const COUNT: &str = concat!("select count(*) from live_calls_view ", filter!());
const RELEASE: &str = "select status, cdr_id from release_call($1, $2)";

pub const SELLER_STATEMENTS: &[&str] = &[CALLS, COUNT];
pub const STAFF_STATEMENTS: &[&str] = &[CALLS, COUNT, RELEASE];

/// Dashboards ask for these overviews every few seconds: an answer stays small. The lists with pages have all.
const MOST: i64 = 1000;

/// The own newest calls, and the use of the own links.
pub async fn own_overview(tx: &Tx, filter: &Filter) -> ApiResult<Live> {
    Ok(Live {
        calls: newest(tx, filter).await?,
        links: links::operations::own_usage(tx, MOST).await?,
    })
}

/// The newest calls over all sellers, and the links in use; of one seller all links.
pub async fn overview(tx: &Tx, filter: &Filter) -> ApiResult<Live> {
    Ok(Live {
        calls: newest(tx, filter).await?,
        links: links::operations::usage(tx, filter.user_id, MOST).await?,
    })
}

async fn newest(tx: &Tx, filter: &Filter) -> ApiResult<Vec<LiveCall>> {
    let args = [filter.args().as_slice(), &[&MOST, &0_i64]].concat();
    Ok(tx.rows(CALLS, &args).await?.iter().map(LiveCall::from).collect())
}

/// Newest first.
pub async fn list(tx: &Tx, filter: &Filter, page: PageRequest) -> ApiResult<Page<LiveCall>> {
    page.of(tx, COUNT, CALLS, &filter.args()).await
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
