//! Sessions and bearer tokens: the cookie and the header, and the look-ups behind them.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, HeaderValue, header};

use super::second_factor::{Factor, Proof, Seed};
use super::secret::{self, Hash};
use crate::error::{ApiError, ApiResult};
use crate::store::tx::{Args, Store};

pub const COOKIE: &str = "session";

const FIND_SESSION: &str = "select user_id, role, cookie_seconds from find_session($1, $2, $3)";
const FIND_API_TOKEN: &str = "select user_id, role from find_api_token($1)";
const OPEN_SESSION: &str = "select open_session($1, $2, $3, $4, $5, $6, $7)";
const CLOSE_SESSION: &str = "select close_session($1)";
const FIND_LOGIN: &str = "\
    select user_id, password_hash, status, known, account, totp_secret, totp_key, last_step, recovery_hashes
      from find_login($1, $2)";
const HAS_SECOND_FACTOR: &str = "select has_second_factor($1)";

/// The statements of this module that run as the service's own login.
pub const STATEMENTS: &[&str] = &[
    FIND_SESSION,
    FIND_API_TOKEN,
    OPEN_SESSION,
    CLOSE_SESSION,
    FIND_LOGIN,
    HAS_SECOND_FACTOR,
];

/// What a request presented to say who it is.
pub enum Credential {
    /// With the cookie's value, to set it again.
    Session(Hash, String),
    Token(Hash),
}

/// Without the cookie's value, which is a password.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Session(..) => "Session",
            Credential::Token(_) => "Token",
        })
    }
}

/// A request's answer sets this cookie when its session has moved on: the browser forgets it no sooner than the server.
#[derive(Debug, Clone, Default)]
pub struct Renewed(pub Arc<OnceLock<HeaderValue>>);

#[derive(Debug)]
pub struct Found {
    pub user_id: i64,
    pub role: String,
    pub renewed: Option<HeaderValue>,
}

/// A bearer header counts alone: a wrong token never falls back to a cookie.
pub fn credential(headers: &HeaderMap) -> Option<Credential> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| Credential::Token(secret::hash(token.trim())));
    }
    let value = cookies(headers, COOKIE).next()?;
    Some(Credential::Session(secret::hash(value), value.to_owned()))
}

/// The values of all cookies of this name.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// How long a session lives.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime {
    /// Without a request.
    pub unused_seconds: i32,
    /// However much it is used.
    pub longest_seconds: i32,
}

/// Sessions and tokens as the database keeps them.
#[derive(Debug)]
pub struct Sessions {
    store: Store,
    lifetime: Lifetime,
    secure_cookies: bool,
}

impl Sessions {
    pub fn new(store: Store, lifetime: Lifetime, secure_cookies: bool) -> Self {
        Sessions {
            store,
            lifetime,
            secure_cookies,
        }
    }

    /// The user's id and role, if the credential is good and the account active.
    pub async fn find(&self, credential: &Credential) -> ApiResult<Option<Found>> {
        let (row, cookie_value) = match credential {
            Credential::Session(hash, value) => {
                let args: Args<'_> = &[
                    &hash.as_slice(),
                    &self.lifetime.unused_seconds,
                    &self.lifetime.longest_seconds,
                ];
                (self.store.own(FIND_SESSION, args).await?, Some(value))
            }
            Credential::Token(hash) => (self.store.own(FIND_API_TOKEN, &[&hash.as_slice()]).await?, None),
        };
        let (user_id, role): (Option<i64>, Option<String>) = (row.get("user_id"), row.get("role"));
        let Some((user_id, role)) = user_id.zip(role) else {
            return Ok(None);
        };
        let renewed = match cookie_value {
            Some(value) => row
                .get::<_, Option<i32>>("cookie_seconds")
                .map(|seconds| self.cookie(value, seconds))
                .transpose()?,
            None => None,
        };
        Ok(Some(Found {
            user_id,
            role,
            renewed,
        }))
    }

    /// The account of a login name, if there is one, and the name as the database compares it: one throttle for all ways to
    /// write it.
    pub async fn find_login(&self, username: &str, network: IpAddr) -> ApiResult<(Option<Login>, String)> {
        let row = self
            .store
            .own(FIND_LOGIN, &[&username, &network.to_string()])
            .await?;
        let login = row.get::<_, Option<i64>>("user_id").map(|user_id| Login {
            user_id,
            password_hash: row.get("password_hash"),
            status: row.get("status"),
            known: row.get("known"),
            factor: row.get::<_, Option<Vec<u8>>>("totp_secret").map(|bytes| Factor {
                user_id,
                seed: Seed {
                    bytes,
                    key: row.get("totp_key"),
                },
                last_step: row.get("last_step"),
                recovery_hashes: row.get("recovery_hashes"),
            }),
        });
        Ok((login, row.get("account")))
    }

    pub async fn has_second_factor(&self, user_id: i64) -> ApiResult<bool> {
        Ok(self.store.own(HAS_SECOND_FACTOR, &[&user_id]).await?.get(0))
    }

    /// A new session for a verified login, and its cookie. None if the account changed meanwhile, or the code was used.
    pub async fn open(
        &self,
        login: &Login,
        network: IpAddr,
        proof: Option<Proof>,
    ) -> ApiResult<Option<(Hash, HeaderValue)>> {
        let id = secret::random().map_err(|error| ApiError::internal(error.to_string()))?;
        let hash = secret::hash(&id);
        let seconds = self.lifetime.unused_seconds.min(self.lifetime.longest_seconds);
        let network = network.to_string();
        let args: Args<'_> = &[
            &login.user_id,
            &login.password_hash,
            &hash.as_slice(),
            &seconds,
            &network,
            &proof.and_then(|proof| proof.step()),
            &proof.as_ref().and_then(Proof::recovery_hash),
        ];
        let opened: bool = self.store.own(OPEN_SESSION, args).await?.get(0);
        let cookie = opened.then(|| self.cookie(&id, seconds)).transpose()?;
        Ok(cookie.map(|cookie| (hash, cookie)))
    }

    pub async fn close(&self, hash: &Hash) -> ApiResult<bool> {
        Ok(self.store.own(CLOSE_SESSION, &[&hash.as_slice()]).await?.get(0))
    }

    /// The cookie of a session, for so long.
    pub fn cookie(&self, id: &str, seconds: i32) -> ApiResult<HeaderValue> {
        secret_header(&cookie_text(COOKIE, id, seconds.into(), "/", self.secure_cookies))
    }
}

/// A session's name for its user, as `sessions.id` is made.
pub fn id_of(hash: &Hash) -> i64 {
    let bits = hash
        .iter()
        .take(7)
        .fold(0, |bits, byte| bits << 8 | i64::from(*byte));
    bits >> 4
}

/// An account, as far as its password is checked.
pub struct Login {
    pub user_id: i64,
    pub password_hash: String,
    pub status: String,
    /// It has logged in from this network before.
    pub known: bool,
    /// What it needs beside the password.
    pub factor: Option<Factor>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user_id", &self.user_id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A header that is never shown where headers are logged.
pub fn secret_header(text: &str) -> ApiResult<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|error| ApiError::internal(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

pub fn cookie_text(name: &str, value: &str, seconds: i64, path: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path={path}; Max-Age={seconds}{secure}")
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
    fn nothing_secret_is_shown_by_debug() {
        let login = Login {
            user_id: 3,
            password_hash: "$argon2id$stored".into(),
            status: "active".into(),
            known: false,
            factor: None,
        };
        let session = Credential::Session(secret::hash("presented"), "presented".into());
        let cookie = secret_header("session=presented").unwrap();
        let shown = format!(
            "{login:?} {session:?} {:?} {cookie:?}",
            Renewed(Arc::new(cookie.clone().into()))
        );
        assert!(
            !shown.contains("argon2id") && !shown.contains("presented"),
            "{shown}"
        );
    }

    #[test]
    fn a_bearer_header_never_falls_back_to_the_cookie() {
        let cookie = ("cookie", "a=b; session=abc; c=d");
        assert!(
            matches!(credential(&headers(&[cookie])), Some(Credential::Session(hash, _)) if hash == secret::hash("abc"))
        );
        let both = headers(&[cookie, ("authorization", "Bearer xyz")]);
        assert!(matches!(credential(&both), Some(Credential::Token(hash)) if hash == secret::hash("xyz")));
        assert!(credential(&headers(&[cookie, ("authorization", "Basic xyz")])).is_none());
        assert!(credential(&headers(&[("cookie", "xsession=abc")])).is_none());
    }
}
