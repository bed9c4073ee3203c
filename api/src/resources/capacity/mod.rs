//! Seats: how many calls at one time a client tells that it can take, for a while each time.

pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Conflict, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::params::Id;
use objects::{Capacity, NewCapacity};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(capacity, push_capacity, forget_capacity))
}

/// The seats of a client.
///
/// What it has told last, and how many of them its calls take now. 404 where it tells none.
#[utoipa::path(get, path = "/api/admin/clients/{id}/capacity", tag = "clients", params(("id" = i64, Path)),
    responses((status = 200, description = "What it has told last", body = Capacity), Denied, NotFound))]
async fn capacity(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Json<Capacity>> {
    let tx = app.store.read(&staff.identity()).await?;
    let capacity = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Json(capacity))
}

/// Tell the seats of a client.
///
/// How many calls at one time it can take, over all its links: agents that are logged in, busy or not. It holds for `ttlSeconds`: tell it
/// again before that. Calls in flight stay, whatever is told; 0 takes no new one. Its caps apply beside it. A smaller `sequence` than the
/// last one is 409 `outdated`, and changes nothing. Not audited.
#[utoipa::path(put, path = "/api/admin/clients/{id}/capacity", tag = "clients", params(("id" = i64, Path)), request_body = NewCapacity,
    responses((status = 200, description = "It holds from now on", body = Capacity), Denied, BadBody, NotFound, Conflict))]
async fn push_capacity(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    Valid(told): Valid<NewCapacity>,
) -> ApiResult<Json<Capacity>> {
    let tx = app.store.write(&staff.identity()).await?;
    let capacity = operations::push(&tx, id, &told).await?;
    tx.commit().await?;
    Ok(Json(capacity))
}

/// A client tells no seats any more.
///
/// Its caps alone count, and a `sequence` may begin anew.
#[utoipa::path(delete, path = "/api/admin/clients/{id}/capacity", tag = "clients", params(("id" = i64, Path)),
    responses((status = 204, description = "Its caps alone count"), Denied, NotFound))]
async fn forget_capacity(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<StatusCode> {
    let tx = app.store.write(&staff.identity()).await?;
    operations::forget(&tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
