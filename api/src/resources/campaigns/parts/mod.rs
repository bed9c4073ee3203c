//! A campaign's parts: the set of its DIDs, and its links to clients with their caps.

pub mod objects;
pub mod operations;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::app::caller::Seller;
use crate::error::ApiResult;
use crate::http::body::Valid;
use crate::http::once::{Answer, OnceHeader, Post};
use crate::http::params::{Id, Ids};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged};
use crate::resources::answers::{BadBody, Changed, Conflict, Denied, Message, NotFound, Repeated};
use crate::store::tx::Tx;
use objects::{CampaignDid, CampaignDids, ClientSummary, DidSet, Link, LinkChange, NewLink, OneDid};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(available_clients))
        .routes(routes!(dids, put_dids, add_did))
        .routes(routes!(remove_did))
        .routes(routes!(links, create_link))
        .routes(routes!(show_link, update_link, delete_link))
}

/// Clients that can be linked.
///
/// All that are active, by name.
#[utoipa::path(get, path = "/api/seller/campaigns/available_clients", tag = "campaigns",
    responses((status = 200, description = "Active clients by name", body = Vec<ClientSummary>), Denied))]
async fn available_clients(
    State(app): State<AppState>,
    seller: Seller,
) -> ApiResult<Json<Vec<ClientSummary>>> {
    let tx = app.store.read(&seller.identity()).await?;
    let clients = operations::available_clients(&tx).await?;
    tx.commit().await?;
    Ok(Json(clients))
}

/// The numbers of a campaign.
///
/// By number, with a tag of the set for If-Match.
#[utoipa::path(get, path = "/api/seller/campaigns/{id}/dids", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The campaign's DIDs by number", body = Vec<CampaignDid>), Denied, NotFound))]
async fn dids(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<CampaignDids>> {
    let tx = app.store.read(&seller.identity()).await?;
    let dids = operations::dids_of(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(dids))
}

/// Set the numbers of a campaign.
///
/// It has exactly these then. One that is not the own is 403, and nothing changes. If-Match takes the tag of the set.
#[utoipa::path(put, path = "/api/seller/campaigns/{id}/dids", tag = "campaigns", params(("id" = i64, Path), IfMatchHeader),
    request_body = DidSet,
    responses((status = 200, description = "The campaign has exactly these DIDs", body = Message),
              Denied, BadBody, NotFound, Changed))]
async fn put_dids(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(set): Valid<DidSet>,
) -> ApiResult<Json<Message>> {
    let tx = app.store.write(&seller.identity()).await?;
    operations::replace_dids(&tx, id, &if_match, &set).await?;
    tx.commit().await?;
    Ok(Json(Message::new("Campaign DIDs updated successfully.")))
}

/// Add a number to a campaign.
///
/// 409 `already_in_campaign` for one that is in it.
#[utoipa::path(post, path = "/api/seller/campaigns/{id}/dids", tag = "campaigns", params(("id" = i64, Path), OnceHeader),
    request_body = OneDid,
    responses((status = 201, description = "The DID is one of the campaign's", body = CampaignDid),
              Denied, BadBody, NotFound, Repeated))]
async fn add_did(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    Post(new, once): Post<OneDid>,
) -> ApiResult<Answer> {
    let add = async |tx: &Tx| Answer::made(&operations::add_did(tx, id, &new).await?);
    once.run(&app.store, &seller.identity(), add).await
}

/// Take a number out of a campaign.
///
/// The number stays. If-Match takes the tag of the set.
#[utoipa::path(delete, path = "/api/seller/campaigns/{id}/dids/{did_id}", tag = "campaigns",
    params(("id" = i64, Path), ("did_id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The DID is none of the campaign's any more"), Denied, NotFound, Changed))]
async fn remove_did(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, did): Ids,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&seller.identity()).await?;
    operations::remove_did(&tx, id, did, &if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The links of a campaign.
///
/// By priority, with what is used of their caps.
#[utoipa::path(get, path = "/api/seller/campaigns/{id}/clients", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The campaign's links by priority", body = Vec<Link>), Denied, NotFound))]
async fn links(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Json<Vec<Link>>> {
    let tx = app.store.read(&seller.identity()).await?;
    let links = operations::links_of(&tx, id).await?;
    tx.commit().await?;
    Ok(Json(links))
}

/// Link a client.
///
/// With how many calls it takes at one time and in total, its priority and its weight. A client is linked once to a campaign.
#[utoipa::path(post, path = "/api/seller/campaigns/{id}/clients", tag = "campaigns", params(("id" = i64, Path), OnceHeader),
    request_body = NewLink,
    responses((status = 201, description = "The client is linked", body = Link), Denied, BadBody, NotFound, Repeated))]
async fn create_link(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    Post(new, once): Post<NewLink>,
) -> ApiResult<Answer> {
    let create = async |tx: &Tx| Answer::created(&operations::create_link(tx, id, new).await?);
    once.run(&app.store, &seller.identity(), create).await
}

/// A link.
///
/// With what is used of its caps.
#[utoipa::path(get, path = "/api/seller/campaigns/{id}/clients/{setting_id}", tag = "campaigns",
    params(("id" = i64, Path), ("setting_id" = i64, Path)),
    responses((status = 200, description = "The link", body = Link), Denied, NotFound))]
async fn show_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
) -> ApiResult<Tagged<Link>> {
    let tx = app.store.read(&seller.identity()).await?;
    let link = operations::find_link(&tx, id, link).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

/// Change a link.
///
/// From the next call on; it ends no call. `totalCallsAllowed: null` is no limit, 0 is closed.
#[utoipa::path(method(put, patch), path = "/api/seller/campaigns/{id}/clients/{setting_id}", tag = "campaigns",
    params(("id" = i64, Path), ("setting_id" = i64, Path), IfMatchHeader), request_body = LinkChange,
    responses((status = 200, description = "The link as changed", body = Link),
              Denied, BadBody, NotFound, Changed))]
async fn update_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    if_match: IfMatch,
    Valid(change): Valid<LinkChange>,
) -> ApiResult<Tagged<Link>> {
    let tx = app.store.write(&seller.identity()).await?;
    let link = operations::update_link(&tx, id, link, &if_match, change).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

/// Unlink a client.
///
/// Its total goes with it. 409 while calls hold a slot there, or when the platform has capped it.
#[utoipa::path(delete, path = "/api/seller/campaigns/{id}/clients/{setting_id}", tag = "campaigns",
    params(("id" = i64, Path), ("setting_id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "The link is gone, and its counter with it"),
              Denied, NotFound, Changed, Conflict))]
async fn delete_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&seller.identity()).await?;
    operations::delete_link(&tx, id, link, &if_match).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
