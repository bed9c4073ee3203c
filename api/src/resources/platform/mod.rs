//! The platform at work, for admins and staff: switches, registrations, rejected calls, and what needs a hand.

pub mod attention;
pub mod list;
pub mod objects;
pub mod operations;
pub mod statements;

use axum::Json;
use axum::extract::State;
use capconduit_core::text;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied};
use crate::app::AppState;
use crate::app::caller::Staff;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::page::{Page, PageParams};
use crate::http::params::Params;
use list::{Nodes, Registrations};
use objects::{Attention, Node, Registration, RejectedCalls};
use operations::Wanted;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(nodes))
        .routes(routes!(registrations))
        .routes(routes!(rejects))
        .routes(routes!(needs_a_hand))
}

/// Switches.
///
/// As the database last heard them: `heard`, `silent` for two minutes or longer, or `unwatched`, with their calls in flight.
#[utoipa::path(get, path = "/api/admin/nodes", tag = "admin",
    params(PageParams, Nodes),
    responses((status = 200, description = "Switches, as the database last heard them", body = Page<Node>),
              Denied, BadFilter))]
async fn nodes(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Page<Node>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let nodes = operations::nodes(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(nodes))
}

/// Registrations of call centers.
///
/// What Asterisk wrote down, those that have ended included. Whether the call center answers, the switches know.
#[utoipa::path(get, path = "/api/admin/registrations", tag = "admin",
    params(PageParams, Registrations),
    responses((status = 200, description = "Registrations of call centers, those that have ended included until their \
                switch takes them away", body = Page<Registration>), Denied, BadFilter))]
async fn registrations(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<Page<Registration>>> {
    let request = Request::read(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let registrations = operations::registrations(&tx, &request).await?;
    tx.commit().await?;
    Ok(Json(registrations))
}

/// Described for the API; read by `wanted`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that wanted reads")]
struct RejectParams {
    /// How many minutes back, besides the one that runs; default 15. Counts are kept for a week.
    #[param(minimum = 1, maximum = 10080)]
    minutes: Option<i32>,
    /// One reason.
    #[param(example = "did_not_found")]
    reason: Option<String>,
    /// One number as it was dialled.
    did: Option<String>,
    /// One switch.
    node: Option<String>,
}

fn wanted(params: &Params) -> ApiResult<Wanted> {
    Ok(Wanted {
        minutes: params.whole("minutes", 1..=10_080)?.unwrap_or(15),
        reason: params.text("reason", text::REASON)?,
        did: params.text("did", text::NUMBER)?,
        node: params.text("node", text::NODE)?,
    })
}

/// Rejected calls of the last minutes.
///
/// By reason, number and switch. A count is written down within 15 seconds.
#[utoipa::path(get, path = "/api/admin/rejects", tag = "admin",
    params(RejectParams),
    responses((status = 200, description = "Rejected calls of the last minutes by reason, number and switch, written \
                down within 15 seconds", body = RejectedCalls), Denied, BadFilter))]
async fn rejects(
    State(app): State<AppState>,
    staff: Staff,
    params: Params,
) -> ApiResult<Json<RejectedCalls>> {
    let wanted = wanted(&params)?;
    let tx = app.store.read(&staff.identity()).await?;
    let rejects = operations::rejects(&tx, wanted).await?;
    tx.commit().await?;
    Ok(Json(rejects))
}

/// What needs a hand.
///
/// What does not mend itself, each with a `code`, a text and what to do: a hundred of each kind at most. Empty when all is well.
#[utoipa::path(get, path = "/api/admin/attention", tag = "admin",
    responses((status = 200, description = "What needs a hand, a hundred of each kind at most; empty when all is well",
               body = Attention), Denied))]
async fn needs_a_hand(State(app): State<AppState>, staff: Staff) -> ApiResult<Json<Attention>> {
    let tx = app.store.read(&staff.identity()).await?;
    let attention = attention::attention(&tx).await?;
    tx.commit().await?;
    Ok(Json(attention))
}
