//! Sessions and bearer tokens: the cookie and the header, and the look-ups behind them.

use axum::http::{HeaderMap, HeaderValue, header};

use super::secret::{self, Hash};
use crate::http::error::{ApiError, ApiResult};
use crate::serve::state::App;

pub const COOKIE: &str = "session";

const FIND_SESSION: &str = "select user_id, role from find_session($1, $2)";
const FIND_API_TOKEN: &str = "select user_id, role from find_api_token($1)";
const OPEN_SESSION: &str = "select open_session($1, $2, $3, $4)";
const CLOSE_SESSION: &str = "select close_session($1)";
const FIND_LOGIN: &str = "select user_id, password_hash, status from find_login($1)";

/// The statements of this module that run as the service's own login.
pub const STATEMENTS: &[&str] = &[
    FIND_SESSION,
    FIND_API_TOKEN,
    OPEN_SESSION,
    CLOSE_SESSION,
    FIND_LOGIN,
];

/// What a request presented to say who it is.
#[derive(Debug)]
pub enum Credential {
    Session(Hash),
    Token(Hash),
}

/// A bearer header counts alone: a wrong token never falls back to a cookie.
pub fn credential(headers: &HeaderMap) -> Option<Credential> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| Credential::Token(secret::hash(token.trim())));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| Credential::Session(secret::hash(value)))
}

/// The user's id and role, if the credential is good and the account active.
pub async fn find(app: &App, credential: &Credential) -> ApiResult<Option<(i64, String)>> {
    let row = match credential {
        Credential::Session(hash) => {
            app.store
                .own(
                    FIND_SESSION,
                    &[&hash.as_slice(), &app.settings.session_lifetime_seconds],
                )
                .await?
        }
        Credential::Token(hash) => app.store.own(FIND_API_TOKEN, &[&hash.as_slice()]).await?,
    };
    Ok(row.get::<_, Option<i64>>(0).zip(row.get(1)))
}

pub struct Login {
    pub user_id: i64,
    pub password_hash: String,
    pub status: String,
}

pub async fn find_login(app: &App, username: &str) -> ApiResult<Option<Login>> {
    let row = app.store.own(FIND_LOGIN, &[&username]).await?;
    Ok(row.get::<_, Option<i64>>(0).map(|user_id| Login {
        user_id,
        password_hash: row.get(1),
        status: row.get(2),
    }))
}

/// A new session for a verified login: the value of its cookie. None if the account changed meanwhile.
pub async fn open(app: &App, login: &Login) -> ApiResult<Option<String>> {
    let id = secret::random().map_err(|error| ApiError::internal(error.to_string()))?;
    let hash = secret::hash(&id);
    let args: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [
        &login.user_id,
        &login.password_hash,
        &hash.as_slice(),
        &app.settings.session_lifetime_seconds,
    ];
    let opened: bool = app.store.own(OPEN_SESSION, &args).await?.get(0);
    Ok(opened.then_some(id))
}

pub async fn close(app: &App, hash: &Hash) -> ApiResult<bool> {
    Ok(app.store.own(CLOSE_SESSION, &[&hash.as_slice()]).await?.get(0))
}

/// The cookie of a session; with an empty id, the one that removes it.
pub fn cookie(app: &App, id: &str) -> ApiResult<HeaderValue> {
    let lifetime = if id.is_empty() {
        0
    } else {
        app.settings.session_lifetime_seconds
    };
    let secure = if app.settings.secure_cookies {
        "; Secure"
    } else {
        ""
    };
    let text = format!("{COOKIE}={id}; HttpOnly; SameSite=Lax; Path=/; Max-Age={lifetime}{secure}");
    HeaderValue::from_str(&text).map_err(|error| ApiError::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_bearer_header_never_falls_back_to_the_cookie() {
        let cookie = ("cookie", "a=b; session=abc; c=d");
        assert!(
            matches!(credential(&headers(&[cookie])), Some(Credential::Session(hash)) if hash == secret::hash("abc"))
        );
        let both = headers(&[cookie, ("authorization", "Bearer xyz")]);
        assert!(matches!(credential(&both), Some(Credential::Token(hash)) if hash == secret::hash("xyz")));
        assert!(credential(&headers(&[cookie, ("authorization", "Basic xyz")])).is_none());
        assert!(credential(&headers(&[("cookie", "xsession=abc")])).is_none());
    }
}
