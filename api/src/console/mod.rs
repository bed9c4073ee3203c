//! The console under /console: pages for people. It calls the operations that the JSON handlers call, with fields that are read by
//! the same rules; what is its own is how things are shown.

mod assets;
mod audit;
mod bar;
mod call_page;
mod calls;
mod campaign;
mod capped;
mod caps;
mod clients;
mod form;
mod frame;
mod hours;
mod hours_text;
mod links;
mod login;
mod new_password;
mod numbers;
mod operations;
mod overview;
mod pauses;
mod search;
mod sellers;
mod show;
mod surround;
mod try_number;
mod viewer;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::get;

use crate::app::AppState;
use crate::error::ApiError;

pub fn router() -> Router<AppState> {
    let pages = Router::new()
        .merge(login::router())
        .merge(new_password::router())
        .merge(overview::router())
        .merge(campaign::router())
        .merge(links::router())
        .merge(caps::router())
        .merge(pauses::router())
        .merge(numbers::router())
        .merge(hours::router())
        .merge(try_number::router())
        .merge(calls::router())
        .merge(call_page::router())
        .merge(operations::router())
        .merge(clients::router())
        .merge(sellers::router())
        .merge(audit::router())
        .merge(search::router())
        .route(
            "/console/{*rest}",
            get(async || ApiError::not_found("There is no page at this address.")),
        )
        .layer(from_fn(surround::surround));
    Router::new()
        .route("/console/", get(async || Redirect::to("/console")))
        .merge(assets::router())
        .merge(pages)
}
