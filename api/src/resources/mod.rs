//! One module per resource: its handlers, its operations in SQL, its objects.

pub mod answers;
pub mod auth;
pub mod callers;
pub mod campaigns;
pub mod capacity;
pub mod caps;
pub mod clients;
pub mod description;
pub mod dids;
pub mod explain;
pub mod health;
pub mod internal;
pub mod links;
pub mod live;
pub mod logs;
pub mod numbers;
pub mod oversight;
pub mod pauses;
pub mod platform;
pub mod schedules;
pub mod stats;
pub mod tokens;
pub mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;

/// Every route of the contract, with its description.
pub fn router(with_internal_api: bool) -> OpenApiRouter<AppState> {
    let routes = OpenApiRouter::with_openapi(description::base())
        .merge(health::router())
        .merge(auth::router())
        .merge(tokens::router())
        .merge(users::router())
        .merge(clients::router())
        .merge(dids::router())
        .merge(campaigns::router())
        .merge(logs::router())
        .merge(stats::router())
        .merge(live::router())
        .merge(explain::router())
        .merge(links::router())
        .merge(capacity::router())
        .merge(caps::router())
        .merge(callers::router())
        .merge(numbers::router())
        .merge(pauses::router())
        .merge(schedules::router())
        .merge(oversight::router())
        .merge(platform::router());
    if with_internal_api {
        routes.merge(internal::router())
    } else {
        routes
    }
}
