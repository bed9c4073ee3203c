//! A link with which a user sets a new password, once: an admin makes it, and hands it over. Nobody else ever knows the password.

use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{password, secret};
use crate::app::caller::{Admin, Stranger};
use crate::app::{App, AppState};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::resources::answers::{BadBody, Denied, Message, NotFound};
use crate::resources::users;
use crate::store::identity::{DbRole, Identity};
use crate::store::row::row;
use crate::store::tx::Tx;

/// One link at a time: of two that are made at once for a user, the later one stays.
const LOCK: &str = "select version from users where id = $1 for no key update";
const END_OTHERS: &str = "delete from password_links where user_id = $1";
const INSERT: &str = "\
    insert into password_links (user_id, user_version, token_hash, expires_at)
    values ($1, $2, $3, now() + make_interval(hours => $4))
    returning expires_at";
const FIND: &str = "select id, user_id from password_links where token_hash = $1";
/// Once: of two who use it at once, the second finds nothing. Not after any change of the account.
const USE: &str = "\
    delete from password_links l
     where l.id = $1 and l.expires_at > now()
       and l.user_version = (select u.version from users u where u.id = l.user_id)";

pub const STAFF_STATEMENTS: &[&str] = &[LOCK, END_OTHERS, INSERT, USE];
pub const INTERNAL_STATEMENTS: &[&str] = &[FIND];

const HOURS: RangeInclusive<i32> = 1..=168;
const DEFAULT_HOURS: i32 = 24;

/// Tells a leaked one apart from other random text.
const PREFIX: &str = "ccp_";

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewPasswordLink {
    #[schema(example = 3)]
    pub user_id: i64,
    #[schema(minimum = 1, maximum = 168, default = 24, required = false)]
    pub expires_in_hours: i32,
}

impl NewPasswordLink {
    /// One for the usual time.
    pub fn of(user_id: i64) -> Self {
        NewPasswordLink {
            user_id,
            expires_in_hours: DEFAULT_HOURS,
        }
    }
}

impl Input for NewPasswordLink {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewPasswordLink {
            user_id: f.required_int("userId", 1..=i64::MAX),
            expires_in_hours: f.small_int("expiresInHours", HOURS).unwrap_or(DEFAULT_HOURS),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PasswordLinkUse {
    #[schema(value_type = String, write_only, example = "ccp_…")]
    pub token: SecretString,
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only)]
    pub new_password: SecretString,
}

impl Input for PasswordLinkUse {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        PasswordLinkUse {
            token: f.required_text("token", &Text::exact(1, 200)).into(),
            new_password: f.required_text("newPassword", &password::RULE).into(),
        }
    }
}

row! {
    struct Found {
        id: i64,
        user_id: i64,
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedPasswordLink {
    /// Shown this once.
    #[schema(example = "ccp_…")]
    pub token: String,
    /// Where the user opens it, on this service.
    #[schema(example = "/console/new_password?token=ccp_…")]
    pub path: String,
    pub expires_at: Instant,
}

/// For the user; an earlier link ends. `by` is the admin who makes it.
pub async fn make(tx: &Tx, by: i64, new: &NewPasswordLink) -> ApiResult<CreatedPasswordLink> {
    users::operations::refuse_own_password(by, new.user_id)?;
    let secret = secret::random().map_err(|error| ApiError::internal(error.to_string()))?;
    let token = format!("{PREFIX}{secret}");
    let unknown = || ApiError::not_found(format!("User with ID {} not found.", new.user_id));
    let user = tx.optional_row(LOCK, &[&new.user_id]).await?;
    let version: i64 = user.ok_or_else(unknown)?.get("version");
    tx.execute(END_OTHERS, &[&new.user_id]).await?;
    let hash = secret::hash(&token);
    let row = tx
        .row(
            INSERT,
            &[&new.user_id, &version, &hash.as_slice(), &new.expires_in_hours],
        )
        .await?;
    Ok(CreatedPasswordLink {
        path: format!("/console/new_password?token={token}"),
        token,
        expires_at: row.get("expires_at"),
    })
}

/// All sessions and tokens of the user end.
pub async fn redeem(app: &App, used: PasswordLinkUse) -> ApiResult<()> {
    use secrecy::ExposeSecret;
    let invalid = || {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "link_invalid",
            "This link is not known, was used, or has ended. Ask for a new one.",
        )
    };
    let hash = secret::hash(used.token.expose_secret());
    let found = app
        .store
        .call(&Identity::INTERNAL, FIND, &[&hash.as_slice()])
        .await?;
    let link = found.first().map(Found::from).ok_or_else(invalid)?;
    let password_hash = app.passwords.hash(used.new_password).await?;
    // Whoever holds the link is the user, with an admin's right to set this one password.
    let user = Identity {
        role: DbRole::Staff,
        user_id: Some(link.user_id),
        admin: true,
        keep_session: None,
        read_only: false,
    };
    let tx = app.store.write(&user).await?;
    tx.optional_row(LOCK, &[&link.user_id])
        .await?
        .ok_or_else(invalid)?;
    if tx.execute(USE, &[&link.id]).await? == 0 {
        return Err(invalid());
    }
    users::operations::put_password(&tx, link.user_id, &password_hash).await?;
    tx.commit().await?;
    tracing::info!(user_id = link.user_id, "a password was set by a link");
    Ok(())
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(make_password_link))
        .routes(routes!(new_password))
}

/// Make a link for a new password.
///
/// For a user who has forgotten it. It works once, for 24 hours unless said otherwise, and is shown this once. Not for oneself. Role admin.
#[utoipa::path(post, path = "/api/auth/password_links", tag = "auth", request_body = NewPasswordLink,
    responses((status = 201, description = "Made; the token is shown this once. Role admin", body = CreatedPasswordLink),
              Denied, BadBody, NotFound))]
async fn make_password_link(
    State(app): State<AppState>,
    admin: Admin,
    Valid(new): Valid<NewPasswordLink>,
) -> ApiResult<(StatusCode, Json<CreatedPasswordLink>)> {
    let tx = app.store.write(&admin.identity()).await?;
    let link = make(&tx, admin.id, &new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(link)))
}

/// Set a new password by a link.
///
/// The token is the one of the link, which works once. All sessions and tokens of the user end.
#[utoipa::path(post, path = "/api/auth/new_password", tag = "auth", request_body = PasswordLinkUse, security(()),
    responses((status = 200, description = "Set; the link, all sessions and all tokens of the user have ended. \
                400 link_invalid: not known, used or ended", body = Message),
              Denied, BadBody))]
async fn new_password(
    State(app): State<AppState>,
    _: Stranger,
    Valid(used): Valid<PasswordLinkUse>,
) -> ApiResult<Json<Message>> {
    redeem(&app, used).await?;
    Ok(Json(Message::new("Password updated successfully.")))
}
