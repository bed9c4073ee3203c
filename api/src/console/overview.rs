//! The first page: for a seller what goes on now, for staff the way to theirs.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::bar::Bar;
use super::first_steps::{self, Step};
use super::frame::{Frame, page, see_other};
use super::show;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::params::Params;
use crate::http::period::Period;
use crate::resources::campaigns::objects::Campaign;
use crate::resources::links::objects::LinkUsage;
use crate::resources::live::objects::LiveCall;
use crate::resources::stats::report::Report;
use crate::resources::stats::request;
use crate::resources::{campaigns, live, stats};
use crate::store::tx::Tx;

pub fn router() -> Router<AppState> {
    Router::new().route("/console", get(overview))
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    steps: Vec<Step>,
    now: Vec<LiveCall>,
    today: Report,
    campaigns: Vec<Row>,
    /// Whether every link is here.
    are_all: bool,
}

/// As many links as one look brings.
const MOST_LINKS: usize = 1000;

struct Row {
    campaign: Campaign,
    active: i32,
    links: Vec<LinkUsage>,
}

/// What happened from this instant until now, of all calls that the viewer may see.
pub async fn since(tx: &Tx, from: Timestamp) -> ApiResult<Report> {
    let period = Period::read(&Params::default())?;
    let request = request::Request {
        period,
        from,
        until: Timestamp::now() + 1.minute(),
        min_talk_seconds: 30,
        user_id: None,
        campaign_id: None,
        did_id: None,
    };
    stats::operations::report(tx, request).await
}

/// The first instant of this day in UTC.
pub fn today() -> Timestamp {
    let now = Timestamp::now();
    now.to_zoned(TimeZone::UTC)
        .start_of_day()
        .map_or(now, |start| start.timestamp())
}

/// Answered of all calls that ended, in percent.
pub fn answered_share(report: &Report) -> String {
    match report.totals.calls {
        0 => "–".into(),
        calls => format!("{} %", report.totals.answered * 100 / calls),
    }
}

async fn overview(State(app): State<AppState>, viewer: Anyone) -> ApiResult<Response> {
    let frame = Frame::of(&viewer, "overview");
    if frame.is_staff() {
        return see_other("/console/operations");
    }
    let tx = app.store.read(&viewer.identity()).await?;
    let steps = first_steps::of_seller(&tx, &viewer, app.settings.claims.admit().is_ok()).await?;
    let live = live::operations::own_overview(&tx, &Request::read(&Params::default())?).await?;
    let today = since(&tx, today()).await?;
    let all = Request::read(&Params::parse("per_page=500"))?;
    let campaigns = campaigns::operations::list(&tx, &all).await?;
    tx.commit().await?;
    let are_all = live.links.len() < MOST_LINKS;
    let mut links: HashMap<i64, Vec<LinkUsage>> = HashMap::new();
    for link in live.links {
        links.entry(link.campaign_id).or_default().push(link);
    }
    let rows = campaigns.items.into_iter().map(|campaign| {
        let own = links.remove(&campaign.id).unwrap_or_default();
        Row {
            active: own.iter().map(|link| link.active).sum(),
            links: own,
            campaign,
        }
    });
    page(&Overview {
        campaigns: rows.collect(),
        frame,
        steps,
        now: live.calls,
        today,
        are_all,
    })
}
