//! The whole service as one router: every resource, its description, one outer layer.

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

use super::surround;
use crate::app::AppState;
use crate::console;
use crate::resources;
use crate::resources::description::name_operations;

pub fn build(app: AppState) -> Router {
    let (routes, mut description) =
        resources::router(!app.settings.internal_tokens.is_empty()).split_for_parts();
    name_operations(&mut description);
    // Written once: a description is some hundred kilobytes, and never changes while the service runs.
    let description = Bytes::from(description.to_json().unwrap_or_default());
    Router::new()
        .merge(routes)
        .route(
            "/openapi.json",
            get(move || asset(description.clone(), "application/json")),
        )
        .route(
            "/docs",
            get(|| {
                asset(
                    Bytes::from_static(include_bytes!("../../../docs/index.html")),
                    "text/html; charset=utf-8",
                )
            }),
        )
        .route(
            "/docs/viewer.js",
            get(|| {
                asset(
                    Bytes::from_static(include_bytes!("../../../docs/viewer.js")),
                    "text/javascript",
                )
            }),
        )
        .route(
            "/docs/viewer.css",
            get(|| {
                asset(
                    Bytes::from_static(include_bytes!("../../../docs/viewer.css")),
                    "text/css",
                )
            }),
        )
        .merge(console::router())
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(app.clone(), surround::surround))
        .with_state(app)
}

async fn asset(content: Bytes, content_type: &'static str) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // The page may load its own script, style and description, and nothing else.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'",
        ),
    );
    response
}
