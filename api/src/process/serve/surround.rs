//! What surrounds every request: an id, a limit in time, the cross-site check, panics, the error body, headers, the log
//! line and the metrics. One function, so that their order can be read.

use std::fmt::Write;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::foreign;
use crate::access::sessions::Renewed;
use crate::app::AppState;
use crate::error::{ApiError, Problem};

pub async fn surround(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = new_request_id();
    let method = request.method().clone();
    // The template, not the address: addresses hold callers' data, and a label per id would grow without bound.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched".to_owned(), |m| m.as_str().to_owned());
    let span = tracing::info_span!("request", %request_id, %method, route, user_id = tracing::field::Empty);
    let renewed = Renewed::default();
    request.extensions_mut().insert(renewed.clone());
    let foreign = foreign::origin(&request, &app.settings.cors_origins);
    let answered = answer(&app, request, foreign.is_some(), next);
    let mut response = answered.instrument(span.clone()).await;
    // A login or logout sets its own.
    if let Some(cookie) = renewed.0.get() {
        response
            .headers_mut()
            .entry(header::SET_COOKIE)
            .or_insert(cookie.clone());
    }
    let response = render(response, &request_id, &span);
    let seconds = started.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    app.metrics.observe(&method, &route, status, seconds);
    span.in_scope(|| tracing::info!(status, milliseconds = (seconds * 1000.0).round(), "answered"));
    let response = with_headers(response, &request_id);
    match foreign {
        Some(origin) => foreign::readable(response, origin),
        None => response,
    }
}

/// `foreign`: from a page of another origin that is allowed.
async fn answer(app: &AppState, mut request: Request, foreign: bool, next: Next) -> Response {
    if foreign && foreign::asks(&request) {
        return foreign::allowed();
    }
    let admitted = if foreign {
        foreign::admit(&mut request)
    } else {
        same_site(request.method(), request.headers(), &app.settings.public_origins)
    };
    if let Err(error) = admitted {
        return error.into_response();
    }
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(app.settings.request_timeout, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => ApiError::internal("a handler panicked").into_response(),
        Err(_) => {
            ApiError::unavailable("too_slow", "The request took too long.", "request timeout").into_response()
        }
    }
}

/// A page of another site must not write with a visitor's cookie. Scripts send neither header and are allowed.
fn same_site(method: &Method, headers: &HeaderMap, origins: &[String]) -> Result<(), ApiError> {
    if method.is_safe() {
        return Ok(());
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let foreign_site = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    let foreign_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        !origins
            .iter()
            .any(|own| own.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
    });
    if foreign_site || foreign_origin {
        return Err(ApiError::forbidden(
            "cross_site",
            "Requests from other sites are refused.",
        ));
    }
    Ok(())
}

/// Writes the error body. An error status that no handler gave (405 and the like) gets its body here, too.
fn render(response: Response, request_id: &str, span: &tracing::Span) -> Response {
    let status = response.status();
    let problem = match response.extensions().get::<ApiError>() {
        Some(error) => (*error.0).clone(),
        None if status.as_u16() < 400 || response.headers().contains_key(header::CONTENT_TYPE) => {
            return response;
        }
        None => by_status(status),
    };
    if let Some(cause) = &problem.cause {
        span.in_scope(|| tracing::error!(status = status.as_u16(), code = problem.code, cause, "failed"));
    }
    let mut rendered = problem.render(request_id);
    for (name, value) in response.headers() {
        if *name != header::CONTENT_LENGTH && !rendered.headers().contains_key(name) {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

fn by_status(status: StatusCode) -> Problem {
    let (code, message) = match status {
        StatusCode::NOT_FOUND => ("not_found", "There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "This address does not know this method; see Allow.",
        ),
        _ => (
            "refused",
            status.canonical_reason().unwrap_or("The request was refused."),
        ),
    };
    *ApiError::new(status, code, message).0
}

fn with_headers(mut response: Response, request_id: &str) -> Response {
    const FIXED: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    response
}

fn new_request_id() -> String {
    let mut bytes = [0u8; 8];
    // Without random bytes all ids are equal, and nothing else suffers.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().fold(String::with_capacity(16), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, list: &[(&'static str, &str)]) -> bool {
        let headers = list
            .iter()
            .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
            .collect();
        same_site(&method, &headers, &["https://calls.example.com".into()]).is_ok()
    }

    #[test]
    fn pages_of_other_sites_cannot_write() {
        assert!(check(Method::POST, &[]));
        assert!(check(
            Method::POST,
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://calls.example.com")
            ]
        ));
        assert!(check(Method::POST, &[("sec-fetch-site", "none")]));
        assert!(check(
            Method::GET,
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example")
            ]
        ));
        assert!(!check(Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!check(Method::POST, &[("sec-fetch-site", "same-site")]));
        assert!(!check(Method::PUT, &[("origin", "https://evil.example")]));
        assert!(!check(Method::DELETE, &[("origin", "null")]));
        assert!(!check(
            Method::POST,
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example")
            ]
        ));
    }
}
