//! /api/auth/tokens: named, revocable bearer tokens for scripts, with the user's own rights.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Conflict, Denied, NotFound};
use crate::access::secret;
use crate::app::AppState;
use crate::app::caller::{Anyone, InSession};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::params::Id;
use crate::http::text::Text;
use crate::store::row::row;
use crate::store::tx::Tx;

macro_rules! columns {
    () => {
        "id, name, created_at, expires_at, last_used_at"
    };
}

const LIST: &str = concat!(
    "select ",
    columns!(),
    " from api_tokens where user_id = session_user_id() order by name"
);
const INSERT: &str = concat!(
    "insert into api_tokens (user_id, name, token_hash, expires_at)
    values (session_user_id(), $1, $2, now() + make_interval(days => $3))
    returning ",
    columns!()
);
const DELETE: &str = "delete from api_tokens where id = $1 and user_id = session_user_id()";

pub const USER_STATEMENTS: &[&str] = &[LIST, INSERT, DELETE];

/// Tells a leaked token apart from other random text.
const PREFIX: &str = "cct_";

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Token {
        #[schema(example = 1)]
        pub id: i64,
        #[schema(example = "nightly report")]
        pub name: String,
        pub created_at: Instant,
        pub expires_at: Instant,
        pub last_used_at: Option<Instant>,
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedToken {
    #[serde(flatten)]
    pub token_info: Token,
    /// Shown this once.
    pub token: String,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewToken {
    #[schema(min_length = 1, max_length = 100, example = "nightly report")]
    name: String,
    #[schema(minimum = 1, maximum = 3650, default = 90, required = false)]
    expires_in_days: i32,
}

impl Input for NewToken {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewToken {
            name: f.required_text("name", &Text::title(1, 100)),
            expires_in_days: f.small_int("expiresInDays", 1..=3650).unwrap_or(90),
        }
    }
}

/// The own ones, by name.
pub async fn list_own(tx: &Tx) -> ApiResult<Vec<Token>> {
    let rows = tx.rows(LIST, &[]).await?;
    Ok(rows.iter().map(Token::from).collect())
}

/// For the user of the transaction.
pub async fn issue(tx: &Tx, new: NewToken) -> ApiResult<CreatedToken> {
    let secret = secret::random().map_err(|error| ApiError::internal(error.to_string()))?;
    let token = format!("{PREFIX}{secret}");
    let row = tx
        .row(
            INSERT,
            &[&new.name, &secret::hash(&token).as_slice(), &new.expires_in_days],
        )
        .await
        .map_err(|error| {
            error.or_conflict("api_tokens_user_id_name_key", "name_taken", || {
                format!("Token name '{}' already exists", new.name)
            })
        })?;
    Ok(CreatedToken {
        token_info: Token::from(&row),
        token,
    })
}

pub async fn revoke(tx: &Tx, id: i64) -> ApiResult<()> {
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(ApiError::not_found(format!("Token with ID {id} not found."))),
        _ => Ok(()),
    }
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
}

/// The own tokens.
///
/// By name, with their end and last use. The tokens themselves are not kept.
#[utoipa::path(get, path = "/api/auth/tokens", tag = "auth",
    responses((status = 200, description = "The own tokens by name", body = Vec<Token>), Denied))]
async fn list(State(app): State<AppState>, caller: Anyone) -> ApiResult<Json<Vec<Token>>> {
    let tx = app.store.read(&caller.identity()).await?;
    let tokens = list_own(&tx).await?;
    tx.commit().await?;
    Ok(Json(tokens))
}

/// Make a token.
///
/// A bearer token with the own rights, for scripts; shown this once. Needs a session.
#[utoipa::path(post, path = "/api/auth/tokens", tag = "auth", request_body = NewToken,
    responses((status = 201, description = "Created; the token is shown this once", body = CreatedToken),
              Denied, BadBody, Conflict))]
async fn create(
    State(app): State<AppState>,
    caller: InSession,
    Valid(new): Valid<NewToken>,
) -> ApiResult<(StatusCode, Json<CreatedToken>)> {
    let tx = app.store.write(&caller.identity()).await?;
    let created = issue(&tx, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Revoke a token.
///
/// It is invalid from the next request on.
#[utoipa::path(delete, path = "/api/auth/tokens/{id}", tag = "auth", params(("id" = i64, Path)),
    responses((status = 204, description = "Revoked"), Denied, NotFound))]
async fn delete(State(app): State<AppState>, caller: Anyone, Id(id): Id) -> ApiResult<StatusCode> {
    let tx = app.store.write(&caller.identity()).await?;
    revoke(&tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
