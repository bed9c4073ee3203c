//! A campaign's parts: the set of its DIDs, and its links to clients with their caps.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::objects::{CampaignDid, CampaignDids, ClientSummary, DidSet, Link, LinkChange, NewLink};
use super::{LOCK, unknown};
use crate::app::AppState;
use crate::app::caller::Seller;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::params::{Id, Ids};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged, Versioned, changed};
use crate::resources::answers::{BadBody, Changed, Conflict, Denied, Message, NotFound};
use crate::store::tx::Tx;

pub const DIDS: &str = "\
    select d.id, d.number, d.description, d.status
      from campaign_dids m join dids d on d.id = m.did_id where m.campaign_id = $1 order by d.number";
pub const LINKS: &str = "\
    select s.id, k.id, k.client_identifier, k.name, k.department, s.status, s.max_concurrency, s.total_calls_allowed,
           n.total, n.active, s.forwarding_priority, s.weight, s.created_at, s.updated_at, s.version
      from campaign_client_settings s
      join clients k on k.id = s.client_id
      join link_counters n on n.link_id = s.id
     where s.campaign_id = $1
     order by s.forwarding_priority, s.id";
const LINK: &str = "\
    select s.id, k.id, k.client_identifier, k.name, k.department, s.status, s.max_concurrency, s.total_calls_allowed,
           n.total, n.active, s.forwarding_priority, s.weight, s.created_at, s.updated_at, s.version
      from campaign_client_settings s
      join clients k on k.id = s.client_id
      join link_counters n on n.link_id = s.id
     where s.campaign_id = $1 and s.id = $2";
const LOCK_LINK: &str = "\
    select version from campaign_client_settings where campaign_id = $1 and id = $2 for no key update";
/// As the deletion itself locks it.
const LOCK_LINK_TO_DELETE: &str = "\
    select version from campaign_client_settings where campaign_id = $1 and id = $2 for update";
const EXISTS: &str = "select id from campaigns where id = $1";
const NOT_OWNED: &str =
    "select id from unnest($1::bigint[]) id where not exists (select from dids d where d.id = id.id)";
const DETACH: &str = "delete from campaign_dids where campaign_id = $1 and did_id <> all ($2)";
const ATTACH: &str = "\
    insert into campaign_dids (campaign_id, did_id) select $1, unnest($2::bigint[])
    on conflict (did_id, campaign_id) do nothing";
const CLIENT: &str = "select id from clients where id = $1 and status = 'active'";
const INSERT_LINK: &str = "\
    insert into campaign_client_settings
        (campaign_id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight)
    values ($1, $2, $3, $4, $5, $6, $7) returning id";
const UPDATE_LINK: &str = "\
    update campaign_client_settings
       set status = coalesce($3, status), max_concurrency = coalesce($4, max_concurrency),
           forwarding_priority = coalesce($5, forwarding_priority), weight = coalesce($6, weight),
           total_calls_allowed = case when $8 then $7 else total_calls_allowed end
     where campaign_id = $1 and id = $2";
const DELETE_LINK: &str = "delete from campaign_client_settings where campaign_id = $1 and id = $2";
const AVAILABLE_CLIENTS: &str =
    "select id, client_identifier, name, department from clients where status = 'active' order by name, id";

pub const SELLER_STATEMENTS: &[&str] = &[
    DIDS,
    LINKS,
    LINK,
    LOCK_LINK,
    LOCK_LINK_TO_DELETE,
    EXISTS,
    NOT_OWNED,
    DETACH,
    ATTACH,
    CLIENT,
    INSERT_LINK,
    UPDATE_LINK,
    DELETE_LINK,
    AVAILABLE_CLIENTS,
];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(available_clients))
        .routes(routes!(dids, put_dids))
        .routes(routes!(links, create_link))
        .routes(routes!(show_link, update_link, delete_link))
}

fn unknown_link(id: i64) -> ApiError {
    ApiError::not_found(format!("Client setting with ID {id} not found in this campaign."))
}

async fn must_exist(tx: &Tx, campaign: i64) -> ApiResult<()> {
    tx.optional_row(EXISTS, &[&campaign])
        .await?
        .map(|_| ())
        .ok_or_else(|| unknown(campaign))
}

async fn find_link(tx: &Tx, campaign: i64, link: i64) -> ApiResult<Link> {
    must_exist(tx, campaign).await?;
    let row = tx.optional_row(LINK, &[&campaign, &link]).await?;
    row.as_ref().map(Link::from).ok_or_else(|| unknown_link(link))
}

#[utoipa::path(get, path = "/api/seller/campaigns/available_clients", tag = "campaigns",
    responses((status = 200, description = "Active clients by name", body = Vec<ClientSummary>), Denied))]
async fn available_clients(
    State(app): State<AppState>,
    seller: Seller,
) -> ApiResult<Json<Vec<ClientSummary>>> {
    let tx = app.store.read(&seller.identity()).await?;
    let rows = tx.rows(AVAILABLE_CLIENTS, &[]).await?;
    tx.commit().await?;
    Ok(Json(
        rows.iter().map(|row| ClientSummary::from_row(row, 0)).collect(),
    ))
}

#[utoipa::path(get, path = "/api/seller/campaigns/{id}/dids", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The campaign's DIDs by number", body = Vec<CampaignDid>), Denied, NotFound))]
async fn dids(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<CampaignDids>> {
    let tx = app.store.read(&seller.identity()).await?;
    must_exist(&tx, id).await?;
    let dids = find_dids(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(dids))
}

async fn find_dids(tx: &Tx, campaign: i64) -> ApiResult<CampaignDids> {
    let rows = tx.rows(DIDS, &[&campaign]).await?;
    Ok(CampaignDids(rows.iter().map(CampaignDid::from).collect()))
}

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
    // Two replacements of one campaign's DIDs follow one another.
    tx.optional_row(LOCK, &[&id]).await?.ok_or_else(|| unknown(id))?;
    if !if_match.is_none() {
        let present = find_dids(&tx, id).await?;
        if !if_match.admits(&[&present.tag()]) {
            let mut error = changed(&present);
            error.0.message = format!(
                "The set is another than the one that If-Match names; `present` is how it is now. The ETag of \
                 GET /api/seller/campaigns/{id}/dids is expected, not the campaign's."
            );
            return Err(error);
        }
    }
    let foreign: Vec<String> = tx
        .rows(NOT_OWNED, &[&set.did_ids])
        .await?
        .iter()
        .map(|row| row.get::<_, i64>(0).to_string())
        .collect();
    if !foreign.is_empty() {
        let text = format!(
            "DIDs {} do not exist or are not owned by the user; nothing was changed.",
            foreign.join(", ")
        );
        return Err(ApiError::forbidden("did_not_owned", text));
    }
    tx.execute(DETACH, &[&id, &set.did_ids]).await?;
    tx.execute(ATTACH, &[&id, &set.did_ids]).await?;
    tx.commit().await?;
    Ok(Json(Message::new("Campaign DIDs updated successfully.")))
}

#[utoipa::path(get, path = "/api/seller/campaigns/{id}/clients", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The campaign's links by priority", body = Vec<Link>), Denied, NotFound))]
async fn links(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Json<Vec<Link>>> {
    let tx = app.store.read(&seller.identity()).await?;
    must_exist(&tx, id).await?;
    let rows = tx.rows(LINKS, &[&id]).await?;
    tx.commit().await?;
    Ok(Json(rows.iter().map(Link::from).collect()))
}

#[utoipa::path(post, path = "/api/seller/campaigns/{id}/clients", tag = "campaigns", params(("id" = i64, Path)),
    request_body = NewLink,
    responses((status = 201, description = "The client is linked", body = Link), Denied, BadBody, NotFound, Conflict))]
async fn create_link(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    Valid(new): Valid<NewLink>,
) -> ApiResult<(StatusCode, Tagged<Link>)> {
    let tx = app.store.write(&seller.identity()).await?;
    must_exist(&tx, id).await?;
    tx.optional_row(CLIENT, &[&new.client_id]).await?.ok_or_else(|| {
        ApiError::not_found(format!(
            "Client with ID {} not found or not active.",
            new.client_id
        ))
    })?;
    let row = tx
        .row(
            INSERT_LINK,
            &[
                &id,
                &new.client_id,
                &new.status,
                &new.max_concurrency,
                &new.total_calls_allowed,
                &new.forwarding_priority,
                &new.weight,
            ],
        )
        .await
        .map_err(|error| {
            error.or_conflict(
                "campaign_client_settings_campaign_id_client_id_key",
                "already_linked",
                || format!("Client {} is already linked to this campaign.", new.client_id),
            )
        })?;
    let link = find_link(&tx, id, row.get(0)).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Tagged(link)))
}

#[utoipa::path(get, path = "/api/seller/campaigns/{id}/clients/{setting_id}", tag = "campaigns",
    params(("id" = i64, Path), ("setting_id" = i64, Path)),
    responses((status = 200, description = "The link", body = Link), Denied, NotFound))]
async fn show_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
) -> ApiResult<Tagged<Link>> {
    let tx = app.store.read(&seller.identity()).await?;
    let link = find_link(&tx, id, link).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

#[utoipa::path(put, path = "/api/seller/campaigns/{id}/clients/{setting_id}", tag = "campaigns",
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
    if_match
        .check(&tx, LOCK_LINK, &[&id, &link], async |tx| {
            find_link(tx, id, link).await
        })
        .await?;
    tx.execute(
        UPDATE_LINK,
        &[
            &id,
            &link,
            &change.status,
            &change.max_concurrency,
            &change.forwarding_priority,
            &change.weight,
            &change.total_calls_allowed.flatten(),
            &change.total_calls_allowed.is_some(),
        ],
    )
    .await?;
    let link = find_link(&tx, id, link).await?;
    tx.commit().await?;
    Ok(Tagged(link))
}

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
    must_exist(&tx, id).await?;
    if_match
        .check(&tx, LOCK_LINK_TO_DELETE, &[&id, &link], async |tx| {
            find_link(tx, id, link).await
        })
        .await?;
    if tx.execute(DELETE_LINK, &[&id, &link]).await? == 0 {
        return Err(unknown_link(link));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
