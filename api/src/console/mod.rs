//! The console under /console: pages for people. It calls the operations that the JSON handlers call, with fields that are read by
//! the same rules; what is its own is how things are shown.

mod account;
mod assets;
mod audit;
mod bar;
mod call_page;
mod callers;
mod callers_again;
mod calls;
mod campaign;
mod capped;
mod caps;
mod clients;
mod dates;
mod first_steps;
mod form;
mod frame;
mod hours;
mod hours_text;
mod links;
mod login;
mod looked_at;
mod looking;
mod new_client;
mod new_password;
mod numbers;
mod operations;
mod overflow_text;
mod overview;
mod pauses;
mod reports;
mod rules_text;
mod search;
mod second_factor;
mod sellers;
mod show;
mod surround;
mod try_number;
mod users;
mod viewer;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::get;

use crate::app::AppState;
use crate::error::ApiError;

/// What people see who have logged in: under /console, and under the address of whoever looks at a seller's.
fn pages() -> Router<AppState> {
    Router::new()
        .merge(overview::router())
        .merge(campaign::router())
        .merge(links::router())
        .merge(caps::router())
        .merge(pauses::router())
        .merge(numbers::router())
        .merge(hours::router())
        .merge(dates::router())
        .merge(callers::router())
        .merge(callers_again::router())
        .merge(reports::router())
        .merge(try_number::router())
        .merge(calls::router())
        .merge(call_page::router())
        .merge(operations::router())
        .merge(clients::router())
        .merge(new_client::router())
        .merge(sellers::router())
        .merge(users::router())
        .merge(account::router())
        .merge(second_factor::router())
        .merge(audit::router())
        .merge(search::router())
        .route(
            "/console/{*rest}",
            get(async || ApiError::not_found("There is no page at this address.")),
        )
}

pub fn router() -> Router<AppState> {
    let all = pages()
        .merge(login::router())
        .merge(new_password::router())
        .merge(looking::router(pages()))
        .layer(from_fn(surround::surround));
    Router::new()
        .route("/console/", get(async || Redirect::to("/console")))
        .merge(assets::router())
        .merge(all)
}
