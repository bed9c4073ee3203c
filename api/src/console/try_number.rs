//! Try a number: what the next call to it would get, link by link.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use capconduit_core::text::NUMBER;

use super::bar::Bar;
use super::frame::{Frame, page};
use super::show;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::clock::parse_instant;
use crate::http::params::Params;
use crate::resources::callers::objects::compared;
use crate::resources::explain::{ExplainedLink, Explanation, Question, Whose};

pub fn router() -> Router<AppState> {
    Router::new().route("/console/try", get(try_number))
}

#[derive(Template)]
#[template(path = "try.html")]
struct Try {
    frame: Frame,
    number: String,
    caller: String,
    at: String,
    /// What was given as an instant is none.
    fault: bool,
    found: Option<Explanation>,
}

fn bars(link: &ExplainedLink) -> Vec<Bar> {
    let counted = link.counted.unwrap_or(0);
    Bar::of_caps(
        link.active.unwrap_or(0),
        link.max_concurrency,
        counted,
        link.total_calls_allowed,
    )
}

/// The link that a call would get, in the order of the next call: of the campaign, or of the one that its calls overflow to.
fn first(found: &Explanation) -> Option<&ExplainedLink> {
    let beyond = found.overflow.iter().flat_map(|overflow| &overflow.links);
    found.links.iter().chain(beyond).find(|link| link.eligible)
}

/// It is drawn by its weight.
fn is_drawn(found: &Explanation) -> bool {
    first(found).is_some_and(|link| link.share.is_some())
}

async fn try_number(State(app): State<AppState>, viewer: Anyone, params: Params) -> ApiResult<Response> {
    let frame = Frame::of(&viewer, "try");
    // A plus that was not escaped arrives as a blank.
    let number = params
        .raw_text("number", 50)?
        .map(|text| text.trim().trim_start_matches('+').to_owned())
        .filter(|digits| !digits.is_empty())
        .map(|digits| format!("+{digits}"));
    // Without one nobody in particular calls.
    let caller = params.raw_text("caller", NUMBER)?.unwrap_or_default();
    let caller = caller.trim();
    let at = params.raw_text("at", 50)?.unwrap_or_default();
    let at = at.trim();
    let instant = parse_instant(at);
    let fault = instant.is_none() && !at.is_empty();
    let found = match &number {
        None => None,
        Some(_) if fault => None,
        Some(number) => {
            let whose = if frame.is_staff() { Whose::Any } else { Whose::Own };
            let asked = Question {
                did: number.clone(),
                caller: (!caller.is_empty()).then(|| compared(caller).unwrap_or_else(|| caller.to_owned())),
                at: instant,
            };
            let tx = app.store.read(&viewer.identity()).await?;
            let found = show::next_call(&tx, whose, asked).await?;
            tx.commit().await?;
            Some(found)
        }
    };
    page(&Try {
        frame,
        number: number.unwrap_or_default(),
        caller: caller.to_owned(),
        at: at.to_owned(),
        fault,
        found,
    })
}
