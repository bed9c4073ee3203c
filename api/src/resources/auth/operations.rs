//! How somebody is let in with a password, and how the own password is changed.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::SecretString;

use super::objects::{Credentials, PasswordChange};
use crate::access::device;
use crate::access::sessions::{self, Credential, Login};
use crate::access::throttle::{self, Source, Who, key, network_key};
use crate::app::{App, caller};
use crate::error::{ApiError, ApiResult};
use crate::http::text::composed;
use crate::resources::users::{self, objects::User};
use crate::store::identity::{DbRole, Identity};

const CHANGE_PASSWORD: &str = "select change_password($1, $2)";

pub const USER_STATEMENTS: &[&str] = &[CHANGE_PASSWORD];

/// Who was let in, and the cookies for the browser: the session's, and for a browser that is new here its own.
pub async fn log_in(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    given: Credentials,
) -> ApiResult<(User, Vec<HeaderValue>)> {
    let _timer = app.metrics.hashing.start_timer();
    let wrong = || {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_login",
            "Invalid username or password.",
        )
    };
    let network = throttle::network(address);
    let (login, account) = find_login(app, &given.username, network).await?;
    let device = device::known(headers, &account, login.as_ref());
    let source = match device {
        Some(device) => Source::Known(device),
        None if login.as_ref().is_some_and(|login| login.known) => Source::Known(network_key(address)),
        None => Source::Stranger(address),
    };
    let who = Who::new(key("account", account.as_bytes()), source);
    let login = verified(app, who, login, given.password)
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
    if let Some(Credential::Session(before, _)) = sessions::credential(headers) {
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
    let user = users::operations::find(&tx, login.user_id).await?;
    tx.commit().await?;
    tracing::info!(user_id = user.id, "logged in");
    let mut cookies = vec![session];
    if device.is_none() {
        cookies.extend(device::cookie(&account, &login, app.settings.secure_cookies));
    }
    Ok((user, cookies))
}

/// The own one: every other session and every token ends.
pub async fn change_password(
    app: &App,
    user: &caller::User,
    address: IpAddr,
    change: PasswordChange,
) -> ApiResult<()> {
    let wrong = || ApiError::forbidden("wrong_password", "The current password is wrong.");
    let tx = app.store.read(&user.identity()).await?;
    let account = users::operations::find(&tx, user.id).await?;
    tx.commit().await?;
    let session = user.session.ok_or_else(ApiError::unauthenticated)?;
    let (login, name) = app
        .sessions
        .find_login(&account.username, throttle::network(address))
        .await?;
    // A session is a source of its own: others' guesses keep nobody from a new password.
    let source = Source::Known(key("session", &session));
    let who = Who::new(key("account", name.as_bytes()), source);
    let login = verified(app, who, login, change.current_password)
        .await?
        .ok_or_else(wrong)?;
    let hash = app.passwords.hash(change.new_password).await?;
    let tx = app.store.write(&user.identity()).await?;
    if !tx
        .row(CHANGE_PASSWORD, &[&login.password_hash, &hash])
        .await?
        .get::<_, bool>("change_password")
    {
        return Err(wrong());
    }
    tx.commit().await?;
    Ok(())
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
