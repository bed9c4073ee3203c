//! Pages of other origins that are allowed to use the API, by the setting `--cors-origins`: with a bearer token, which the page was
//! given, and with nothing else. The visitor's cookies do not count, so such a page has no more power than a script elsewhere.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Before a browser sends what a form could not send, it asks. For ten minutes it remembers the answer.
const ALLOWED: [(HeaderName, &str); 3] = [
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, POST, PUT, PATCH, DELETE",
    ),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, if-match, idempotency-key",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];
/// What a page may read of an answer's head besides what browsers show anyway.
const EXPOSED: &str = "etag, retry-after, x-request-id, content-disposition, allow";

/// The origin of a page that is allowed, where the request is one for the API.
pub fn origin(request: &Request, allowed: &[String]) -> Option<HeaderValue> {
    let path = request.uri().path();
    let is_api = path.starts_with("/api/") && !path.starts_with("/api/internal/");
    let origin = request.headers().get(header::ORIGIN).filter(|_| is_api)?;
    let is_allowed = |own: &String| own.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
    allowed.iter().any(is_allowed).then(|| origin.clone())
}

/// Whether a browser asks what it may send.
pub fn asks(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

pub fn allowed() -> Response {
    (StatusCode::NO_CONTENT, ALLOWED).into_response()
}

/// Without the visitor's cookies. A write needs a token, and a login is none of such a page's business.
pub fn admit(request: &mut Request) -> Result<(), ApiError> {
    let headers = request.headers_mut();
    headers.remove(header::COOKIE);
    let has_token = headers.contains_key(header::AUTHORIZATION);
    let is_login = request.uri().path() == "/api/auth/login";
    if is_login || !(has_token || request.method().is_safe()) {
        return Err(ApiError::forbidden(
            "cross_site",
            "Pages of other sites use a bearer token, and cannot log in.",
        ));
    }
    Ok(())
}

/// What the page may read. Never with credentials: a browser keeps the visitor's cookies to itself.
pub fn readable(mut response: Response, origin: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED),
    );
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}
