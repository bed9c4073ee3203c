//! What is done with seats, in SQL.

use super::objects::{Capacity, NewCapacity};
use crate::error::{ApiError, ApiResult};
use crate::store::tx::Tx;

const ONE: &str = "\
    select m.seats, m.active, m.seats_until, m.seats_until <= clock_timestamp() as is_stale, m.seats_close, m.seats_sequence
      from meters m
     where m.subject_type = 'client' and m.subject_id = $1 and m.seats is not null";
const PUSH: &str = "select status from set_seats($1, $2, $3, $4, $5)";
const FORGET: &str = "select status from forget_seats($1)";

pub const STAFF_STATEMENTS: &[&str] = &[ONE, PUSH, FORGET];

pub async fn of_client(tx: &Tx, id: i64) -> ApiResult<Option<Capacity>> {
    Ok(tx.optional_row(ONE, &[&id]).await?.as_ref().map(Capacity::from))
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<Capacity> {
    let none = || ApiError::not_found(format!("There is no client with ID {id} that tells its seats."));
    of_client(tx, id).await?.ok_or_else(none)
}

pub async fn push(tx: &Tx, id: i64, told: &NewCapacity) -> ApiResult<Capacity> {
    let row = tx
        .row(
            PUSH,
            &[
                &id,
                &told.seats,
                &told.ttl_seconds,
                &told.on_stale,
                &told.sequence,
            ],
        )
        .await?;
    match row.get("status") {
        "ok" => find(tx, id).await,
        "outdated" => {
            let last = find(tx, id).await?.sequence.unwrap_or_default();
            let text = format!("Sequence {last} was told before: it is newer.");
            Err(ApiError::conflict("outdated", text))
        }
        _ => Err(unknown(id)),
    }
}

pub async fn forget(tx: &Tx, id: i64) -> ApiResult<()> {
    match tx.row(FORGET, &[&id]).await?.get("status") {
        "ok" => Ok(()),
        _ => Err(unknown(id)),
    }
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Client with ID {id} not found."))
}
