//! What is done with clients. Each change of one waits for the last one of the same: their parts are written one after the other.

use std::collections::HashMap;

use super::list::Clients;
use super::objects::{Client, ClientChange, ClientDetail, NewClient};
use super::pjsip::{self, Aor, Auth, Endpoint};
use super::pjsip_input::{AuthInput, PjsipInput};
use super::statements::*;
use crate::app::settings::PjsipNames;
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::resources::campaigns::parts::objects::Today;
use crate::resources::{capacity, caps};
use crate::store::tx::Tx;

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Client with ID {id} not found."))
}

pub async fn list(tx: &Tx, request: &Request<Clients>) -> ApiResult<Page<Client>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<ClientDetail> {
    let row = tx.optional_row(ONE, &[&id]).await?.ok_or_else(|| unknown(id))?;
    Ok(ClientDetail {
        client: Client::from(&row),
        caps: caps::operations::of(tx, "client", id).await?,
        capacity: capacity::operations::of_client(tx, id).await?,
        today: Today::from(&tx.row(TODAY, &[&id]).await?),
    })
}

/// The registrations that stand now, by the client's identifier; a client without any is left out.
pub async fn registrations(tx: &Tx, identifiers: &[String]) -> ApiResult<HashMap<String, i64>> {
    let rows = tx.rows(REGISTRATIONS, &[&identifiers]).await?;
    let counted = rows.iter().map(|row| (row.get("endpoint"), row.get("count")));
    Ok(counted.collect())
}

/// `by` is the user who creates it.
pub async fn create(tx: &Tx, names: &PjsipNames, by: i64, new: NewClient) -> ApiResult<ClientDetail> {
    let endpoint = new.pjsip.endpoint.unwrap_or_default().onto(None);
    let aor = new.pjsip.aor.unwrap_or_default().onto(None);
    let auth = new.pjsip.auth.flatten().map(|input| (input.onto(None), input));
    pjsip::check(
        &new.client_identifier,
        &endpoint,
        &aor,
        auth.as_ref().map(|(auth, _)| auth),
        names,
    )?;
    let row = tx
        .row(
            INSERT,
            &[
                &new.client_identifier,
                &new.name,
                &new.department,
                &new.status,
                &new.notes,
                &by,
                &new.time_zone,
                &new.schedule_id,
                &new.min_seconds_between,
                &new.caller_rules,
            ],
        )
        .await
        .map_err(|error| {
            error.or_conflict("clients_client_identifier_key", "identifier_taken", || {
                format!("Client identifier '{}' already exists", new.client_identifier)
            })
        })?;
    let id: i64 = row.get("id");
    if let Some((auth, input)) = &auth {
        input.check_secret(auth, None)?;
        insert_auth(tx, id, auth, input).await?;
    }
    write_endpoint(tx, id, &endpoint).await?;
    write_aor(tx, id, &aor).await?;
    find(tx, id).await
}

pub async fn update(
    tx: &Tx,
    names: &PjsipNames,
    id: i64,
    if_match: &IfMatch,
    change: ClientChange,
) -> ApiResult<ClientDetail> {
    // Locked first: two changes of one client's parts follow one another.
    let locked = tx.optional_row(LOCK, &[&id]).await?;
    if_match
        .check_locked(tx, Some(&locked.ok_or_else(|| unknown(id))?), async |tx| {
            find(tx, id).await
        })
        .await?;
    tx.execute(
        UPDATE,
        &[
            &id,
            &change.name,
            &change.status,
            &change.department.clone().flatten(),
            &change.department.is_some(),
            &change.notes.clone().flatten(),
            &change.notes.is_some(),
            &change.time_zone,
            &change.schedule_id.flatten(),
            &change.schedule_id.is_some(),
            &change.min_seconds_between.flatten(),
            &change.min_seconds_between.is_some(),
            &change.caller_rules,
        ],
    )
    .await?;
    if let Some(input) = change.pjsip {
        let was = find(tx, id).await?.client;
        update_pjsip(tx, names, was, input).await?;
    }
    find(tx, id).await
}

/// With its PJSIP objects and inactive links.
pub async fn delete(tx: &Tx, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    let locked = tx.optional_row(LOCK_TO_DELETE, &[&id]).await?;
    if_match
        .check_locked(tx, Some(&locked.ok_or_else(|| unknown(id))?), async |tx| {
            find(tx, id).await
        })
        .await?;
    let linked = |what: &str| {
        ApiError::conflict(
            "client_in_use",
            format!("Cannot delete client {id}. It is actively linked {what}."),
        )
    };
    let campaigns: i64 = tx.row(ACTIVE_LINKS, &[&id]).await?.get("count");
    if campaigns > 0 {
        return Err(linked(&format!("to {campaigns} active campaign(s)")));
    }
    tx.execute(DELETE, &[&id]).await.map_err(|error| {
        let busy = error.0.constraint.as_deref() == Some("link_counters_calls_in_flight");
        if busy { linked("by calls in flight") } else { error }
    })?;
    Ok(())
}

async fn update_pjsip(tx: &Tx, names: &PjsipNames, was: Client, input: PjsipInput) -> ApiResult<()> {
    let removed = matches!(input.auth, Some(None));
    let auth_input = input.auth.flatten();
    if let (Some(was), Some(new)) = (&was.pjsip_auth, &auth_input)
        && was.id != new.id
    {
        let text = format!(
            "The client's auth is '{}'. Remove it before another takes its place.",
            was.id
        );
        return Err(ApiError::conflict("auth_exists", text));
    }
    let auth = match &auth_input {
        Some(input) => Some(input.onto(was.pjsip_auth.as_ref())),
        None => was.pjsip_auth.clone().filter(|_| !removed),
    };
    let mut endpoint = input.endpoint.unwrap_or_default().onto(was.pjsip_endpoint);
    if removed {
        // References to what is removed go with it; one that the body itself makes is an error below.
        let gone = was.pjsip_auth.as_ref().map(|auth| &auth.id);
        endpoint.auth = endpoint.auth.filter(|id| Some(id) != gone);
        endpoint.outbound_auth = endpoint.outbound_auth.filter(|id| Some(id) != gone);
    }
    let aor = input.aor.unwrap_or_default().onto(was.pjsip_aor);
    pjsip::check(&was.client_identifier, &endpoint, &aor, auth.as_ref(), names)?;
    if let (Some(auth), Some(input)) = (&auth, &auth_input) {
        input.check_secret(auth, was.pjsip_auth.as_ref())?;
        match &was.pjsip_auth {
            Some(_) => update_auth(tx, was.id, auth, input).await?,
            None => insert_auth(tx, was.id, auth, input).await?,
        }
    }
    write_endpoint(tx, was.id, &endpoint).await?;
    write_aor(tx, was.id, &aor).await?;
    if removed {
        tx.execute(DELETE_AUTH, &[&was.id]).await?;
    }
    Ok(())
}

async fn write_endpoint(tx: &Tx, id: i64, endpoint: &Endpoint) -> ApiResult<()> {
    let e = endpoint;
    tx.execute(
        PUT_ENDPOINT,
        &[
            &id,
            &e.id,
            &e.transport,
            &e.aors,
            &e.auth,
            &e.context,
            &e.disallow,
            &e.allow,
            &e.direct_media,
            &e.outbound_auth,
            &e.from_user,
            &e.from_domain,
            &e.callerid,
        ],
    )
    .await?;
    Ok(())
}

async fn write_aor(tx: &Tx, id: i64, aor: &Aor) -> ApiResult<()> {
    tx.execute(
        PUT_AOR,
        &[
            &id,
            &aor.id,
            &aor.contact,
            &aor.max_contacts,
            &aor.qualify_frequency,
        ],
    )
    .await?;
    Ok(())
}

async fn insert_auth(tx: &Tx, id: i64, auth: &Auth, input: &AuthInput) -> ApiResult<()> {
    tx.execute(
        INSERT_AUTH,
        &[
            &id,
            &auth.id,
            &auth.auth_type,
            &auth.username,
            &input.password,
            &input.md5_cred,
            &auth.realm,
        ],
    )
    .await
    .map_err(|error| {
        error.or_conflict("pjsip_auths_id_key", "auth_taken", || {
            format!("PJSIP auth ID '{}' already exists", auth.id)
        })
    })?;
    Ok(())
}

/// Secrets are write-only for the database role, too, so a statement must not even read the old one.
async fn update_auth(tx: &Tx, id: i64, auth: &Auth, input: &AuthInput) -> ApiResult<()> {
    if input.password.is_some() || input.md5_cred.is_some() {
        tx.execute(
            SET_SECRET,
            &[
                &id,
                &auth.auth_type,
                &auth.username,
                &input.password,
                &input.md5_cred,
            ],
        )
        .await?;
    }
    tx.execute(UPDATE_AUTH, &[&id, &auth.username, &auth.realm])
        .await?;
    Ok(())
}
