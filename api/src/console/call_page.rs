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
    rounds: Vec<Round>,
}

/// What was considered for one attempt.
#[derive(Debug, PartialEq, Eq)]
struct Round {
    /// The link, and why it was or was not picked.
    links: Vec<(String, String)>,
    /// How many more there were.
    others: String,
    /// Why others were asked then; empty: they were not.
    exit: String,
    /// Why no link was asked at all; empty: some were.
    stopped: String,
}

/// `1=selected|2=eligible|+7;2:2=already_tried>no_more_targets>3=selected`: the rounds of a call's decision, each with its links.
fn rounds(decision: &str) -> Vec<Round> {
    let parts = decision.split(';').filter(|part| !part.is_empty());
    let parts = parts.flat_map(|part| {
        let named = part.split_once(':').map_or(part, |(_, links)| links);
        match named.split_once('>') {
            None => vec![(named, "")],
            Some((first, beyond)) => {
                let (exit, then) = beyond.split_once('>').unwrap_or((beyond, ""));
                vec![(first, exit), (then, "")]
            }
        }
    });
    let rounds = parts.map(|(named, exit)| {
        let words = named.split('|');
        Round {
            links: words
                .clone()
                .filter_map(|word| word.split_once('='))
                .map(|(link, reason)| (link.to_owned(), reason.to_owned()))
                .collect(),
            others: words.filter_map(|word| word.strip_prefix('+')).collect(),
            exit: exit.to_owned(),
            stopped: if named.contains('=') { "" } else { named }.to_owned(),
        }
    });
    rounds.collect()
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
    page(&CallPage {
        frame: Frame::of(&viewer, "calls"),
        rounds: rounds(call.decision.as_deref().unwrap_or_default()),
        call,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_read_attempt_by_attempt() {
        let round = |links: &[(&str, &str)], others: &str, exit: &str| Round {
            links: links
                .iter()
                .map(|(link, why)| ((*link).into(), (*why).into()))
                .collect(),
            others: others.into(),
            exit: exit.into(),
            stopped: String::new(),
        };
        assert_eq!(rounds(""), []);
        assert_eq!(
            rounds("1=selected|2=eligible|+7;2:1=already_tried|+7>no_more_targets>8=selected;3:9=selected"),
            [
                round(&[("1", "selected"), ("2", "eligible")], "7", ""),
                round(&[("1", "already_tried")], "7", "no_more_targets"),
                round(&[("8", "selected")], "", ""),
                round(&[("9", "selected")], "", ""),
            ]
        );
    }
}
