//! One call: what came in, which links were considered, which were dialled and how it ended.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::frame::{Frame, page};
use super::show;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::params::Id;
use crate::resources::logs::operations;
use crate::resources::logs::record::{Attempt, CallDetail};

pub fn router() -> Router<AppState> {
    Router::new().route("/console/calls/{id}", get(call))
}

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage {
    frame: Frame,
    call: CallDetail,
    /// The link, and why it was or was not taken.
    considered: Vec<(String, String)>,
}

/// From dialling to its end, talk included.
fn lasted(attempt: &Attempt) -> String {
    attempt.ended_at.map_or_else(String::new, |end| {
        let seconds = end.0.as_second() - attempt.started_at.0.as_second();
        format!("for {} s", seconds.max(0))
    })
}

async fn call(State(app): State<AppState>, viewer: Anyone, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&viewer.identity()).await?;
    let call = operations::find(&tx, &viewer, id).await?;
    tx.commit().await?;
    let decision = call.decision.as_deref().unwrap_or_default();
    let considered = decision
        .split('|')
        .filter_map(|part| part.split_once('='))
        .map(|(link, reason)| (link.to_owned(), reason.to_owned()))
        .collect();
    page(&CallPage {
        frame: Frame::of(&viewer, "calls"),
        considered,
        call,
    })
}
