//! /api/seller/dids: the seller's own numbers.

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
use crate::app::caller::Seller;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::page::{DEFAULT_PER_PAGE, Page, PageParams, PageRequest};
use crate::http::params::{Id, Params};
use crate::http::version::{IfMatch, IfMatchHeader, Tagged, Versioned};
use crate::store::tx::Tx;

/// $1: the number itself, or how it begins ($2); $5: whether it is in no campaign.
macro_rules! filter {
    () => {
        "($1::text is null or number = $1) \
         and ($2::text is null or (number collate \"C\" >= $2 and number collate \"C\" < $2 || ':')) \
         and ($3::text is null or status = $3) \
         and ($4::bigint is null or exists (select from campaign_dids m where m.did_id = dids.id and m.campaign_id = $4)) \
         and ($5::boolean is null or $5 <> exists (select from campaign_dids m where m.did_id = dids.id))"
    };
}

const LIST: &str = concat!(
    "select id, number, status, description, created_at, updated_at, version from dids where ",
    filter!(),
    " order by number limit $6 offset $7"
);
const COUNT: &str = concat!("select count(*) from dids where ", filter!());
const ONE: &str =
    "select id, number, status, description, created_at, updated_at, version from dids where id = $1";
const INSERT: &str = "\
    insert into dids (user_id, number, status, description) values (session_user_id(), $1, $2, $3)
    returning id, number, status, description, created_at, updated_at, version";
const UPDATE: &str = "\
    update dids set status = coalesce($2, status), description = case when $4 then $3 else description end
     where id = $1
    returning id, number, status, description, created_at, updated_at, version";
const DELETE: &str = "delete from dids where id = $1";
const LOCK: &str = "select version from dids where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from dids where id = $1 for update";

pub const SELLER_STATEMENTS: &[&str] = &[LIST, COUNT, ONE, INSERT, UPDATE, DELETE, LOCK, LOCK_TO_DELETE];

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
    #[schema(example = 1)]
    version: i64,
}

impl Versioned for Did {
    fn tag(&self) -> String {
        self.version.to_string()
    }
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
            version: row.get(6),
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

async fn find(tx: &Tx, id: i64) -> ApiResult<Did> {
    let row = tx.optional_row(ONE, &[&id]).await?;
    row.as_ref().map(Did::from).ok_or_else(|| unknown(id))
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

#[utoipa::path(get, path = "/api/seller/dids", tag = "dids",
    params(PageParams, ("number" = Option<String>, Query, description = "this number"),
           ("q" = Option<String>, Query, description = "how the number begins"),
           ("status" = Option<String>, Query, description = "active or inactive"),
           ("campaign_id" = Option<i64>, Query, description = "in this campaign"),
           ("unassigned" = Option<bool>, Query, description = "true: in no campaign; false: in one or more")),
    responses((status = 200, description = "The own DIDs by number", body = Page<Did>), Denied, BadFilter))]
async fn list(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Page<Did>>> {
    let page = PageRequest::read(&params, DEFAULT_PER_PAGE);
    let (number, start) = (params.number("number")?, params.number("q")?);
    let status = params.choice("status", STATUSES)?;
    let (campaign, unassigned) = (params.id("campaign_id")?, params.flag("unassigned")?);
    let tx = app.store.read(&seller.identity()).await?;
    page.of(
        tx,
        COUNT,
        LIST,
        &[&number, &start, &status, &campaign, &unassigned],
    )
    .await
}

#[utoipa::path(post, path = "/api/seller/dids", tag = "dids", request_body = NewDid,
    responses((status = 201, description = "Created", body = Did), Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    seller: Seller,
    Valid(new): Valid<NewDid>,
) -> ApiResult<(StatusCode, Tagged<Did>)> {
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
    Ok((StatusCode::CREATED, Tagged(Did::from(&row))))
}

#[utoipa::path(get, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path)),
    responses((status = 200, description = "The DID", body = Did), Denied, NotFound))]
async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Tagged<Did>> {
    let tx = app.store.read(&seller.identity()).await?;
    let did = find(&tx, id).await?;
    tx.commit().await?;
    Ok(Tagged(did))
}

#[utoipa::path(put, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path), IfMatchHeader),
    request_body = DidChange,
    responses((status = 200, description = "The DID as changed", body = Did), Denied, BadBody, NotFound, Changed))]
async fn update(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
    Valid(change): Valid<DidChange>,
) -> ApiResult<Tagged<Did>> {
    let tx = app.store.write(&seller.identity()).await?;
    if_match
        .check(&tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    let description = change.description.clone().flatten();
    let row = tx
        .optional_row(
            UPDATE,
            &[&id, &change.status, &description, &change.description.is_some()],
        )
        .await?
        .ok_or_else(|| unknown(id))?;
    tx.commit().await?;
    Ok(Tagged(Did::from(&row)))
}

#[utoipa::path(delete, path = "/api/seller/dids/{id}", tag = "dids", params(("id" = i64, Path), IfMatchHeader),
    responses((status = 204, description = "Deleted; its call records stay"), Denied, NotFound, Changed))]
async fn delete(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    if_match: IfMatch,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&seller.identity()).await?;
    if_match
        .check(&tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    if tx.execute(DELETE, &[&id]).await? == 0 {
        return Err(unknown(id));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
