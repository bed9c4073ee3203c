//! The description for people: /docs, made once from what /openapi.json says, and the way to it from /.

mod page;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;

use crate::app::AppState;

const HTML: &str = "text/html; charset=utf-8";

#[derive(Template)]
#[template(path = "index.html")]
struct Index;

/// A description is some hundred kilobytes, and never changes while the service runs.
pub fn router(description: &Value) -> Router<AppState> {
    let index = Bytes::from(Index.render().unwrap_or_default());
    let page = Bytes::from(page::render(description));
    let text = Bytes::from(description.to_string());
    let style = Bytes::from_static(include_bytes!("../../docs/viewer.css"));
    let script = Bytes::from_static(include_bytes!("../../docs/viewer.js"));
    let served = [
        ("/", index, HTML),
        ("/docs", page, HTML),
        ("/docs/viewer.css", style, "text/css"),
        ("/docs/viewer.js", script, "text/javascript"),
        ("/openapi.json", text, "application/json"),
    ];
    served
        .into_iter()
        .fold(Router::new(), |router, (path, content, kind)| {
            router.route(path, get(async move || asset(content, kind)))
        })
}

fn asset(content: Bytes, content_type: &'static str) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // A page may load its own script and style, ask this service, and nothing else.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
        ),
    );
    response
}
