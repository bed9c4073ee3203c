//! Reports: what became of the calls of some days, by day, hour, campaign, number, link and client. Each part is a CSV, too.

use std::fmt::Display;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use capconduit_core::SetBy;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::frame::{Frame, page};
use super::hours::side;
use super::numbers::{filled, with};
use super::overview::answered_share;
use super::show;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::http::csv::{Line, Style};
use crate::http::params::Params;
use crate::resources::stats::operations;
use crate::resources::stats::report::{Figures, Report};
use crate::resources::stats::request::Request;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/reports", get(reports))
        .route("/console/reports.csv", get(csv))
}

/// How the calls of a report are put together.
const BY: &[&str] = &["day", "hour", "campaign", "number", "link", "client"];

/// A line of a part: what it is about, the filter of calls that shows them, its figures.
struct Row {
    name: String,
    filter: Vec<(&'static str, String)>,
    figures: [i64; 6],
}

/// What the columns are, on the page and in a CSV.
const OF_CALLS: [&str; 6] = ["Calls", "Answered", "Good", "Talk seconds", "Refused", "Lost"];
const OF_OFFERS: [&str; 6] = [
    "Offered",
    "Answered",
    "Busy",
    "No answer",
    "Failed",
    "Talk seconds",
];

struct Part {
    by: &'static str,
    columns: [&'static str; 6],
    rows: Vec<Row>,
}

impl Part {
    /// The most calls of a row, of which each has a bar.
    fn most(&self) -> i64 {
        let calls = self.rows.iter().map(|row| row.figures[0]);
        calls.max().unwrap_or(0).max(1)
    }

    fn is_of_offers(&self) -> bool {
        self.by == "client"
    }
}

/// Of 1000.
fn width(calls: &i64, most: &i64) -> i64 {
    calls * 1000 / most
}

/// `0:42`, as a column of talk seconds is read.
fn cell(column: &str, figure: &i64) -> String {
    if column == "Talk seconds" {
        show::duration(&i32::try_from(*figure).unwrap_or(i32::MAX))
    } else {
        figure.to_string()
    }
}

fn heading(column: &&str) -> &'static str {
    match *column {
        "Talk seconds" => "Talk",
        other => OF_CALLS
            .iter()
            .chain(&OF_OFFERS)
            .find(|name| **name == other)
            .unwrap_or(&""),
    }
}

fn figures(of: &Figures) -> [i64; 6] {
    [
        of.calls,
        of.answered,
        of.qualified,
        of.talk_seconds,
        of.rejected,
        of.lost,
    ]
}

fn row(name: impl Display, filter: Vec<(&'static str, String)>, of: &Figures) -> Row {
    Row {
        name: name.to_string(),
        filter,
        figures: figures(of),
    }
}

fn named(name: Option<&String>, id: Option<i64>, none: &str) -> String {
    match (name, id) {
        (Some(name), _) => name.clone(),
        (None, Some(id)) => format!("{id} (gone)"),
        (None, None) => none.to_owned(),
    }
}

fn part(report: &Report, by: &'static str) -> Part {
    let filter = |key, id: Option<i64>| id.map(|id| (key, id.to_string())).into_iter().collect();
    let rows = match by {
        "day" => {
            let days = report.by_day.iter();
            days.map(|one| {
                let day = one.day.to_string();
                row(
                    one.day,
                    vec![("start_date", day.clone()), ("end_date", day)],
                    &one.figures,
                )
            })
            .collect()
        }
        "hour" => {
            let hours = report.by_hour.iter();
            hours
                .map(|one| row(format!("{:02}:00", one.hour), Vec::new(), &one.figures))
                .collect()
        }
        "campaign" => {
            let campaigns = report.by_campaign.iter();
            campaigns
                .map(|one| {
                    let name = named(one.name.as_ref(), one.campaign_id, "in no campaign");
                    row(name, filter("campaign_id", one.campaign_id), &one.figures)
                })
                .collect()
        }
        "number" => {
            let numbers = report.by_did.iter();
            numbers
                .map(|one| {
                    let name = named(one.number.as_ref(), one.did_id, "no known number");
                    row(name, filter("did_id", one.did_id), &one.figures)
                })
                .collect()
        }
        "link" => {
            let links = report.by_link.iter();
            links
                .map(|one| {
                    let both = one.campaign_name.as_ref().zip(one.client_name.as_ref());
                    let both = both.map(|(campaign, client)| format!("{campaign}: {client}"));
                    let name = named(both.as_ref(), one.link_id, "none was dialled");
                    row(name, filter("link_id", one.link_id), &one.figures)
                })
                .collect()
        }
        _ => {
            let clients = report.by_client.iter();
            clients
                .map(|one| Row {
                    name: named(one.name.as_ref(), Some(one.client_id), ""),
                    filter: filter("client_id", Some(one.client_id)),
                    figures: [
                        one.offered,
                        one.answered,
                        one.busy,
                        one.no_answer,
                        one.failed + one.cancelled + one.lost,
                        one.talk_seconds,
                    ],
                })
                .collect()
        }
    };
    Part {
        by,
        columns: if by == "client" { OF_OFFERS } else { OF_CALLS },
        rows,
    }
}

#[derive(Template)]
#[template(path = "reports.html")]
struct Reports {
    frame: Frame,
    report: Report,
    parts: Vec<Part>,
    asked: Params,
    query: String,
    /// The same filters of calls: the days, the zone, a campaign, a number.
    behind: String,
    first: String,
    last: String,
}

impl Reports {
    fn value(&self, key: &str) -> &str {
        self.asked.raw(key).unwrap_or_default()
    }

    /// The calls behind a row.
    fn calls(&self, row: &Row) -> String {
        let filters = row.filter.iter();
        filters.fold(self.behind.clone(), |query, (key, value)| {
            with(&query, key, value)
        })
    }
}

/// What is asked for, by a filter that there is.
async fn report(app: &AppState, viewer: &User, query: &str) -> ApiResult<(Report, TimeZone)> {
    let path = match side(viewer) {
        SetBy::Seller => "/api/seller/stats",
        SetBy::Platform => "/api/admin/stats",
    };
    app.known_params.check_names(Method::GET, path, query)?;
    let request = Request::read(&Params::parse(query))?;
    let zone = request.period.zone.clone();
    let tx = app.store.read(&viewer.identity()).await?;
    let report = operations::report(&tx, request).await?;
    tx.commit().await?;
    Ok((report, zone))
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).date().to_string()
}

async fn reports(State(app): State<AppState>, viewer: Anyone, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let (report, zone) = report(&app, &viewer, &query).await?;
    let (first, last) = (
        day(report.from.0, &zone),
        day(report.until.0 - jiff::SignedDuration::from_secs(1), &zone),
    );
    let asked = Params::parse(&query);
    let mut behind = String::new();
    for (key, value) in [
        ("start_date", first.as_str()),
        ("end_date", last.as_str()),
        ("tz", report.time_zone.as_str()),
        ("campaign_id", asked.raw("campaign_id").unwrap_or_default()),
        ("did_id", asked.raw("did_id").unwrap_or_default()),
        ("user_id", asked.raw("user_id").unwrap_or_default()),
    ] {
        if !value.is_empty() {
            behind = with(&behind, key, value);
        }
    }
    page(&Reports {
        frame: Frame::of(&viewer, "reports"),
        parts: BY.iter().map(|by| part(&report, by)).collect(),
        asked,
        report,
        query,
        behind,
        first,
        last,
    })
}

/// One part, with the same filters.
async fn csv(State(app): State<AppState>, viewer: Anyone, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let params = Params::parse(&query);
    let wanted = params.choice("by", BY)?;
    let by = BY
        .iter()
        .find(|by| Some(**by) == wanted.as_deref())
        .unwrap_or(&"day");
    let style = Style::read(&params)?;
    let others: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .filter(|(key, _)| key != "by" && key != "style")
        .collect();
    let others = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(others)
        .finish();
    let (report, zone) = report(&app, &viewer, &others).await?;
    let part = part(&report, by);
    let mut text = format!("{by},{}\r\n", part.columns.join(","));
    for row in &part.rows {
        let mut line = Line::begin(&mut text, style, &zone);
        line.text(Some(&row.name));
        row.figures.iter().for_each(|figure| line.value(Some(figure)));
        line.end();
    }
    let file = format!("attachment; filename=\"calls_by_{by}.csv\"");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, file),
    ];
    Ok((headers, text).into_response())
}
