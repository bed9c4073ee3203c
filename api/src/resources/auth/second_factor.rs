//! The own second factor: set up by the password and a first code, taken away by a code; by an admin, of a user who has lost it.

use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::objects::CODE;
use super::operations::{own_login, own_password, wrong_code};
use crate::access::password::{Second, Verdict};
use crate::access::second_factor::{self, Factor, Proof, Seed};
use crate::access::throttle;
use crate::app::caller::{AdminInSession, Enrolling, InSession, User};
use crate::app::{App, AppState};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::params::Id;
use crate::http::text::Text;
use crate::resources::answers::{BadBody, Conflict, Denied, Message, NotFound, TooMany};
use crate::store::tx::Tx;

const FIND: &str =
    "select totp_secret, totp_key, confirmed_at, last_step, recovery_hashes from find_second_factor()";
const BEGIN: &str = "select begin_second_factor($1, $2, $3)";
const CONFIRM: &str = "select confirm_second_factor($1, $2, $3)";
const REPLACE_CODES: &str = "select replace_recovery_codes($1, $2, $3)";
const REMOVE: &str = "select remove_second_factor($1, $2)";
const REMOVE_OF_OTHER: &str = "delete from second_factors where user_id = $1 and confirmed_at is not null";

pub const USER_STATEMENTS: &[&str] = &[FIND, BEGIN, CONFIRM, REPLACE_CODES, REMOVE];
pub const ADMIN_STATEMENTS: &[&str] = &[REMOVE_OF_OTHER];

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactor {
    /// Logins need a code.
    pub enabled: bool,
    /// Since when.
    pub enabled_at: Option<Instant>,
    #[schema(example = 10)]
    pub recovery_codes_left: usize,
    /// The service's configuration asks the own role for it.
    pub required: bool,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecondFactorStart {
    #[schema(value_type = String, write_only)]
    pub current_password: SecretString,
}

impl Input for SecondFactorStart {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        SecondFactorStart {
            current_password: f.required_text("currentPassword", &Text::exact(1, 1024)).into(),
        }
    }
}

#[derive(Debug, ToSchema)]
pub struct SecondFactorCode {
    /// Six digits of the authenticator app; or a recovery code, but for the first one.
    #[schema(value_type = String, write_only, example = "123456")]
    pub code: SecretString,
}

impl Input for SecondFactorCode {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        SecondFactorCode {
            code: f.required_text("code", &CODE).into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SecondFactorSecret {
    /// For an authenticator app, in base32. Shown this once.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// The same as an app reads it from a QR code.
    #[schema(
        example = "otpauth://totp/CapConduit:seller_alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=CapConduit"
    )]
    pub uri: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Each opens one login without the app. Shown this once.
    #[schema(example = json!(["abcd-efgh-ijkl-mnop"]))]
    pub recovery_codes: Vec<String>,
}

fn not_enabled() -> ApiError {
    ApiError::conflict("second_factor_off", "This account has no second factor.")
}

fn enabled() -> ApiError {
    ApiError::conflict(
        "second_factor_on",
        "This account has a second factor. Take it away first, with a code.",
    )
}

struct Own {
    factor: Factor,
    confirmed_at: Option<Instant>,
}

/// Confirmed or not.
async fn own(app: &App, user: &User) -> ApiResult<Option<Own>> {
    let tx = app.store.read(&user.identity()).await?;
    let row = tx.optional_row(FIND, &[]).await?;
    tx.commit().await?;
    Ok(row.map(|row| Own {
        factor: Factor {
            user_id: user.id,
            seed: Seed {
                bytes: row.get("totp_secret"),
                key: row.get("totp_key"),
            },
            last_step: row.get("last_step"),
            recovery_hashes: row.get("recovery_hashes"),
        },
        confirmed_at: row.get("confirmed_at"),
    }))
}

pub async fn show(app: &App, user: &User) -> ApiResult<SecondFactor> {
    let own = own(app, user).await?;
    Ok(SecondFactor {
        enabled: own.as_ref().is_some_and(|own| own.confirmed_at.is_some()),
        enabled_at: own.as_ref().and_then(|own| own.confirmed_at),
        recovery_codes_left: own.map_or(0, |own| own.factor.recovery_hashes.len()),
        required: app.settings.admins_need_second_factor && user.role == "admin",
    })
}

/// Logins need no code until it is confirmed.
pub async fn begin(
    app: &App,
    user: &User,
    address: IpAddr,
    start: SecondFactorStart,
) -> ApiResult<SecondFactorSecret> {
    let (username, verified_hash) = own_password(app, user, address, start.current_password).await?;
    let keys = &app.settings.second_factor_keys;
    let seed = Seed::new(keys).map_err(|error| ApiError::internal(error.to_string()))?;
    let secret = seed
        .secret(keys, user.id)
        .ok_or_else(|| ApiError::internal("a new secret's key is not there"))?;
    let tx = app.store.write(&user.identity()).await?;
    let begun = tx.row(BEGIN, &[&verified_hash, &seed.bytes, &seed.key]).await?;
    if !begun.get::<_, bool>(0) {
        return Err(enabled());
    }
    tx.commit().await?;
    Ok(SecondFactorSecret {
        secret: secret.to_base32(),
        uri: second_factor::uri(&secret, &username),
    })
}

/// Every other session ends.
pub async fn confirm(
    app: &App,
    user: &User,
    address: IpAddr,
    given: SecondFactorCode,
) -> ApiResult<RecoveryCodes> {
    let own = own(app, user).await?.ok_or_else(not_enabled)?;
    if own.confirmed_at.is_some() {
        return Err(enabled());
    }
    let seed = own.factor.seed.bytes.clone();
    let proof = proved(app, user, address, own.factor, given).await?;
    let (codes, hashes) = new_codes(user)?;
    change(app, user, async |tx| {
        tx.row(CONFIRM, &[&seed, &proof.step(), &hashes]).await
    })
    .await?;
    Ok(codes)
}

/// Those of before end.
pub async fn replace_codes(
    app: &App,
    user: &User,
    address: IpAddr,
    given: SecondFactorCode,
) -> ApiResult<RecoveryCodes> {
    let proof = proved_own(app, user, address, given).await?;
    let (codes, hashes) = new_codes(user)?;
    change(app, user, async |tx| {
        tx.row(REPLACE_CODES, &[&proof.step(), &proof.recovery_hash(), &hashes])
            .await
    })
    .await?;
    Ok(codes)
}

/// Every other session ends.
pub async fn remove(app: &App, user: &User, address: IpAddr, given: SecondFactorCode) -> ApiResult<()> {
    let proof = proved_own(app, user, address, given).await?;
    change(app, user, async |tx| {
        tx.row(REMOVE, &[&proof.step(), &proof.recovery_hash()]).await
    })
    .await
}

/// Of a user who has lost it. All sessions of the user end.
pub async fn remove_of(tx: &Tx, by: i64, user_id: i64) -> ApiResult<()> {
    if by == user_id {
        return Err(ApiError::forbidden(
            "own_account",
            "Your own second factor is taken away with a code: POST /api/auth/second_factor/remove.",
        ));
    }
    match tx.execute(REMOVE_OF_OTHER, &[&user_id]).await? {
        0 => Err(ApiError::not_found(format!(
            "User with ID {user_id} has no second factor."
        ))),
        _ => Ok(()),
    }
}

fn new_codes(user: &User) -> ApiResult<(RecoveryCodes, Vec<Vec<u8>>)> {
    let made = second_factor::recovery_codes(user.id);
    let (recovery_codes, hashes) = made.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((RecoveryCodes { recovery_codes }, hashes))
}

async fn proved_own(app: &App, user: &User, address: IpAddr, given: SecondFactorCode) -> ApiResult<Proof> {
    let own = own(app, user).await?.filter(|own| own.confirmed_at.is_some());
    let own = own.ok_or_else(not_enabled)?;
    proved(app, user, address, own.factor, given).await
}

/// By the throttle of logins.
async fn proved(
    app: &App,
    user: &User,
    address: IpAddr,
    factor: Factor,
    given: SecondFactorCode,
) -> ApiResult<Proof> {
    // Counted apart from passwords: a right one does not clear wrong codes.
    let (who, ..) = own_login(app, user, address, "session code").await?;
    let second = Second {
        factor: Some(factor),
        code: Some(given.code),
        keys: app.settings.second_factor_keys.clone(),
    };
    match app.passwords.verify_code(who, second).await? {
        Verdict::Right(Some(proof)) => Ok(proof),
        _ => {
            app.failures.note(Some(user.id), throttle::network_name(address));
            Err(wrong_code(StatusCode::FORBIDDEN))
        }
    }
}

/// What uses a code up, with it; wrong when another request has used it meanwhile.
async fn change(
    app: &App,
    user: &User,
    work: impl AsyncFnOnce(&Tx) -> ApiResult<tokio_postgres::Row>,
) -> ApiResult<()> {
    let tx = app.store.write(&user.identity()).await?;
    if !work(&tx).await?.get::<_, bool>(0) {
        return Err(wrong_code(StatusCode::FORBIDDEN));
    }
    tx.commit().await
}

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(second_factor_state, begin_second_factor))
        .routes(routes!(confirm_second_factor))
        .routes(routes!(new_recovery_codes))
        .routes(routes!(remove_second_factor))
        .routes(routes!(remove_second_factor_of_user))
}

/// The own second factor.
///
/// Whether logins need a code, and how many recovery codes are left. Needs a session.
#[utoipa::path(get, path = "/api/auth/second_factor", tag = "auth",
    responses((status = 200, description = "The own second factor", body = SecondFactor), Denied))]
async fn second_factor_state(
    State(app): State<AppState>,
    caller: Enrolling,
) -> ApiResult<Json<SecondFactor>> {
    Ok(Json(show(&app, &caller).await?))
}

/// Begin to set up a second factor.
///
/// Gives the secret for an authenticator app (TOTP: six digits every 30 seconds). Logins need no code until a first one has confirmed it;
/// until then it can be begun anew. Needs the password, and a session.
#[utoipa::path(post, path = "/api/auth/second_factor", tag = "auth", request_body = SecondFactorStart,
    responses((status = 201, description = "The secret, shown this once", body = SecondFactorSecret),
              Denied, BadBody, Conflict, TooMany))]
async fn begin_second_factor(
    State(app): State<AppState>,
    caller: Enrolling,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Valid(start): Valid<SecondFactorStart>,
) -> ApiResult<(StatusCode, Json<SecondFactorSecret>)> {
    let address = app.settings.proxies.client(peer, &headers);
    let secret = begin(&app, &caller, address, start).await?;
    Ok((StatusCode::CREATED, Json(secret)))
}

/// Confirm the second factor.
///
/// By a first code of the app. From then on logins need one; every other session ends. Gives ten recovery codes.
#[utoipa::path(post, path = "/api/auth/second_factor/confirm", tag = "auth", request_body = SecondFactorCode,
    responses((status = 200, description = "On. The recovery codes are shown this once. 403 wrong_code", body = RecoveryCodes),
              Denied, BadBody, Conflict, TooMany))]
async fn confirm_second_factor(
    State(app): State<AppState>,
    caller: Enrolling,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Valid(given): Valid<SecondFactorCode>,
) -> ApiResult<Json<RecoveryCodes>> {
    let address = app.settings.proxies.client(peer, &headers);
    Ok(Json(confirm(&app, &caller, address, given).await?))
}

/// Make new recovery codes.
///
/// Those of before end. Needs a code, and a session.
#[utoipa::path(post, path = "/api/auth/second_factor/recovery_codes", tag = "auth", request_body = SecondFactorCode,
    responses((status = 200, description = "Ten new ones, shown this once. 403 wrong_code", body = RecoveryCodes),
              Denied, BadBody, Conflict, TooMany))]
async fn new_recovery_codes(
    State(app): State<AppState>,
    caller: InSession,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Valid(given): Valid<SecondFactorCode>,
) -> ApiResult<Json<RecoveryCodes>> {
    let address = app.settings.proxies.client(peer, &headers);
    Ok(Json(replace_codes(&app, &caller, address, given).await?))
}

/// Take the own second factor away.
///
/// Needs a code, or a recovery code, and a session. Every other session ends.
#[utoipa::path(post, path = "/api/auth/second_factor/remove", tag = "auth", request_body = SecondFactorCode,
    responses((status = 200, description = "Off: logins need the password alone. 403 wrong_code", body = Message),
              Denied, BadBody, Conflict, TooMany))]
async fn remove_second_factor(
    State(app): State<AppState>,
    caller: InSession,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Valid(given): Valid<SecondFactorCode>,
) -> ApiResult<Json<Message>> {
    let address = app.settings.proxies.client(peer, &headers);
    remove(&app, &caller, address, given).await?;
    Ok(Json(Message::new("Second factor removed.")))
}

/// Take the second factor of a user away.
///
/// For a user who has lost it, recovery codes included. The user's sessions end. Not one's own. Needs a session. Role admin.
#[utoipa::path(delete, path = "/api/admin/users/{id}/second_factor", tag = "users", params(("id" = i64, Path)),
    responses((status = 204, description = "Off: the user logs in with the password alone"), Denied, NotFound))]
async fn remove_second_factor_of_user(
    State(app): State<AppState>,
    admin: AdminInSession,
    Id(id): Id,
) -> ApiResult<StatusCode> {
    let tx = app.store.write(&admin.identity()).await?;
    remove_of(&tx, admin.id, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
