//! For staff: what goes on over all sellers now, and what needs a hand.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use jiff::{Timestamp, ToSpan};

use super::bar::Bar;
use super::first_steps::{self, Step};
use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::overview::{answered_share, since, today};
use super::show;
use super::viewer::Staff;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::params::Params;
use crate::resources::links::objects::LinkUsage;
use crate::resources::live::objects::{LiveCall, Release};
use crate::resources::platform::objects::{Concern, Node};
use crate::resources::stats::report::Report;
use crate::resources::{links, live, platform};

/// A platform has tens of them.
const SWITCHES: i64 = 200;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/operations", get(operations))
        .route("/console/release/{uniqueid}", get(ask_release).post(release))
}

#[derive(Template)]
#[template(path = "operations.html")]
struct Operations {
    frame: Frame,
    steps: Vec<Step>,
    calls: Vec<LiveCall>,
    full: Vec<LinkUsage>,
    near: Vec<LinkUsage>,
    concerns: Vec<Concern>,
    nodes: Vec<Node>,
    today: Report,
    minutes: Report,
    now: Timestamp,
}

impl Operations {
    fn overdue(&self) -> Vec<&LiveCall> {
        self.calls
            .iter()
            .filter(|call| call.lease_until.0 < self.now)
            .collect()
    }

    fn needs_nothing(&self) -> bool {
        self.full.is_empty() && self.near.is_empty() && self.concerns.is_empty() && self.overdue().is_empty()
    }
}

async fn operations(State(app): State<AppState>, staff: Staff) -> ApiResult<Response> {
    let tx = app.store.read(&staff.identity()).await?;
    let now = Timestamp::now();
    let live = live::operations::overview(&tx, &Request::read(&Params::default())?, None).await?;
    let with_room = async |room: &str| {
        let params = Params::parse(&format!("room={room}&status=active&per_page=20"));
        let list = links::operations::list(&tx, &Request::<links::list::Links>::read(&params)?).await?;
        ApiResult::Ok(list.items)
    };
    let (full, near) = (with_room("full").await?, with_room("near").await?);
    let nodes = Request::<platform::list::Nodes>::read(&Params::default())?;
    let nodes = nodes.first(&tx, SWITCHES).await?;
    let concerns = platform::attention::attention(&tx).await?.items;
    let steps = first_steps::of_platform(&tx, &staff).await?;
    let (today, minutes) = (since(&tx, today()).await?, since(&tx, now - 5.minutes()).await?);
    tx.commit().await?;
    page(&Operations {
        frame: Frame::of(&staff, "operations"),
        steps,
        calls: live.calls,
        full,
        near,
        concerns,
        nodes,
        today,
        minutes,
        now,
    })
}

fn release_form(staff: &Staff, uniqueid: &str) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(staff, "operations"),
        format!("Release the call {uniqueid}?"),
        "/console/operations",
        "Release the call",
    )?;
    Ok(form
        .danger()
        .intro(
            "Its room under the caps is given back at once, and its record says LOST. If the call still goes on, it is not \
             hung up: then the client has one call more than its cap. When the switch's record comes, it replaces this one.",
        )
        .fields(vec![Field::new("reason", "Reason, for the audit", Kind::Text)]))
}

async fn ask_release(staff: Staff, Path(uniqueid): Path<String>) -> ApiResult<Response> {
    release_form(&staff, &uniqueid)?.show()
}

async fn release(
    State(app): State<AppState>,
    staff: Staff,
    Path(uniqueid): Path<String>,
    sent: Sent,
) -> ApiResult<Response> {
    let form = release_form(&staff, &uniqueid)?;
    form.save(&app, &staff.identity(), &sent, async |tx, reason: Release| {
        live::operations::release(tx, &uniqueid, &reason).await?;
        Ok("/console/operations".to_owned())
    })
    .await
}
