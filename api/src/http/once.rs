//! Repeats of a POST: with `Idempotency-Key` its effect happens once, and whoever repeats the request gets the first answer.
//! Owns: what a key may be, what is kept of an answer, and who waits. The key's row and the effect are one transaction.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::body::{self, parse};
use super::fields::Input;
use super::version::{Versioned, quoted};
use crate::error::{ApiError, ApiResult};
use crate::store::identity::Identity;
use crate::store::row::row;
use crate::store::tx::{Store, Tx};

const HEADER: &str = "idempotency-key";
const LONGEST_KEY: usize = 255;

/// Answers there hold secrets, and calls have a uniqueid.
const REFUSED: [&str; 2] = ["/api/auth/", "/api/internal/"];

/// The two-integer key spaces of who works for a key, and of the one who waits for it.
const WORKS: i32 = 0x_0CAD;
const WAITS: i32 = 0x_0CAE;

const TRY_LOCK: &str = "select pg_try_advisory_xact_lock($1, $2) as locked";
const WAIT: &str = "select pg_advisory_xact_lock($1, $2)";
/// For so long an answer is kept.
macro_rules! is_kept {
    () => {
        "created_at > now() - interval '24 hours'"
    };
}

const FIND: &str = concat!(
    "select fingerprint, status, etag, body from idempotency_keys
     where user_id = session_user_id() and key_hash = $1 and ",
    is_kept!()
);
/// The row that is there is older than a day.
const KEEP: &str = "\
    insert into idempotency_keys (user_id, key_hash, fingerprint, status, etag, body)
    values (session_user_id(), $1, $2, $3, $4, $5)
    on conflict (user_id, key_hash) do update
       set fingerprint = excluded.fingerprint, status = excluded.status, etag = excluded.etag, body = excluded.body,
           created_at = now()";

pub const FORGET: &str = concat!("delete from idempotency_keys where not (", is_kept!(), ")");

pub const INTERNAL_STATEMENTS: &[&str] = &[FORGET];
/// Of sellers and staff alike.
pub const USER_STATEMENTS: &[&str] = &[TRY_LOCK, WAIT, FIND, KEEP];

/// Described for the API; read by `Post`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header that `Post` reads")]
pub struct OnceHeader {
    /// A random text of up to 255 characters. For 24 hours the same request with the same key has no second effect, and gets
    /// the first answer.
    #[param(rename = "Idempotency-Key", example = "6f1c2a0e-8f5a-4b7e-9c61-2d1f0a3b4c5d")]
    idempotency_key: Option<String>,
}

/// The body of a POST, and whether it is to happen once.
#[derive(Debug)]
pub struct Post<T>(pub T, pub Once);

/// None: as often as it is sent.
#[derive(Debug)]
pub struct Once(Option<Key>);

/// The key itself is not stored. So the fingerprint, which holds it, tells nothing of a password in the body.
#[derive(Debug)]
struct Key {
    hash: Vec<u8>,
    fingerprint: Vec<u8>,
}

row! {
    struct Kept {
        fingerprint: Vec<u8>,
        status: i16,
        etag: Option<String>,
        body: String,
    }
}

/// A success as it is sent and kept.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    etag: Option<String>,
    body: String,
}

/// Before anything else of the request is read, once it is clear who asks.
pub fn check(parts: &Parts) -> ApiResult<()> {
    let refused = REFUSED.iter().any(|prefix| parts.uri.path().starts_with(prefix));
    if refused && parts.headers.contains_key(HEADER) {
        return Err(ApiError::field(
            &["Idempotency-Key"],
            "Not honoured at this address: leave the header out.",
        ));
    }
    if parts.method == Method::POST {
        key(parts).map(drop)
    } else {
        Ok(())
    }
}

fn key(parts: &Parts) -> ApiResult<Option<&[u8]>> {
    let mut values = parts.headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let key = value.as_bytes();
    let is_plain = key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    if values.next().is_some() || key.is_empty() || key.len() > LONGEST_KEY || !is_plain {
        return Err(ApiError::field(
            &["Idempotency-Key"],
            format!("One text of 1 to {LONGEST_KEY} printable ASCII characters is expected."),
        ));
    }
    Ok(Some(key))
}

impl<T: Input, S: Send + Sync> FromRequest<S> for Post<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let bytes = body::read(&parts, body).await?;
        let value = parse(&bytes, T::UNKNOWN)?;
        Ok(Post(value, Once::of(&parts, &bytes)?))
    }
}

impl Once {
    /// `bytes` is the body.
    pub fn of(parts: &Parts, bytes: &[u8]) -> ApiResult<Self> {
        let key = key(parts)?.map(|key| {
            let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
            Key::of(key, parts.method.as_str(), target, bytes)
        });
        Ok(Once(key))
    }

    /// Of a form, which holds its own key.
    pub fn of_form(key: &str, target: &str, bytes: &[u8]) -> Self {
        Once((!key.is_empty()).then(|| Key::of(key.as_bytes(), "POST", target, bytes)))
    }

    /// `work` in a transaction of its own, unless its answer is kept already. What fails is not kept, and may be tried again.
    pub async fn run(
        self,
        store: &Store,
        identity: &Identity,
        work: impl AsyncFnOnce(&Tx) -> ApiResult<Answer>,
    ) -> ApiResult<Answer> {
        let tx = store.write(identity).await?;
        let Some(key) = self.0 else {
            let answer = work(&tx).await?;
            tx.commit().await?;
            return Ok(answer);
        };
        key.lock(&tx, identity.user_id.unwrap_or_default()).await?;
        if let Some(kept) = tx.optional_row(FIND, &[&key.hash]).await? {
            tx.commit().await?;
            return key.answer(Kept::from(&kept));
        }
        let answer = work(&tx).await?;
        let status = i16::try_from(answer.status.as_u16()).unwrap_or_default();
        tx.execute(
            KEEP,
            &[&key.hash, &key.fingerprint, &status, &answer.etag, &answer.body],
        )
        .await?;
        tx.commit().await?;
        Ok(answer)
    }
}

impl Key {
    fn of(key: &[u8], method: &str, target: &str, bytes: &[u8]) -> Self {
        let mut fingerprint = Sha256::new();
        for part in [key, method.as_bytes(), target.as_bytes(), bytes] {
            fingerprint.update((part.len() as u64).to_be_bytes());
            fingerprint.update(part);
        }
        Key {
            hash: Sha256::digest(key).to_vec(),
            fingerprint: fingerprint.finalize().to_vec(),
        }
    }

    /// One works, one waits for it, the others are told: they keep no connection.
    async fn lock(&self, tx: &Tx, user_id: i64) -> ApiResult<()> {
        // Two keys that share 32 bits wait for one another: slower, never wrong.
        let mut hash = Sha256::new();
        hash.update(user_id.to_be_bytes());
        hash.update(&self.hash);
        let digest = hash.finalize();
        let place = i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        if locked(tx, WORKS, place).await? {
            return Ok(());
        }
        if !locked(tx, WAITS, place).await? {
            return Err(ApiError::conflict(
                "in_progress",
                "A request with this Idempotency-Key is being worked on. Repeat it later for its answer.",
            )
            .retry_after(1));
        }
        tx.rows(WAIT, &[&WORKS, &place]).await?;
        Ok(())
    }

    fn answer(&self, kept: Kept) -> ApiResult<Answer> {
        if kept.fingerprint != self.fingerprint {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key_reused",
                "This Idempotency-Key was used for another request within 24 hours. Take a new one.",
            ));
        }
        let status = u16::try_from(kept.status).ok();
        Ok(Answer {
            status: status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .ok_or_else(|| ApiError::internal("a kept answer has no status"))?,
            etag: kept.etag,
            body: kept.body,
        })
    }
}

async fn locked(tx: &Tx, space: i32, place: i32) -> ApiResult<bool> {
    Ok(tx.row(TRY_LOCK, &[&space, &place]).await?.get("locked"))
}

impl Answer {
    /// What it says, whether it was made now or kept.
    pub fn says<T: DeserializeOwned>(&self) -> ApiResult<T> {
        serde_json::from_str(&self.body).map_err(|error| ApiError::internal(error.to_string()))
    }

    pub fn created<T: Versioned>(object: &T) -> ApiResult<Self> {
        Self::of(StatusCode::CREATED, Some(object.tag()), object)
    }

    /// Of a part without a version of its own.
    pub fn made<T: Serialize>(object: &T) -> ApiResult<Self> {
        Self::of(StatusCode::CREATED, None, object)
    }

    /// Of an object that was there before.
    pub fn changed<T: Versioned>(object: &T) -> ApiResult<Self> {
        Self::of(StatusCode::OK, Some(object.tag()), object)
    }

    /// Of what has no version.
    pub fn done<T: Serialize>(object: &T) -> ApiResult<Self> {
        Self::of(StatusCode::OK, None, object)
    }

    fn of<T: Serialize>(status: StatusCode, tag: Option<String>, object: &T) -> ApiResult<Self> {
        let body = serde_json::to_string(object).map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Answer {
            status,
            etag: tag.map(|tag| quoted(&tag)),
            body,
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(etag) = self.etag.and_then(|etag| HeaderValue::from_str(&etag).ok()) {
            headers.insert(header::ETAG, etag);
        }
        response
    }
}
