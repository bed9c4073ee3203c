//! The whole service as one router: every resource, its description, one outer layer.

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;

use super::surround;
use crate::app::AppState;
use crate::resources;
use crate::resources::description::finished;
use crate::{console, docs};

pub fn build(app: AppState) -> Router {
    let (routes, description) = resources::router(!app.settings.internal_tokens.is_empty()).split_for_parts();
    Router::new()
        .merge(routes)
        .merge(docs::router(&finished(description).unwrap_or_default()))
        .merge(console::router())
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(app.clone(), surround::surround))
        .with_state(app)
}
