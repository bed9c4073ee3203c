//! One module per resource: its routes, its objects, its SQL.

pub mod answers;
pub mod auth;
pub mod campaigns;
pub mod clients;
pub mod dids;
pub mod explain;
pub mod internal;
pub mod live;
pub mod logs;
pub mod oversight;
pub mod stats;
pub mod tokens;
pub mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::serve::settings::Settings;
use crate::serve::state::AppState;

/// Every route of the contract, with its description.
pub fn router(settings: &Settings) -> OpenApiRouter<AppState> {
    let routes = OpenApiRouter::new()
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
        .merge(oversight::router());
    if settings.internal_tokens.is_empty() {
        routes
    } else {
        routes.merge(internal::router())
    }
}
