//! What surrounds every page: who may post a form, errors as pages, entity tags, headers.

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, ORIGIN, REFERRER_POLICY,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::frame::{Frame, page_with, see_other};
use super::looked_at::Looking;
use crate::error::{ApiError, ApiResult, Problem};

/// A page may load the console's own style and script, ask the console, and send forms to it. With `no-referrer`, a browser would
/// send `Origin: null` with a form, which the cross-site check refuses.
const HEADERS: [(HeaderName, &str); 2] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
];

/// Larger than any page.
const LARGEST_PAGE: usize = 16 * 1024 * 1024;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    status: u16,
    message: &'a str,
}

pub async fn surround(request: Request, next: Next) -> Response {
    let asked = request
        .uri()
        .path_and_query()
        .map_or("/console", |asked| asked.as_str())
        .to_owned();
    let is_read = request.method().is_safe();
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    // The API's check has refused what comes from elsewhere. Every browser names where a form comes from.
    let is_named = request.headers().contains_key(ORIGIN) || request.headers().contains_key("sec-fetch-site");
    let answered = if is_read || is_named {
        next.run(request).await
    } else {
        ApiError::forbidden("cross_site", "This form does not say where it comes from.").into_response()
    };
    let error = answered.extensions().get::<ApiError>().cloned();
    let looking = answered.extensions().get::<Looking>().cloned();
    let shown = match error {
        Some(error) => show(&error.0, if is_read { &asked } else { "/console" }),
        None => Ok(answered),
    };
    let shown = match shown {
        Ok(page) => finished(page, looking.as_ref(), known).await,
        error => error,
    };
    let mut response = shown.unwrap_or_else(IntoResponse::into_response);
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whoever has no session logs in first, and comes back.
fn show(problem: &Problem, back: &str) -> ApiResult<Response> {
    if problem.code == "unauthenticated" {
        let next: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
        return see_other(&format!("/console/login?next={next}"));
    }
    if problem.code == "second_factor_missing" {
        return see_other("/console/account/second_factor");
    }
    if let Some(cause) = &problem.cause {
        tracing::error!(
            status = problem.status.as_u16(),
            code = problem.code,
            cause,
            "failed"
        );
    }
    page_with(
        problem.status,
        &ErrorPage {
            frame: Frame::nobody(),
            status: problem.status.as_u16(),
            message: &problem.message,
        },
    )
}

/// A page with its entity tag; 304 when the asker has just this one. What is no page, such as an export, streams through.
async fn finished(
    response: Response,
    looking: Option<&Looking>,
    known: Option<HeaderValue>,
) -> ApiResult<Response> {
    let is_page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_tagged = response.status() == StatusCode::OK;
    if !is_page || !is_tagged && looking.is_none() {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let mut bytes = to_bytes(body, LARGEST_PAGE)
        .await
        .map_err(|error| ApiError::internal(error.to_string()))?;
    if let Some(looking) = looking {
        bytes = looking.frame(&String::from_utf8_lossy(&bytes))?.into();
        parts.headers.remove(CONTENT_LENGTH);
    }
    if !is_tagged {
        return Ok(Response::from_parts(parts, Body::from(bytes)));
    }
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes)[..12]));
    let tag = HeaderValue::from_str(&tag).map_err(|error| ApiError::internal(error.to_string()))?;
    let is_known = known.is_some_and(|known| known == tag);
    parts.headers.insert(ETAG, tag);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
