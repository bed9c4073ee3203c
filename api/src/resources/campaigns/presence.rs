//! Whether a campaign is there for its seller, and its lock.

use crate::error::{ApiError, ApiResult};
use crate::store::tx::Tx;

const EXISTS: &str = "select id from campaigns where id = $1";
pub const LOCK: &str = "select version from campaigns where id = $1 for no key update";

pub const SELLER_STATEMENTS: &[&str] = &[EXISTS, LOCK];

pub fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Campaign with ID {id} not found or not owned by user."))
}

pub async fn must_exist(tx: &Tx, id: i64) -> ApiResult<()> {
    tx.optional_row(EXISTS, &[&id])
        .await?
        .map(|_| ())
        .ok_or_else(|| unknown(id))
}

/// Other changes of the campaign, and of the set of its DIDs, wait until this one has ended.
pub async fn lock(tx: &Tx, id: i64) -> ApiResult<()> {
    tx.optional_row(LOCK, &[&id])
        .await?
        .map(|_| ())
        .ok_or_else(|| unknown(id))
}
