//! /api/admin/clients: the call centers and their PJSIP objects, for admins and staff.

pub mod list;
pub mod objects;
pub mod operations;
pub mod pjsip;
mod pjsip_input;
mod rules;
pub(super) mod statements;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, NotFound, Repeated};
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
use list::Clients;
use objects::{Client, ClientChange, ClientDetail, NewClient};
pub use statements::STAFF_STATEMENTS;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// Clients.
///
/// Call centers with their PJSIP objects, by name. Passwords are never shown.
#[utoipa::path(get, path = "/api/admin/clients", tag = "clients",
    params(PageParams, Clients),
    responses((status = 200, description = "Clients", body = Page<Client>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<Client>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let clients = operations::list(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(clients))
}

/// A client.
///
/// With its PJSIP objects, its caps and what its links have used today. The password is never shown.
#[utoipa::path(get, path = "/api/admin/clients/{id}", tag = "clients", params(("id" = i64, Path)),
    responses((status = 200, description = "The client", body = ClientDetail), Denied, NotFound))]
async fn show(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Tagged<ClientDetail>> {
    let tx = app.store.read(&staff.identity()).await?;
    let client = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(client))
}

/// Add a client.
///
/// A call center with endpoint and AOR, and an auth if it has credentials. What Asterisk would not take is refused. The ids of
/// endpoint and AOR are the client's identifier.
#[utoipa::path(post, path = "/api/admin/clients", tag = "clients", params(OnceHeader), request_body = NewClient,
    responses((status = 201, description = "Created", body = ClientDetail), Denied, BadBody, Repeated))]
async fn create(
    State(app): State<AppState>,
    staff: Staff,
    Post(new, once): Post<NewClient>,
) -> ApiResult<Answer> {
    let create =
        async |tx: &Tx| Answer::created(&operations::create(tx, &app.settings.pjsip, staff.id, new).await?);
    once.run(&app.store, &staff.identity(), create).await
}

/// Change a client.
///
/// Every part is optional. `auth: null` removes the auth, and what refers to it. Switches see it at the next call.
#[utoipa::path(method(put, patch), path = "/api/admin/clients/{id}", tag = "clients", params(("id" = i64, Path), IfMatchHeader),
    request_body = ClientChange,
    responses((status = 200, description = "The client as changed", body = ClientDetail),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<ClientChange>,
) -> ApiResult<Tagged<ClientDetail>> {
    let tx = app.store.write(&staff.identity()).await?;
    let client = operations::update(&tx, &app.settings.pjsip, id, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(client))
}

/// Delete a client.
///
/// With its PJSIP objects and inactive links; call records stay. 409 while an active campaign is linked to it or calls are in
/// flight.
#[utoipa::path(delete, path = "/api/admin/clients/{id}", tag = "clients", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted, with its PJSIP objects and inactive links"),
              Denied, NotFound, Changed, Conflict))]
async fn delete(
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
