//! /api/seller/dids: the seller's own numbers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, BadFilter, Conflict, Denied, NotFound};
use crate::access::caller::Seller;
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::error::{ApiError, ApiResult};
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::serve::state::AppState;

const LIST: &str = "\
    select id, number, status, description, created_at, updated_at
      from dids where $1::text is null or status = $1 order by number limit $2 offset $3";
const COUNT: &str = "select count(*) from dids where $1::text is null or status = $1";
const ONE: &str = "select id, number, status, description, created_at, updated_at from dids where id = $1";
const INSERT: &str = "\
    insert into dids (user_id, number, status, description) values (session_user_id(), $1, $2, $3)
    returning id, number, status, description, created_at, updated_at";
const UPDATE: &str = "\
    update dids set status = coalesce($2, status), description = case when $4 then $3 else description end
     where id = $1
    returning id, number, status, description, created_at, updated_at";
const DELETE: &str = "delete from dids where id = $1";

pub const SELLER_STATEMENTS: &[&str] = &[LIST, COUNT, ONE, INSERT, UPDATE, DELETE];

const STATUSES: &[&str] = &["active", "inactive"];
const NUMBER: Text = Text::name(0, 50).check(e164);
const DESCRIPTION: Text = Text::prose(255);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Did {
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "+18005550101")]
    number: String,
    #[schema(example = "active")]
    status: String,
    description: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

impl From<&Row> for Did {
    fn from(row: &Row) -> Self {
        Did {
            id: row.get(0),
            number: row.get(1),
            status: row.get(2),
            description: row.get(3),
            created_at: row.get(4),
            updated_at: row.get(5),
        }
    }
}

#[derive(Debug, ToSchema)]
struct NewDid {
    #[schema(pattern = r"^\+[1-9][0-9]{1,14}$", example = "+18005550199")]
    number: String,
    #[schema(max_length = 255)]
    description: Option<String>,
    #[schema(pattern = "^(active|inactive)$", default = "active", required = false)]
    status: String,
}

impl Input for NewDid {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewDid {
            number: f.required_text("number", &NUMBER),
            description: f.nullable_text("description", &DESCRIPTION).flatten(),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
        }
    }
}

#[derive(Debug, ToSchema)]
struct DidChange {
    #[schema(value_type = Option<String>, max_length = 255)]
    description: Option<Option<String>>,
    #[schema(pattern = "^(active|inactive)$", required = false)]
    status: Option<String>,
}

impl Input for DidChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        DidChange {
            description: f.nullable_text("description", &DESCRIPTION),
            status: f.choice("status", STATUSES),
        }
    }
}

fn e164(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix('+').unwrap_or("").as_bytes();
    let fits = (2..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
    if fits {
        Ok(())
    } else {
        Err("Invalid phone number format: E.164 is expected, such as +18005550101.".into())
    }
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("DID with ID {id} not found or not owned by user."))
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

#[utoipa::path(get, path = "/api/seller/dids", tag = "dids",
    params(PageParams, ("status" = Option<String>, Query, description = "active or inactive")),
    responses((status = 200, description = "The own DIDs by number", body = Page<Did>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Page<Did>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let status = params.choice("status", STATUSES)?;
    let tx = app.store.read(&seller.identity()).await?;
    page.of(tx, COUNT, LIST, &[&status]).await
}

#[utoipa::path(post, path = "/api/seller/dids", tag = "dids", request_body = NewDid,
    responses((status = 201, description = "Created", body = Did), Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    seller: Seller,
    Valid(new): Valid<NewDid>,
) -> ApiResult<(StatusCode, Json<Did>)> {
    let tx = app.store.write(&seller.identity()).await?;
    let row = tx
        .row(INSERT, &[&new.number, &new.status, &new.description])
        .await
        .map_err(|error| {
            error.or_conflict("dids_number_key", "number_taken", || {
                format!("DID number '{}' already exists", new.number)
            })
        })?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Did::from(&row))))
}

#[utoipa::path(get, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path)),
    responses((status = 200, description = "The DID", body = Did), Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Json<Did>> {
    let tx = app.store.read(&seller.identity()).await?;
    let row = tx.optional_row(ONE, &[&id]).await?.ok_or_else(|| unknown(id))?;
    tx.commit().await?;
    Ok(Json(Did::from(&row)))
}

#[utoipa::path(put, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path)), request_body = DidChange,
    responses((status = 200, description = "The DID as changed", body = Did), Denied, BadBody, NotFound))]
async fn update(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    Valid(change): Valid<DidChange>,
) -> ApiResult<Json<Did>> {
    let tx = app.store.write(&seller.identity()).await?;
    let description = change.description.clone().flatten();
    let row = tx
        .optional_row(
            UPDATE,
            &[&id, &change.status, &description, &change.description.is_some()],
        )
        .await?
        .ok_or_else(|| unknown(id))?;
    tx.commit().await?;
    Ok(Json(Did::from(&row)))
}

#[utoipa::path(delete, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted; its call records stay"), Denied, NotFound))]
async fn delete(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<StatusCode> {
    let tx = app.store.write(&seller.identity()).await?;
    if tx.execute(DELETE, &[&id]).await? == 0 {
        return Err(unknown(id));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
