//! The body of a write, checked in the documented order: content type (415), size (413), syntax (400), empty (400), fields.
//! Session and role stand before it in every handler's arguments, existence and conflicts after it in the handler.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use super::fields::{Fields, Input, Unknown};
use crate::error::{ApiError, ApiResult};

/// Larger than any object of the contract; a campaign with twenty thousand DIDs fits.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Too short: a client on a poor line is cut off. Too long: slow senders hold connections.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read of a body that is too large anyway. Too little: its sender never learns why. Too much: wasted bandwidth.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// A JSON object whose fields passed every rule of `T`.
#[derive(Debug)]
pub struct Valid<T>(pub T);

impl<T: Input, S: Send + Sync> FromRequest<S> for Valid<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts, body).await?;
        // PATCH is PUT that refuses what it does not know.
        let unknown = match parts.method {
            Method::PATCH => Unknown::Refuse,
            _ => T::UNKNOWN,
        };
        parse(&bytes, unknown).map(Valid)
    }
}

/// The bytes of a body that says that it is JSON.
pub async fn read(parts: &Parts, body: Body) -> ApiResult<bytes::Bytes> {
    if !is_json(&parts.headers) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send the body as JSON, with Content-Type: application/json.",
        ));
    }
    read_up_to(body, MAX_BODY_BYTES).await
}

pub fn parse<T: Input>(bytes: &[u8], unknown: Unknown) -> ApiResult<T> {
    let empty = || ApiError::bad_request("empty_body", "The body is empty: send a JSON object with fields.");
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(empty());
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::bad_request(
            "malformed_json",
            format!(
                "The body is not valid JSON (line {}, column {}).",
                error.line(),
                error.column()
            ),
        )
    })?;
    match value {
        Value::Object(map) if map.is_empty() => Err(empty()),
        Value::Null => Err(empty()),
        Value::Object(map) => Fields::parse(&map, unknown),
        _ => Err(ApiError::bad_request(
            "not_an_object",
            "The body must be a JSON object.",
        )),
    }
}

pub fn is_json(headers: &HeaderMap) -> bool {
    let kind = kind(headers);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// What the header says that the body is, without parameters.
pub fn kind(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The bytes of a body of any kind.
pub async fn read_up_to(mut body: Body, max: usize) -> ApiResult<bytes::Bytes> {
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("The body is larger than {max} bytes."),
        )
    };
    // Content-Length says so already.
    if body.size_hint().lower() > max as u64 {
        discard(body).await;
        return Err(too_large());
    }
    let limited = Limited::new(&mut body, max);
    match tokio::time::timeout(BODY_TIMEOUT, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if is_too_large(error.as_ref()) => {
            discard(body).await;
            Err(too_large())
        }
        Ok(Err(_)) => Err(ApiError::bad_request(
            "incomplete_body",
            "The body ended before it was complete.",
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The body did not arrive in time.",
        )),
    }
}

/// Most clients read the answer only when they have sent all: to close before that would show them a broken connection
/// instead. So what still comes is dropped, within bounds.
async fn discard(mut body: Body) {
    let mut left = MAX_DISCARDED_BYTES;
    if body.size_hint().lower() > left as u64 {
        return;
    }
    let discarded = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_TIMEOUT, discarded).await;
}

fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}
