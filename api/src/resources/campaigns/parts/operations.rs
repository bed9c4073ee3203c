//! What is done with a campaign's parts, in SQL: the set of its DIDs, and its links to clients with their caps.

use super::objects::{
    CampaignDid, CampaignDids, ClientSummary, DidSet, Link, LinkChange, NewLink, OneDid, settings,
};
use crate::error::{ApiError, ApiResult};
use crate::http::version::{IfMatch, Versioned, changed};
use crate::resources::campaigns::presence::{lock, must_exist};
use crate::resources::caps;
use crate::resources::pauses::objects::paused;
use crate::store::tx::Tx;

macro_rules! dids {
    ($rest:literal) => {
        concat!(
            "select d.id, d.number, d.description, d.status
      from campaign_dids m join dids d on d.id = m.did_id where m.campaign_id = $1",
            $rest
        )
    };
}

const DIDS: &str = dids!(" order by d.number");
const DID: &str = dids!(" and m.did_id = $2");
macro_rules! links {
    ($rest:literal) => {
        concat!(
            "select s.id, k.id as client_id, k.client_identifier, k.name, k.department, ",
            settings!("s."),
            ",
           n.total, n.active, s.created_at, s.updated_at, s.version, s.capped, ",
            paused!("s."),
            ", k.platform_paused_until as client_paused_until,
           t.offered as today_offered, t.answered as today_answered, t.qualified as today_qualified
      from campaign_client_settings s
      join clients k on k.id = s.client_id
      join link_counters n on n.link_id = s.id
      left join link_today_view t on t.link_id = s.id
     where s.campaign_id = $1",
            $rest
        )
    };
}

const LINKS: &str = links!("\n     order by s.forwarding_priority, s.id");
const LINK: &str = links!(" and s.id = $2");
const LOCK_LINK: &str = "\
    select version from campaign_client_settings where campaign_id = $1 and id = $2 for no key update";
/// As the deletion itself locks it.
const LOCK_LINK_TO_DELETE: &str = "\
    select version from campaign_client_settings where campaign_id = $1 and id = $2 for update";
const NOT_OWNED: &str =
    "select id from unnest($1::bigint[]) id where not exists (select from dids d where d.id = id.id)";
const DETACH: &str = "delete from campaign_dids where campaign_id = $1 and did_id <> all ($2)";
const DETACH_ONE: &str = "delete from campaign_dids where campaign_id = $1 and did_id = $2";
const ATTACH: &str = "\
    insert into campaign_dids (campaign_id, did_id) select $1, unnest($2::bigint[])
    on conflict (did_id, campaign_id) do nothing";
const CLIENT: &str = "select id from clients where id = $1 and status = 'active'";
const INSERT_LINK: &str = "\
    insert into campaign_client_settings
        (campaign_id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight,
         min_seconds_between, qualify_seconds, schedule_id, caller_rules)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id";
/// The fields of `LinkChange`: $6, $8, $10 and $12 say whether the nullable ones were given.
macro_rules! change_link {
    ($which:literal) => {
        concat!(
            "update campaign_client_settings
       set status = coalesce($1, status), max_concurrency = coalesce($2, max_concurrency),
           forwarding_priority = coalesce($3, forwarding_priority), weight = coalesce($4, weight),
           total_calls_allowed = case when $6 then $5 else total_calls_allowed end,
           min_seconds_between = case when $8 then $7 else min_seconds_between end,
           qualify_seconds = case when $10 then $9 else qualify_seconds end,
           schedule_id = case when $12 then $11 else schedule_id end,
           caller_rules = coalesce($13, caller_rules)
     where ",
            $which
        )
    };
}
pub(crate) use change_link;

const UPDATE_LINK: &str = change_link!("campaign_id = $14 and id = $15");
const DELETE_LINK: &str = "delete from campaign_client_settings where campaign_id = $1 and id = $2";
const AVAILABLE_CLIENTS: &str =
    "select id, client_identifier, name, department from clients where status = 'active' order by name, id";

pub const SELLER_STATEMENTS: &[&str] = &[
    DIDS,
    DID,
    DETACH_ONE,
    LINKS,
    LINK,
    LOCK_LINK,
    LOCK_LINK_TO_DELETE,
    NOT_OWNED,
    DETACH,
    ATTACH,
    CLIENT,
    INSERT_LINK,
    UPDATE_LINK,
    DELETE_LINK,
    AVAILABLE_CLIENTS,
];

fn unknown_link(id: i64) -> ApiError {
    ApiError::not_found(format!("Client setting with ID {id} not found in this campaign."))
}

/// By name: whom a campaign can be linked to.
pub async fn available_clients(tx: &Tx) -> ApiResult<Vec<ClientSummary>> {
    let rows = tx.rows(AVAILABLE_CLIENTS, &[]).await?;
    Ok(rows.iter().map(ClientSummary::from).collect())
}

/// Of a campaign that is there.
pub async fn dids_of(tx: &Tx, campaign: i64) -> ApiResult<CampaignDids> {
    must_exist(tx, campaign).await?;
    dids(tx, campaign).await
}

/// By number.
pub async fn dids(tx: &Tx, campaign: i64) -> ApiResult<CampaignDids> {
    let rows = tx.rows(DIDS, &[&campaign]).await?;
    Ok(CampaignDids(rows.iter().map(CampaignDid::from).collect()))
}

/// In the transaction of a change of the set. Changes of one campaign's set follow one another.
async fn lock_set(tx: &Tx, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    lock(tx, id).await?;
    if if_match.is_none() {
        return Ok(());
    }
    let present = dids(tx, id).await?;
    if if_match.admits(&[&present.tag()]) {
        return Ok(());
    }
    let mut error = changed(&present);
    error.0.message = format!(
        "The set is another than the one that If-Match names; `present` is how it is now. The ETag of \
         GET /api/seller/campaigns/{id}/dids is expected, not the campaign's."
    );
    Err(error)
}

async fn must_own(tx: &Tx, did_ids: &[i64]) -> ApiResult<()> {
    let foreign: Vec<String> = tx
        .rows(NOT_OWNED, &[&did_ids])
        .await?
        .iter()
        .map(|row| row.get::<_, i64>("id").to_string())
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let text = format!(
        "DIDs {} do not exist or are not owned by the user; nothing was changed.",
        foreign.join(", ")
    );
    Err(ApiError::forbidden("did_not_owned", text))
}

/// The campaign has exactly these afterwards, or those of before.
pub async fn replace_dids(tx: &Tx, id: i64, if_match: &IfMatch, set: &DidSet) -> ApiResult<()> {
    lock_set(tx, id, if_match).await?;
    must_own(tx, &set.did_ids).await?;
    tx.execute(DETACH, &[&id, &set.did_ids]).await?;
    tx.execute(ATTACH, &[&id, &set.did_ids]).await?;
    Ok(())
}

pub async fn add_did(tx: &Tx, id: i64, new: &OneDid) -> ApiResult<CampaignDid> {
    lock(tx, id).await?;
    must_own(tx, &[new.did_id]).await?;
    if tx.execute(ATTACH, &[&id, &vec![new.did_id]]).await? == 0 {
        return Err(ApiError::conflict(
            "already_in_campaign",
            format!("DID {} is in this campaign already.", new.did_id),
        ));
    }
    Ok(CampaignDid::from(&tx.row(DID, &[&id, &new.did_id]).await?))
}

/// The number stays.
pub async fn remove_did(tx: &Tx, id: i64, did: i64, if_match: &IfMatch) -> ApiResult<()> {
    must_exist(tx, id).await?;
    let unknown = || ApiError::not_found(format!("DID with ID {did} is not in this campaign."));
    tx.optional_row(DID, &[&id, &did]).await?.ok_or_else(unknown)?;
    lock_set(tx, id, if_match).await?;
    match tx.execute(DETACH_ONE, &[&id, &did]).await? {
        0 => Err(unknown()),
        _ => Ok(()),
    }
}

/// Of a campaign that is there.
pub async fn links_of(tx: &Tx, campaign: i64) -> ApiResult<Vec<Link>> {
    must_exist(tx, campaign).await?;
    links(tx, campaign).await
}

/// By priority.
pub async fn links(tx: &Tx, campaign: i64) -> ApiResult<Vec<Link>> {
    let rows = tx.rows(LINKS, &[&campaign]).await?;
    let mut links: Vec<Link> = rows.iter().map(Link::from).collect();
    if rows.iter().any(|row| row.get("capped")) {
        let mut caps = caps::operations::of_campaign(tx, campaign).await?;
        for link in &mut links {
            link.caps = caps.remove(&link.id).unwrap_or_default();
        }
    }
    Ok(links)
}

pub async fn find_link(tx: &Tx, campaign: i64, link: i64) -> ApiResult<Link> {
    must_exist(tx, campaign).await?;
    let row = tx.optional_row(LINK, &[&campaign, &link]).await?;
    let row = row.ok_or_else(|| unknown_link(link))?;
    let mut found = Link::from(&row);
    if row.get("capped") {
        found.caps = caps::operations::of(tx, "link", link).await?;
    }
    Ok(found)
}

pub async fn create_link(tx: &Tx, id: i64, new: NewLink) -> ApiResult<Link> {
    must_exist(tx, id).await?;
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
                &new.min_seconds_between,
                &new.qualify_seconds,
                &new.schedule_id,
                &new.caller_rules,
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
    find_link(tx, id, row.get("id")).await
}

pub async fn update_link(
    tx: &Tx,
    id: i64,
    link: i64,
    if_match: &IfMatch,
    change: LinkChange,
) -> ApiResult<Link> {
    if_match
        .check(tx, LOCK_LINK, &[&id, &link], async |tx| {
            find_link(tx, id, link).await
        })
        .await?;
    tx.execute(
        UPDATE_LINK,
        &[
            &change.status,
            &change.max_concurrency,
            &change.forwarding_priority,
            &change.weight,
            &change.total_calls_allowed.flatten(),
            &change.total_calls_allowed.is_some(),
            &change.min_seconds_between.flatten(),
            &change.min_seconds_between.is_some(),
            &change.qualify_seconds.flatten(),
            &change.qualify_seconds.is_some(),
            &change.schedule_id.flatten(),
            &change.schedule_id.is_some(),
            &change.caller_rules,
            &id,
            &link,
        ],
    )
    .await?;
    find_link(tx, id, link).await
}

/// With its counter.
pub async fn delete_link(tx: &Tx, id: i64, link: i64, if_match: &IfMatch) -> ApiResult<()> {
    must_exist(tx, id).await?;
    if_match
        .check(tx, LOCK_LINK_TO_DELETE, &[&id, &link], async |tx| {
            find_link(tx, id, link).await
        })
        .await?;
    match tx.execute(DELETE_LINK, &[&id, &link]).await? {
        0 => Err(unknown_link(link)),
        _ => Ok(()),
    }
}
