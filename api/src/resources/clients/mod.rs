//! /api/admin/clients: the call centers and their PJSIP objects, for admins and staff.

pub mod pjsip;
pub mod rules;
mod sql;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Changed, Conflict, Denied, NotFound};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged, Versioned};
use crate::store::tx::Tx;
use pjsip::{Aor, Auth, AuthInput, Endpoint, PjsipInput};
pub use sql::STAFF_STATEMENTS;

const STATUSES: &[&str] = &["active", "inactive"];
const IDENTIFIER: Text = Text::name(1, 40).check(rules::identifier);
const NAME: Text = Text::title(1, 100);
const DEPARTMENT: Text = Text::title(0, 100);
const NOTES: Text = Text::prose(10_000);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Client {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "client_alpha_sales")]
    client_identifier: String,
    #[schema(example = "Alpha Corp")]
    name: String,
    department: Option<String>,
    #[schema(example = "active")]
    status: String,
    notes: Option<String>,
    created_by: Option<i64>,
    created_at: Instant,
    updated_at: Instant,
    pjsip_endpoint: Option<Endpoint>,
    pjsip_aor: Option<Aor>,
    pjsip_auth: Option<Auth>,
    /// Of all of it, the PJSIP objects included.
    #[schema(example = 1)]
    version: i64,
}

impl Versioned for Client {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

impl From<&Row> for Client {
    fn from(row: &Row) -> Self {
        Client {
            id: row.get(0),
            client_identifier: row.get(1),
            name: row.get(2),
            department: row.get(3),
            status: row.get(4),
            notes: row.get(5),
            created_by: row.get(6),
            created_at: row.get(7),
            updated_at: row.get(8),
            pjsip_endpoint: Endpoint::from_row(row, 9),
            pjsip_aor: Aor::from_row(row, 21),
            pjsip_auth: Auth::from_row(row, 25),
            version: row.get(29),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct NewClient {
    #[schema(
        min_length = 1,
        max_length = 40,
        pattern = "^[A-Za-z0-9_.-]+$",
        example = "client_epsilon"
    )]
    client_identifier: String,
    #[schema(min_length = 1, max_length = 100, example = "Epsilon Ltd.")]
    name: String,
    #[schema(max_length = 100)]
    department: Option<String>,
    notes: Option<String>,
    #[schema(pattern = "^(active|inactive)$", default = "active", required = false)]
    status: String,
    pjsip: PjsipInput,
}

impl Input for NewClient {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewClient {
            client_identifier: f.required_text("clientIdentifier", &IDENTIFIER),
            name: f.required_text("name", &NAME),
            department: f.nullable_text("department", &DEPARTMENT).flatten(),
            notes: f.nullable_text("notes", &NOTES).flatten(),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            pjsip: f.required_object("pjsip", |f| PjsipInput::read(f, true)),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct ClientChange {
    #[schema(min_length = 1, max_length = 100, required = false)]
    name: Option<String>,
    #[schema(value_type = Option<String>, max_length = 100)]
    department: Option<Option<String>>,
    #[schema(value_type = Option<String>)]
    notes: Option<Option<String>>,
    #[schema(pattern = "^(active|inactive)$", required = false)]
    status: Option<String>,
    #[schema(required = false)]
    pjsip: Option<PjsipInput>,
}

impl Input for ClientChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        ClientChange {
            name: f.text("name", &NAME),
            department: f.nullable_text("department", &DEPARTMENT),
            notes: f.nullable_text("notes", &NOTES),
            status: f.choice("status", STATUSES),
            pjsip: f.object("pjsip", |f| PjsipInput::read(f, false)),
        }
    }
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Client with ID {id} not found."))
}

async fn find(tx: &Tx, id: i64) -> ApiResult<Client> {
    tx.optional_row(sql::ONE, &[&id])
        .await?
        .as_ref()
        .map(Client::from)
        .ok_or_else(|| unknown(id))
}

#[utoipa::path(get, path = "/api/admin/clients", tag = "clients",
    params(PageParams, ("status" = Option<String>, Query, description = "active or inactive"),
           ("q" = Option<String>, Query, description = "how the name or identifier begins, in any case")),
    responses((status = 200, description = "Clients by name", body = Page<Client>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<Client>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (status, start) = (params.choice("status", STATUSES)?, params.title("q", 100)?);
    let tx = app.store.read(&staff.identity()).await?;
    page.of(tx, sql::COUNT, sql::LIST, &[&status, &start]).await
}

#[utoipa::path(get, path = "/api/admin/clients/{id}", tag = "clients", params(("id" = i64, Path)),
    responses((status = 200, description = "The client", body = Client), Denied, NotFound))]
async fn show(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Tagged<Client>> {
    let tx = app.store.read(&staff.identity()).await?;
    let client = find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(client))
}

#[utoipa::path(post, path = "/api/admin/clients", tag = "clients", request_body = NewClient,
    responses((status = 201, description = "Created", body = Client), Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    staff: Staff,
    Valid(new): Valid<NewClient>,
) -> ApiResult<(StatusCode, Tagged<Client>)> {
    let endpoint = new.pjsip.endpoint.unwrap_or_default().onto(None);
    let aor = new.pjsip.aor.unwrap_or_default().onto(None);
    let auth = new.pjsip.auth.flatten().map(|input| (input.onto(None), input));
    pjsip::check(
        &new.client_identifier,
        &endpoint,
        &aor,
        auth.as_ref().map(|(auth, _)| auth),
        &app.settings.pjsip,
    )?;
    let tx = app.store.write(&staff.identity()).await?;
    let row = tx
        .row(
            sql::INSERT,
            &[
                &new.client_identifier,
                &new.name,
                &new.department,
                &new.status,
                &new.notes,
                &staff.id,
            ],
        )
        .await
        .map_err(|error| {
            error.or_conflict("clients_client_identifier_key", "identifier_taken", || {
                format!("Client identifier '{}' already exists", new.client_identifier)
            })
        })?;
    let id: i64 = row.get(0);
    if let Some((auth, input)) = &auth {
        input.check_secret(auth, None)?;
        insert_auth(&tx, id, auth, input).await?;
    }
    write_endpoint(&tx, id, &endpoint).await?;
    write_aor(&tx, id, &aor).await?;
    let client = find(&tx, id).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Tagged(client)))
}

#[utoipa::path(put, path = "/api/admin/clients/{id}", tag = "clients", params(("id" = i64, Path), IfMatchHeader),
    request_body = ClientChange,
    responses((status = 200, description = "The client as changed", body = Client),
              Denied, BadBody, NotFound, Changed, Conflict))]
async fn update(
    State(app): State<AppState>,
    staff: Staff,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<ClientChange>,
) -> ApiResult<Tagged<Client>> {
    let tx = app.store.write(&staff.identity()).await?;
    // Locked first: two changes of one client's parts follow one another.
    let locked = tx.optional_row(sql::LOCK, &[&id]).await?;
    if_match
        .check_locked(&tx, Some(&locked.ok_or_else(|| unknown(id))?), async |tx| {
            find(tx, id).await
        })
        .await?;
    tx.execute(
        sql::UPDATE,
        &[
            &id,
            &change.name,
            &change.status,
            &change.department.clone().flatten(),
            &change.department.is_some(),
            &change.notes.clone().flatten(),
            &change.notes.is_some(),
        ],
    )
    .await?;
    if let Some(input) = change.pjsip {
        let was = find(&tx, id).await?;
        update_pjsip(&app, &tx, was, input).await?;
    }
    let client = find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(client))
}

async fn update_pjsip(app: &AppState, tx: &Tx, was: Client, input: PjsipInput) -> ApiResult<()> {
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
    pjsip::check(
        &was.client_identifier,
        &endpoint,
        &aor,
        auth.as_ref(),
        &app.settings.pjsip,
    )?;
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
        tx.execute(sql::DELETE_AUTH, &[&was.id]).await?;
    }
    Ok(())
}

async fn write_endpoint(tx: &Tx, id: i64, endpoint: &Endpoint) -> ApiResult<()> {
    let e = endpoint;
    tx.execute(
        sql::PUT_ENDPOINT,
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
        sql::PUT_AOR,
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
        sql::INSERT_AUTH,
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
            sql::SET_SECRET,
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
    tx.execute(sql::UPDATE_AUTH, &[&id, &auth.username, &auth.realm])
        .await?;
    Ok(())
}

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
    let locked = tx.optional_row(sql::LOCK_TO_DELETE, &[&id]).await?;
    if_match
        .check_locked(&tx, Some(&locked.ok_or_else(|| unknown(id))?), async |tx| {
            find(tx, id).await
        })
        .await?;
    let linked = |what: &str| {
        ApiError::conflict(
            "client_in_use",
            format!("Cannot delete client {id}. It is actively linked {what}."),
        )
    };
    let campaigns: i64 = tx.row(sql::ACTIVE_LINKS, &[&id]).await?.get(0);
    if campaigns > 0 {
        return Err(linked(&format!("to {campaigns} active campaign(s)")));
    }
    tx.execute(sql::DELETE, &[&id]).await.map_err(|error| {
        let busy = error.0.constraint.as_deref() == Some("link_counters_calls_in_flight");
        if busy { linked("by calls in flight") } else { error }
    })?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
