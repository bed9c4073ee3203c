//! /api/admin/dids: the numbers of all sellers, and whose each is.

pub mod list;
pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Denied, NotFound, Repeated};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::list::Request;
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::page::{Page, PageParams};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::store::tx::Tx;
use list::Dids;
use objects::{NewOwnedDid, OwnedDid, OwnedDidChange};
pub use operations::STAFF_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(dids, create_did))
        .routes(routes!(did, update_did, delete_did))
}

/// Numbers of all sellers.
///
/// By pages, each with whose it is.
#[utoipa::path(get, path = "/api/admin/dids", tag = "admin",
    params(PageParams, Dids),
    responses((status = 200, description = "DIDs of all sellers", body = Page<OwnedDid>), Denied, BadFilter))]
async fn dids(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<OwnedDid>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let dids = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(dids))
}

/// Give a seller a number.
///
/// In E.164, for the seller in `userId`. A number that somebody has already is 409 `number_taken`, with its id and owner.
#[utoipa::path(post, path = "/api/admin/dids", tag = "admin", params(OnceHeader), request_body = NewOwnedDid,
    responses((status = 201, description = "Created", body = OwnedDid), Denied, BadBody, Repeated))]
async fn create_did(
    State(app): State<AppState>,
    staff: Staff,
    Post(new, once): Post<NewOwnedDid>,
) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::created(&operations::create(tx, new).await?);
    once.run(&app.store, &staff.identity(), create).await
}

/// A number.
///
/// With whose it is.
#[utoipa::path(get, path = "/api/admin/dids/{id}", tag = "admin", params(("id" = i64, Path)),
    responses((status = 200, description = "The DID", body = OwnedDid), Denied, NotFound))]
async fn did(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Tagged<OwnedDid>> {
    let tx = app.store.read(&staff.identity()).await?;
    let did = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(did))
}

/// Change a number, or whose it is.
///
/// With another owner, the number leaves the campaigns of the one before. Calls in flight stay theirs.
#[utoipa::path(method(put, patch), path = "/api/admin/dids/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    request_body = OwnedDidChange,
    responses((status = 200, description = "The DID as changed", body = OwnedDid), Denied, BadBody, NotFound, Changed))]
async fn update_did(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<OwnedDidChange>,
) -> ApiResult<Tagged<OwnedDid>> {
    let tx = app.store.write(&staff.identity()).await?;
    let did = operations::update(&tx, id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(did))
}

/// Take a number back.
///
/// It leaves all campaigns. Its call records stay.
#[utoipa::path(delete, path = "/api/admin/dids/{id}", tag = "admin", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; its call records stay"), Denied, NotFound, Changed))]
async fn delete_did(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&staff.identity()).await?;
    operations::delete(&tx, id, &if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
