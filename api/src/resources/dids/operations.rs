//! What is done with the own DIDs, in SQL. Row level security shows a seller no others.

use super::list::Dids;
use super::objects::{Did, DidChange, NewDid};
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::store::tx::Tx;

macro_rules! columns {
    () => {
        "id, number, status, description, schedule_id, created_at, updated_at, version"
    };
}

const ONE: &str = concat!("select ", columns!(), " from dids where id = $1");
const INSERT: &str = concat!(
    "insert into dids (user_id, number, status, description, schedule_id) values (session_user_id(), $1, $2, $3, $4)
    on conflict (number) do nothing
    returning ",
    columns!()
);
/// Of an own number.
const ID: &str = "select id from dids where number = $1";
const UPDATE: &str = concat!(
    "update dids set status = coalesce($2, status), description = case when $4 then $3 else description end,
           schedule_id = case when $6 then $5 else schedule_id end
     where id = $1
    returning ",
    columns!()
);
const DELETE: &str = "delete from dids where id = $1";
const LOCK: &str = "select version from dids where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from dids where id = $1 for update";

pub const SELLER_STATEMENTS: &[&str] = &[ONE, INSERT, ID, UPDATE, DELETE, LOCK, LOCK_TO_DELETE];

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("DID with ID {id} not found or not owned by user."))
}

pub async fn list(tx: &Tx, request: &Request<Dids>) -> ApiResult<Page<Did>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<Did> {
    let row = tx.optional_row(ONE, &[&id]).await?;
    row.as_ref().map(Did::from).ok_or_else(|| unknown(id))
}

pub async fn create(tx: &Tx, new: NewDid) -> ApiResult<Did> {
    let row = tx
        .optional_row(
            INSERT,
            &[&new.number, &new.status, &new.description, &new.schedule_id],
        )
        .await?;
    match row {
        Some(row) => Ok(Did::from(&row)),
        None => Err(taken(tx, &new.number).await?),
    }
}

/// Whose a number is, is told to its owner alone.
async fn taken(tx: &Tx, number: &str) -> ApiResult<ApiError> {
    let error = ApiError::conflict("number_taken", format!("DID number '{number}' already exists"));
    Ok(match tx.optional_row(ID, &[&number]).await? {
        Some(own) => error.with("own", true).with("id", own.get::<_, i64>("id")),
        None => error.with("own", false),
    })
}

pub async fn update(tx: &Tx, id: i64, if_match: &IfMatch, change: DidChange) -> ApiResult<Did> {
    if_match
        .check(tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    let given = change.description.is_some();
    let description = change.description.flatten();
    tx.optional_row(
        UPDATE,
        &[
            &id,
            &change.status,
            &description,
            &given,
            &change.schedule_id.flatten(),
            &change.schedule_id.is_some(),
        ],
    )
    .await?
    .as_ref()
    .map(Did::from)
    .ok_or_else(|| unknown(id))
}

/// Its call records stay.
pub async fn delete(tx: &Tx, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    if_match
        .check(tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(unknown(id)),
        _ => Ok(()),
    }
}
