//! The whole service as one router: every resource, one outer layer.

use axum::middleware::from_fn_with_state;
use axum::{Router, http::StatusCode};

use super::operations;
use super::state::AppState;
use crate::http::layers;
use crate::resources;

pub fn build(app: AppState) -> Router {
    let (api, _) = resources::router(&app.settings).split_for_parts();
    Router::new()
        .merge(operations::router())
        .merge(api)
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(app.clone(), layers::surround))
        .with_state(app)
}
