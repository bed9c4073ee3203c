//! Versions of objects, against lost updates: an answer names the version in `ETag`, a write names in `If-Match` the one that
//! it was made for, and is refused with 412 when the object has changed meanwhile. Without If-Match nothing is checked.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::IntoParams;

use crate::error::{ApiError, ApiResult};
use crate::store::tx::{Args, Tx};

/// An object whose version an answer names.
pub trait Versioned: Serialize {
    /// What stands between the quotes of the entity tag.
    fn tag(&self) -> String;
}

/// The object as an answer, with its entity tag.
#[derive(Debug)]
pub struct Tagged<T>(pub T);

impl<T: Versioned> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = quoted(&self.0.tag());
        let mut response = Json(self.0).into_response();
        if let Ok(value) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

pub fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

/// The request's If-Match; None when it has none.
#[derive(Debug)]
pub struct IfMatch(Option<Wanted>);

/// Described for the API; read by `IfMatch`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes the header that `IfMatch` reads")]
pub struct IfMatchHeader {
    /// The ETag of the object that the change was made for; when it has changed since: 412.
    #[param(rename = "If-Match", example = "\"1\"")]
    if_match: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Any,
    OneOf(Vec<String>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        read(&parts.headers).map(IfMatch).ok_or_else(|| {
            ApiError::field(
                &["If-Match"],
                "Not an entity tag: the ETag of an answer is expected, such as \"7\", or *.",
            )
        })
    }
}

impl IfMatch {
    /// In the transaction of the write: `lock` gives the object's version and keeps the row from changing until the end.
    /// `present` is the object as it is now, or the error that it does not exist.
    pub async fn check<T: Versioned>(
        &self,
        tx: &Tx,
        lock: &'static str,
        args: Args<'_>,
        present: impl AsyncFnOnce(&Tx) -> ApiResult<T>,
    ) -> ApiResult<()> {
        if self.is_none() {
            return Ok(());
        }
        let locked = tx.optional_row(lock, args).await?;
        self.check_locked(tx, locked.as_ref(), present).await
    }

    /// The same with what `lock` gave, for a write that locks its row in any case.
    pub async fn check_locked<T: Versioned>(
        &self,
        tx: &Tx,
        locked: Option<&Row>,
        present: impl AsyncFnOnce(&Tx) -> ApiResult<T>,
    ) -> ApiResult<()> {
        match locked {
            _ if self.is_none() => Ok(()),
            Some(row) if self.admits(&[&row.get::<_, i64>("version").to_string()]) => Ok(()),
            _ => Err(changed(&present(tx).await?)),
        }
    }

    /// Of a form, which holds the version that it was filled in for.
    pub fn version(tag: &str) -> Self {
        IfMatch(Some(Wanted::OneOf(vec![tag.to_owned()])))
    }

    /// For a change that depends on nothing that another may have changed.
    pub fn any() -> Self {
        IfMatch(None)
    }

    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// True when one of these is wanted, and without If-Match.
    pub fn admits(&self, tags: &[&str]) -> bool {
        match &self.0 {
            None | Some(Wanted::Any) => true,
            Some(Wanted::OneOf(wanted)) => wanted.iter().any(|tag| tags.contains(&tag.as_str())),
        }
    }
}

/// 412, with the object as it is now.
pub fn changed<T: Versioned>(present: &T) -> ApiError {
    let mut error = ApiError::new(
        axum::http::StatusCode::PRECONDITION_FAILED,
        "changed_meanwhile",
        "It has been changed meanwhile; `present` is how it is now. Decide again, and send its version in If-Match.",
    );
    error.0.present = serde_json::to_value(present).ok();
    error.0.etag = Some(quoted(&present.tag()));
    error
}

/// None: not a list of entity tags. A weak one counts as well, since proxies that compress make strong ones weak; so does a
/// bare version.
fn read(headers: &HeaderMap) -> Option<Option<Wanted>> {
    let mut tags = Vec::new();
    for value in headers.get_all(header::IF_MATCH) {
        let mut rest = value.to_str().ok()?.trim();
        if rest == "*" {
            return Some(Some(Wanted::Any));
        }
        while !rest.is_empty() {
            let (tag, after) = match rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => rest.split_at(rest.find([',', ' ']).unwrap_or(rest.len())),
            };
            if tag.is_empty() || tag.contains('"') || tag.starts_with("W/") {
                return None;
            }
            tags.push(tag.to_owned());
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
    }
    match (tags.is_empty(), headers.contains_key(header::IF_MATCH)) {
        (true, true) => None,
        (true, false) => Some(None),
        (false, _) => Some(Some(Wanted::OneOf(tags))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<IfMatch> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        read(&headers).map(IfMatch)
    }

    #[test]
    fn entity_tags_are_read_as_they_are_written() {
        for (values, admitted) in [
            (&[] as &[&str], true),
            (&["*"], true),
            (&["\"7\""], true),
            (&["W/\"7\""], true),
            (&["7"], true),
            (&["\"6\", \"7\""], true),
            (&["\"6\"", "\"7\""], true),
            (&["6,7"], true),
            (&["\"6\""], false),
            (&["\"77\""], false),
            (&["\"a,7\""], false),
            (&["\"07\""], false),
        ] {
            assert_eq!(of(values).expect("tags").admits(&["7"]), admitted, "{values:?}");
        }
        for bad in ["", " ", "\"7", "7\"", "\"7\" \"8\"", "\"\"", "W/"] {
            assert!(of(&[bad]).is_none(), "{bad:?}");
        }
    }
}
