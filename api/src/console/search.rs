//! One box for everything: a number, a caller, a call's id, a campaign, a client.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};

use super::frame::{Frame, page, see_other};
use super::viewer::Anyone;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::{Listed, Request};
use crate::http::page::PageRequest;
use crate::http::params::Params;
use crate::resources::logs::filter::Filter;
use crate::resources::{campaigns, clients, dids, logs, numbers};
use crate::store::tx::Tx;

/// Of each kind.
const MOST: i64 = 10;

/// No index has callers and Call-IDs: records of some days are read.
const DAYS: SignedDuration = SignedDuration::from_hours(7 * 24);

pub fn router() -> Router<AppState> {
    Router::new().route("/console/search", get(search))
}

struct Hit {
    kind: &'static str,
    text: String,
    target: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Search {
    frame: Frame,
    q: String,
    hits: Vec<Hit>,
}

fn encoded(key: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair(key, value)
        .finish()
}

async fn first<L: Listed>(tx: &Tx, query: &str) -> ApiResult<Vec<L::Item>> {
    Request::<L>::read(&Params::parse(query))?.first(tx, MOST).await
}

async fn by_number(tx: &Tx, frame: &Frame, q: &str) -> ApiResult<Vec<Hit>> {
    let numbers: Vec<String> = if frame.is_staff() {
        let found = first::<numbers::list::Dids>(tx, &encoded("number", q)).await?;
        found.into_iter().map(|did| did.number).collect()
    } else {
        let found = first::<dids::list::Dids>(tx, &encoded("q", q)).await?;
        found.into_iter().map(|did| did.number).collect()
    };
    let hits = numbers.into_iter().map(|number| Hit {
        kind: "Number",
        target: format!("/console/try?{}", encoded("number", &number)),
        text: number,
    });
    Ok(hits.collect())
}

async fn by_name(tx: &Tx, frame: &Frame, q: &str) -> ApiResult<Vec<Hit>> {
    let query = encoded("q", q);
    let hits = if frame.is_staff() {
        let found = first::<clients::list::Clients>(tx, &query).await?;
        found
            .into_iter()
            .map(|client| Hit {
                kind: "Client",
                text: format!("{} ({})", client.name, client.client_identifier),
                target: format!("/console/clients/{}", client.id),
            })
            .collect()
    } else {
        let found = first::<campaigns::list::Campaigns>(tx, &query).await?;
        found
            .into_iter()
            .map(|campaign| Hit {
                kind: "Campaign",
                text: campaign.name,
                target: format!("/console/campaigns/{}", campaign.id),
            })
            .collect()
    };
    Ok(hits)
}

async fn search(State(app): State<AppState>, viewer: Anyone, params: Params) -> ApiResult<Response> {
    let frame = Frame::of(&viewer, "");
    let q = params.raw_text("q", 100)?.unwrap_or_default().trim().to_owned();
    let mut hits = Vec::new();
    if !q.is_empty() {
        let tx = app.store.read(&viewer.identity()).await?;
        let digits = q.trim_start_matches('+');
        let is_number = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            hits.extend(by_number(&tx, &frame, &q).await?);
        }
        hits.extend(by_name(&tx, &frame, &q).await?);
        let week = format!("&start_date={}", (Timestamp::now() - DAYS).strftime("%Y-%m-%d"));
        for (kind, key, days, of_digits) in [
            ("Call by its uniqueid", "uniqueid", "", false),
            (
                "Call by its Call-ID, in the last week",
                "sip_call_id",
                week.as_str(),
                false,
            ),
            (
                "Call of a caller, in the last week",
                "caller",
                week.as_str(),
                true,
            ),
        ] {
            if of_digits && !is_number {
                continue;
            }
            // What is too long for this kind of id is none.
            let Ok(filter) = Filter::read(&Params::parse(&(encoded(key, &q) + days))) else {
                continue;
            };
            let request = PageRequest {
                page: 1,
                per_page: MOST,
            };
            let found = logs::operations::page(&tx, &viewer, &filter, Some(None), request).await?;
            hits.extend(found.items.into_iter().map(|call| Hit {
                kind,
                text: format!(
                    "{} to {}, {}",
                    call.caller_id_num.as_deref().unwrap_or("a caller without number"),
                    call.incoming_did_number,
                    call.timestamp_start.0.strftime("%Y-%m-%d %H:%M:%S UTC")
                ),
                target: format!("/console/calls/{}", call.id),
            }));
        }
        tx.commit().await?;
    }
    match hits.as_slice() {
        [only] => see_other(&only.target),
        _ => page(&Search { frame, q, hits }),
    }
}
