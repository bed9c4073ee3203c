//! /api/auth: log in, log out, who am I, the own password.

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::AppendHeaders;
use secrecy::SecretString;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Denied, Message, TooMany};
use super::users::{self, User};
use crate::access::sessions::{Credential, Login};
use crate::access::throttle::{self, Source, Who, key, network_key};
use crate::access::{device, password, sessions};
use crate::app::caller::{Anyone, InSession, Stranger};
use crate::app::{App, AppState};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use crate::http::fields::{Fields, Input, Text, Unknown, composed};
use crate::store::identity::{DbRole, Identity};

const CHANGE_PASSWORD: &str = "select change_password($1, $2)";

pub const USER_STATEMENTS: &[&str] = &[CHANGE_PASSWORD];

#[derive(Debug, ToSchema)]
struct Credentials {
    #[schema(example = "seller_alice")]
    username: String,
    #[schema(value_type = String, write_only, example = "password")]
    password: SecretString,
}

impl Input for Credentials {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        Credentials {
            // Whatever could never be an account is refused as a wrong login, not as a wrong field.
            username: f.required_text("username", &Text::name(1, 255)),
            password: f.required_text("password", &Text::exact(1, 1024)).into(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
struct PasswordChange {
    #[schema(value_type = String, write_only)]
    current_password: SecretString,
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only)]
    new_password: SecretString,
}

impl Input for PasswordChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        PasswordChange {
            current_password: f.required_text("currentPassword", &Text::exact(1, 1024)).into(),
            new_password: f.required_text("newPassword", &password::RULE).into(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
struct LoggedIn {
    #[schema(example = "Login successful.")]
    message: &'static str,
    user: User,
}

/// The one object of the contract whose key is snake_case.
#[derive(Debug, Serialize, ToSchema)]
struct Status {
    #[schema(example = "Logged in.")]
    message: &'static str,
    logged_in: bool,
    user: User,
}

type WithCookie<T> = (AppendHeaders<Vec<(HeaderName, HeaderValue)>>, Json<T>);

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(status))
        .routes(routes!(change_password))
}

#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Credentials, security(()),
    responses((status = 200, description = "Logged in; the cookie `session` is set", body = LoggedIn),
              Denied, BadBody, TooMany))]
async fn login(
    State(app): State<AppState>,
    _: Stranger,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Valid(given): Valid<Credentials>,
) -> ApiResult<WithCookie<LoggedIn>> {
    let _timer = app.metrics.hashing.start_timer();
    let wrong = || {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_login",
            "Invalid username or password.",
        )
    };
    let address = app.settings.proxies.client(peer, &headers);
    let network = throttle::network(address);
    let (login, account) = find_login(&app, &given.username, network).await?;
    let device = device::known(&headers, &account, login.as_ref());
    let source = match device {
        Some(device) => Source::Known(device),
        None if login.as_ref().is_some_and(|login| login.known) => Source::Known(network_key(address)),
        None => Source::Stranger(address),
    };
    let who = Who::new(key("account", account.as_bytes()), source);
    let login = verified(&app, who, login, given.password)
        .await?
        .ok_or_else(wrong)?;
    let inactive = || {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "account_inactive",
            "User account is inactive.",
        )
    };
    if login.status != "active" {
        return Err(inactive());
    }
    let session = app.sessions.open(&login, network).await?.ok_or_else(inactive)?;
    // Somebody else may have brought that one into the browser.
    if let Some(Credential::Session(before, _)) = sessions::credential(&headers) {
        app.sessions.close(&before).await?;
    }
    // Any role sees its own row.
    let own = Identity {
        role: DbRole::Staff,
        user_id: Some(login.user_id),
        admin: false,
        keep_session: None,
    };
    let tx = app.store.read(&own).await?;
    let user = users::find(&tx, login.user_id).await?;
    tx.commit().await?;
    tracing::info!(user_id = user.id, "logged in");
    let mut cookies = vec![(SET_COOKIE, session)];
    if device.is_none() {
        let cookie = device::cookie(&account, &login, app.settings.secure_cookies);
        cookies.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    }
    Ok((
        AppendHeaders(cookies),
        Json(LoggedIn {
            message: "Login successful.",
            user,
        }),
    ))
}

#[utoipa::path(post, path = "/api/auth/logout", tag = "auth",
    responses((status = 200, description = "The session is dead", body = Message), Denied))]
async fn logout(State(app): State<AppState>, caller: InSession) -> ApiResult<WithCookie<Message>> {
    let session = caller.session.ok_or_else(ApiError::unauthenticated)?;
    if !app.sessions.close(&session).await? {
        return Err(ApiError::unauthenticated());
    }
    Ok((
        AppendHeaders(vec![(SET_COOKIE, app.sessions.cookie("", 0)?)]),
        Json(Message::new("Logout successful.")),
    ))
}

#[utoipa::path(get, path = "/api/auth/status", tag = "auth",
    responses((status = 200, description = "Who is logged in", body = Status), Denied))]
async fn status(State(app): State<AppState>, caller: Anyone) -> ApiResult<Json<Status>> {
    let tx = app.store.read(&caller.identity()).await?;
    let user = users::find(&tx, caller.id).await?;
    tx.commit().await?;
    Ok(Json(Status {
        message: "Logged in.",
        logged_in: true,
        user,
    }))
}

#[utoipa::path(put, path = "/api/auth/password", tag = "auth", request_body = PasswordChange,
    responses((status = 200, description = "Changed; every other session and every token has ended. If-Match is ignored: \
                the current password is the condition", body = Message),
              Denied, BadBody, TooMany))]
async fn change_password(
    State(app): State<AppState>,
    caller: InSession,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Valid(change): Valid<PasswordChange>,
) -> ApiResult<Json<Message>> {
    let wrong = || ApiError::forbidden("wrong_password", "The current password is wrong.");
    let tx = app.store.read(&caller.identity()).await?;
    let user = users::find(&tx, caller.id).await?;
    tx.commit().await?;
    let session = caller.session.ok_or_else(ApiError::unauthenticated)?;
    let address = app.settings.proxies.client(peer, &headers);
    let (login, account) = app
        .sessions
        .find_login(&user.username, throttle::network(address))
        .await?;
    // A session is a source of its own: others' guesses keep nobody from a new password.
    let source = Source::Known(key("session", &session));
    let who = Who::new(key("account", account.as_bytes()), source);
    let login = verified(&app, who, login, change.current_password)
        .await?
        .ok_or_else(wrong)?;
    let hash = app.passwords.hash(change.new_password).await?;
    let tx = app.store.write(&caller.identity()).await?;
    if !tx
        .row(CHANGE_PASSWORD, &[&login.password_hash, &hash])
        .await?
        .get::<_, bool>(0)
    {
        return Err(wrong());
    }
    tx.commit().await?;
    Ok(Json(Message::new("Password updated successfully.")))
}

/// By the name as it was sent, which an account of an earlier release or one made in SQL may have; else by the composed name, as
/// this service stores names. Both ways to write it have one throttle.
async fn find_login(app: &App, username: &str, network: IpAddr) -> ApiResult<(Option<Login>, String)> {
    let composed = composed(username);
    let (login, account) = app.sessions.find_login(&composed, network).await?;
    if composed == username {
        return Ok((login, account));
    }
    let (other, _) = app.sessions.find_login(username, network).await?;
    Ok((other.or(login), account))
}

/// The account, if this is its password. An unknown name costs the same work.
async fn verified(
    app: &App,
    who: Who,
    login: Option<Login>,
    password: SecretString,
) -> ApiResult<Option<Login>> {
    let stored = login.as_ref().map(|login| login.password_hash.clone());
    let right = app.passwords.verify(who, password, stored).await?;
    Ok(login.filter(|_| right))
}
