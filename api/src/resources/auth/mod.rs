//! /api/auth: log in, log out, who am I, the own password, the own sessions.

pub mod objects;
pub mod operations;
pub mod password_link;
pub mod second_factor;
pub mod sessions;

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::AppendHeaders;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadBody, Denied, Message, TooMany};
use super::users;
use crate::app::AppState;
use crate::app::caller::{Anyone, Enrolling, InSession, Stranger};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Valid;
use objects::{Credentials, LoggedIn, PasswordChange, Status};
pub use operations::{INTERNAL_STATEMENTS, STAFF_STATEMENTS, USER_STATEMENTS};

type WithCookie<T> = (AppendHeaders<Vec<(HeaderName, HeaderValue)>>, Json<T>);

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(status))
        .routes(routes!(change_password))
        .merge(sessions::router())
        .merge(password_link::router())
        .merge(second_factor::router())
}

/// Log in.
///
/// Opens a session, whose cookie `session` is set. Of a user with a second factor a `code` is needed: without one the answer is 401
/// code_required, with another one 401 wrong_code. Wrong passwords and codes are slowed down: 429 with Retry-After. For scripts, a token
/// is better.
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
    let address = app.settings.proxies.client(peer, &headers);
    let (user, cookies) = operations::log_in(&app, address, &headers, given).await?;
    let cookies = cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)).collect();
    Ok((
        AppendHeaders(cookies),
        Json(LoggedIn {
            message: "Login successful.",
            user,
        }),
    ))
}

/// Log out.
///
/// The session ends on the server: copies of the cookie are invalid, too.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth",
    responses((status = 200, description = "The session is dead", body = Message), Denied))]
async fn logout(State(app): State<AppState>, caller: Enrolling) -> ApiResult<WithCookie<Message>> {
    let session = caller.session.ok_or_else(ApiError::unauthenticated)?;
    if !app.sessions.close(&session).await? {
        return Err(ApiError::unauthenticated());
    }
    Ok((
        AppendHeaders(vec![(SET_COOKIE, app.sessions.cookie("", 0)?)]),
        Json(Message::new("Logout successful.")),
    ))
}

/// Who is logged in.
///
/// The user of this session or token; 401 when there is none.
#[utoipa::path(get, path = "/api/auth/status", tag = "auth",
    responses((status = 200, description = "Who is logged in", body = Status), Denied))]
async fn status(State(app): State<AppState>, caller: Anyone) -> ApiResult<Json<Status>> {
    let tx = app.store.read(&caller.identity()).await?;
    let user = users::operations::find(&tx, caller.id).await?;
    tx.commit().await?;
    Ok(Json(Status {
        message: "Logged in.",
        logged_in: true,
        user,
    }))
}

/// Change the own password.
///
/// Needs the current one, and a session. Every other session and every token ends.
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
    let address = app.settings.proxies.client(peer, &headers);
    operations::change_password(&app, &caller, address, change).await?;
    Ok(Json(Message::new("Password updated successfully.")))
}
