//! /api/admin/users: the accounts, for admins. /api/seller/account: a seller's own.

pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, Message, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::{Admin, Seller};
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::Request;
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use list::Users;
use objects::{AccountChange, NewPassword, NewUser, User, UserChange};
pub use operations::{ADMIN_STATEMENTS, SELLER_STATEMENTS};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .routes(routes!(set_password))
        .routes(routes!(own_account, update_own_account))
}

/// Users.
///
/// Accounts of all roles, by username. Role admin.
#[utoipa::path(get, path = "/api/admin/users", tag = "users",
    params(PageParams, Users),
    responses((status = 200, description = "Users", body = Page<User>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, admin: Admin, params: Params) -> ApiResult<Json<Page<User>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&admin.identity()).await?;
    let users = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(users))
}

/// Add a user.
///
/// Usernames and e-mail addresses are compared without case. Role admin.
#[utoipa::path(post, path = "/api/admin/users", tag = "users", params(OnceHeader), request_body = NewUser,
    responses((status = 201, description = "Created", body = User), Denied, BadBody, Repeated))]
async fn create(
    State(app): State<AppState>,
    admin: Admin,
    Post(new, once): Post<NewUser>,
) -> ApiResult<Answer> {
    let hash = app.passwords.hash(new.password.clone()).await?;
    let create = async |tx: &Tx| Answer::created(&operations::create(tx, new, &hash).await?);
    once.run(&app.store, &admin.identity(), create).await
}

/// A user.
///
/// Role admin.
#[utoipa::path(get, path = "/api/admin/users/{id}", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The user", body = User), Denied, NotFound))]
async fn show(State(app): State<AppState>, admin: Admin, Id(id): Id) -> ApiResult<Tagged<User>> {
    let tx = app.store.read(&admin.identity()).await?;
    let user = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(user))
}

/// Change a user.
///
/// Role and status count from the user's next request; another status than active ends sessions and tokens. The last active admin
/// stays one. Role admin.
#[utoipa::path(method(put, patch), path = "/api/admin/users/{id}", tag = "users", params(("id" = i64, Path), IfMatchHeader),
    request_body = UserChange,
    responses((status = 200, description = "The user as changed", body = User),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<UserChange>,
) -> ApiResult<Tagged<User>> {
    let tx = app.store.write(&admin.identity()).await?;
    let user = operations::update(&tx, id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(user))
}

/// Set the password of a user.
///
/// The user's sessions and tokens end. A link that lets users set their own is better: POST /api/auth/password_links. Not one's own. Role
/// admin.
#[utoipa::path(put, path = "/api/admin/users/{id}/password", tag = "users", params(("id" = i64, Path), IfMatchHeader),
    request_body = NewPassword,
    responses((status = 200, description = "Changed; the user's sessions and tokens have ended", body = Message),
              Denied, BadBody, NotFound, Changed))]
async fn set_password(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    if_match: IfMatch,
    Valid(new): Valid<NewPassword>,
) -> ApiResult<Json<Message>> {
    // The connection is not kept for as long as a hash takes.
    let tx = app.store.read(&admin.identity()).await?;
    operations::may_set_password(&tx, admin.id, id, &if_match).await?;
    tx.commit().await?;
    let hash = app.passwords.hash(new.password).await?;
    let tx = app.store.write(&admin.identity()).await?;
    operations::set_password(&tx, admin.id, id, &if_match, &hash).await?;
    tx.commit().await?;
    Ok(Json(Message::new("Password updated successfully.")))
}

/// Delete a user.
///
/// With the user's numbers, campaigns, links and sessions; call records stay. Not the own account, not the last active admin, not
/// while calls are in flight. Role admin.
#[utoipa::path(delete, path = "/api/admin/users/{id}", tag = "users", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted, with the user's DIDs, campaigns, links and sessions"),
              Denied, NotFound, Changed, Conflict))]
async fn delete(
    State(app): State<AppState>,
    admin: Admin,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&admin.identity()).await?;
    operations::delete(&tx, admin.id, id, &if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The own account.
///
/// As an admin sees it. A seller's `callerRules` are of all its campaigns.
#[utoipa::path(get, path = "/api/seller/account", tag = "account",
    responses((status = 200, description = "The own account", body = User), Denied))]
async fn own_account(State(app): State<AppState>, seller: Seller) -> ApiResult<Tagged<User>> {
    let tx = app.store.read(&seller.identity()).await?;
    let user = operations::find(&tx, seller.id).await?;
    tx.commit().await?;
    Ok(Tagged(user))
}

/// Change the own account.
///
/// What becomes of callers that call again, over all the own campaigns. The rest is changed by an admin.
#[utoipa::path(method(put, patch), path = "/api/seller/account", tag = "account", params(IfMatchHeader),
    request_body = AccountChange,
    responses((status = 200, description = "The own account as changed", body = User), Denied, BadBody, Changed))]
async fn update_own_account(
    State(app): State<AppState>,
    seller: Seller,
    if_match: IfMatch,
    Valid(change): Valid<AccountChange>,
) -> ApiResult<Tagged<User>> {
    let tx = app.store.write(&seller.identity()).await?;
    let user = operations::update_own(&tx, seller.id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(user))
}
