//! What is done with accounts, in SQL. Somebody must stay who can let others in.

use super::list::{Users, columns};
use super::objects::{AccountChange, NewUser, User, UserChange};
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::version::{IfMatch, Versioned, changed};
use crate::store::tx::Tx;

const ONE: &str = concat!(
    "select ",
    columns!(),
    "
      from users where id = $1"
);
const INSERT: &str = concat!(
    "insert into users (username, email, password_hash, role, status, full_name, company_name, time_zone, caller_rules)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    returning ",
    columns!()
);
/// Absent keys leave their columns: $6 and $8 say whether the nullable ones were given.
const UPDATE: &str = concat!(
    "update users
       set email = coalesce($2, email), role = coalesce($3, role), status = coalesce($4, status),
           full_name = case when $6 then $5 else full_name end,
           company_name = case when $8 then $7 else company_name end, time_zone = coalesce($9, time_zone),
           caller_rules = coalesce($10, caller_rules)
     where id = $1
    returning ",
    columns!()
);
/// What sellers may change of their own accounts.
const UPDATE_OWN: &str = concat!(
    "update users set caller_rules = coalesce($2, caller_rules) where id = $1 returning ",
    columns!()
);
const SET_PASSWORD: &str = "update users set password_hash = $2 where id = $1";
const DELETE: &str = "delete from users where id = $1";
/// Locked, so that of two admins who demote each other one stays. Always before the row that is to change: in another order two
/// such requests would wait for one another.
const ACTIVE_ADMINS: &str =
    "select id from users where role = 'admin' and status = 'active' order by id for no key update";

const LOCK: &str = "select version from users where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from users where id = $1 for update";

pub const SELLER_STATEMENTS: &[&str] = &[ONE, LOCK, UPDATE_OWN];
pub const ADMIN_STATEMENTS: &[&str] = &[
    ONE,
    INSERT,
    UPDATE,
    SET_PASSWORD,
    DELETE,
    ACTIVE_ADMINS,
    LOCK,
    LOCK_TO_DELETE,
];

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("User with ID {id} not found."))
}

pub async fn list(tx: &Tx, request: &Request<Users>) -> ApiResult<Page<User>> {
    request.page(tx).await
}

/// A user by id, as far as the transaction's identity sees it.
pub async fn find(tx: &Tx, id: i64) -> ApiResult<User> {
    tx.optional_row(ONE, &[&id])
        .await?
        .as_ref()
        .map(User::from)
        .ok_or_else(|| unknown(id))
}

pub async fn create(tx: &Tx, new: NewUser, password_hash: &str) -> ApiResult<User> {
    let row = tx
        .row(
            INSERT,
            &[
                &new.username,
                &new.email,
                &password_hash,
                &new.role,
                &new.status,
                &new.full_name,
                &new.company_name,
                &new.time_zone,
                &new.caller_rules,
            ],
        )
        .await
        .map_err(|error| {
            error
                .or_conflict("users_username_key", "username_taken", || {
                    format!("Username '{}' already exists", new.username)
                })
                .or_conflict("users_email_key", "email_taken", || {
                    format!("Email '{}' already exists", new.email)
                })
        })?;
    Ok(User::from(&row))
}

pub async fn update(tx: &Tx, id: i64, if_match: &IfMatch, change: UserChange) -> ApiResult<User> {
    let stays_admin = change.role.as_deref().is_none_or(|role| role == "admin")
        && change.status.as_deref().is_none_or(|status| status == "active");
    let admins = if stays_admin {
        Vec::new()
    } else {
        active_admins(tx).await?
    };
    if_match
        .check(tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    refuse_last_admin(&admins, id)?;
    let row = tx
        .optional_row(
            UPDATE,
            &[
                &id,
                &change.email,
                &change.role,
                &change.status,
                &change.full_name.clone().flatten(),
                &change.full_name.is_some(),
                &change.company_name.clone().flatten(),
                &change.company_name.is_some(),
                &change.time_zone,
                &change.caller_rules,
            ],
        )
        .await
        .map_err(|error| {
            error.or_conflict("users_email_key", "email_taken", || {
                format!("Email '{}' is already in use", change.email.unwrap_or_default())
            })
        })?
        .ok_or_else(|| unknown(id))?;
    Ok(User::from(&row))
}

/// By its owner.
pub async fn update_own(tx: &Tx, id: i64, if_match: &IfMatch, change: AccountChange) -> ApiResult<User> {
    if_match
        .check(tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    tx.optional_row(UPDATE_OWN, &[&id, &change.caller_rules])
        .await?
        .as_ref()
        .map(User::from)
        .ok_or_else(|| unknown(id))
}

/// Refuses to change the password of an account that is not there or was changed meanwhile, before a hash is made, which
/// costs more than all the rest.
pub async fn may_set_password(tx: &Tx, by: i64, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    refuse_own_password(by, id)?;
    let user = find(tx, id).await?;
    if if_match.admits(&[&user.tag()]) {
        Ok(())
    } else {
        Err(changed(&user))
    }
}

/// The user's sessions and tokens end. `by` is the admin who sets it.
pub async fn set_password(
    tx: &Tx,
    by: i64,
    id: i64,
    if_match: &IfMatch,
    password_hash: &str,
) -> ApiResult<()> {
    refuse_own_password(by, id)?;
    if_match
        .check(tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    put_password(tx, id, password_hash).await
}

/// Whoever has an admin's session for a while does not know the password, and must not get to know one.
pub fn refuse_own_password(by: i64, id: i64) -> ApiResult<()> {
    if id == by {
        return Err(ApiError::forbidden(
            "own_account",
            "Your own password is changed with the old one: PUT /api/auth/password, or /console/account/password.",
        ));
    }
    Ok(())
}

pub async fn put_password(tx: &Tx, id: i64, password_hash: &str) -> ApiResult<()> {
    match tx.execute(SET_PASSWORD, &[&id, &password_hash]).await? {
        0 => Err(unknown(id)),
        _ => Ok(()),
    }
}

/// With the user's DIDs, campaigns, links and sessions. `by` is the admin who deletes.
pub async fn delete(tx: &Tx, by: i64, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    if id == by {
        return Err(ApiError::forbidden(
            "own_account",
            "Admin cannot delete their own account.",
        ));
    }
    let admins = active_admins(tx).await?;
    if_match
        .check(tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    refuse_last_admin(&admins, id)?;
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(unknown(id)),
        _ => Ok(()),
    }
}

async fn active_admins(tx: &Tx) -> ApiResult<Vec<i64>> {
    let rows = tx.rows(ACTIVE_ADMINS, &[]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect())
}

/// Somebody must stay who can let others in.
fn refuse_last_admin(admins: &[i64], id: i64) -> ApiResult<()> {
    if admins == [id] {
        return Err(ApiError::conflict(
            "last_admin",
            "The last active admin cannot be deleted, demoted or suspended.",
        ));
    }
    Ok(())
}
