//! What staff do with the numbers of all sellers, in SQL.

use super::list::{Dids, columns};
use super::objects::{NewOwnedDid, OwnedDid, OwnedDidChange};
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::store::tx::Tx;

const ONE: &str = concat!(
    "select ",
    columns!(),
    " from dids join users u on u.id = dids.user_id where dids.id = $1"
);
const SELLER: &str = "select from users where id = $1 and role = 'user'";
const INSERT: &str = "\
    insert into dids (user_id, number, status, description) values ($1, $2, $3, $4)
    on conflict (number) do nothing
    returning id";
const HOLDER: &str = "select id, user_id from dids where number = $1";
const LOCK: &str = "select version, user_id from dids where id = $1 for no key update";
const LOCK_TO_DELETE: &str = "select version from dids where id = $1 for update";
/// Whoever adds a number to a campaign holds the campaign's row, and looks whose the number is behind it.
const LOCK_CAMPAIGNS: &str = "select from campaigns where user_id = $1 order by id for no key update";
const LEAVE_CAMPAIGNS: &str = "delete from campaign_dids where did_id = $1";
const UPDATE: &str = "\
    update dids set user_id = coalesce($2, user_id), status = coalesce($3, status),
                    description = case when $5 then $4 else description end
     where id = $1";
const DELETE: &str = "delete from dids where id = $1";

pub const STAFF_STATEMENTS: &[&str] = &[
    ONE,
    SELLER,
    INSERT,
    HOLDER,
    LOCK,
    LOCK_TO_DELETE,
    LOCK_CAMPAIGNS,
    LEAVE_CAMPAIGNS,
    UPDATE,
    DELETE,
];

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("DID with ID {id} not found."))
}

pub async fn list(tx: &Tx, request: &Request<Dids>) -> ApiResult<Page<OwnedDid>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<OwnedDid> {
    let row = tx.optional_row(ONE, &[&id]).await?;
    row.as_ref().map(OwnedDid::from).ok_or_else(|| unknown(id))
}

async fn must_be_a_seller(tx: &Tx, id: i64) -> ApiResult<()> {
    match tx.optional_row(SELLER, &[&id]).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::field(&["userId"], "Must be the id of a seller.")),
    }
}

pub async fn create(tx: &Tx, new: NewOwnedDid) -> ApiResult<OwnedDid> {
    must_be_a_seller(tx, new.user_id).await?;
    let made = tx
        .optional_row(
            INSERT,
            &[&new.user_id, &new.number, &new.status, &new.description],
        )
        .await?;
    if let Some(row) = made {
        return find(tx, row.get("id")).await;
    }
    let error = ApiError::conflict(
        "number_taken",
        format!("DID number '{}' already exists", new.number),
    );
    Err(match tx.optional_row(HOLDER, &[&new.number]).await? {
        Some(row) => error
            .with("id", row.get::<_, i64>("id"))
            .with("userId", row.get::<_, i64>("user_id")),
        None => error,
    })
}

pub async fn update(tx: &Tx, id: i64, if_match: &IfMatch, change: OwnedDidChange) -> ApiResult<OwnedDid> {
    if let Some(user_id) = change.user_id {
        must_be_a_seller(tx, user_id).await?;
    }
    let locked = tx.optional_row(LOCK, &[&id]).await?;
    if_match
        .check_locked(tx, locked.as_ref(), async |tx| find(tx, id).await)
        .await?;
    let owner: i64 = locked.ok_or_else(|| unknown(id))?.get("user_id");
    let moves = change.user_id.is_some_and(|user_id| user_id != owner);
    if moves {
        tx.rows(LOCK_CAMPAIGNS, &[&owner]).await?;
        tx.execute(LEAVE_CAMPAIGNS, &[&id]).await?;
    }
    let given = change.description.is_some();
    let description = change.description.flatten();
    tx.execute(
        UPDATE,
        &[&id, &change.user_id, &change.status, &description, &given],
    )
    .await?;
    find(tx, id).await
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
