//! Dates out of a calendar or of CSV, into the hours that have other hours then.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::form::{Field, Form, Kind, Sent};
use super::frame::Frame;
use super::hours::side;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::params::Id;
use crate::http::text::Text;
use crate::resources::schedules::{dates, operations};

pub fn router() -> Router<AppState> {
    Router::new().route("/console/hours/{id}/import", get(ask).post(import))
}

/// A calendar says what it is in its first line.
struct Dates(ApiResult<Vec<Value>>);

impl Input for Dates {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        let text = f.required_text("lines", &Text::anything());
        let is_calendar = text.trim_start().starts_with("BEGIN:VCALENDAR");
        Dates(dates::read(text.as_bytes(), !is_calendar))
    }
}

async fn form(app: &AppState, viewer: &User, id: i64) -> ApiResult<Form> {
    let tx = app.store.read(&viewer.identity()).await?;
    let schedule = operations::find_own(&tx, side(viewer), id).await?;
    tx.commit().await?;
    let field = Field::new("lines", "Dates", Kind::Csv).help(
        "A calendar in iCalendar's form (.ics): each all-day event is a date on which it is closed. Or CSV whose first line is \
         date,name,opens,closes: a line for each interval, one without times where it is closed.",
    );
    let form = Form::new(
        Frame::of(viewer, "hours"),
        format!("Import dates into {}", schedule.name),
        format!("/console/hours/{id}"),
        "Import them",
    )?;
    Ok(form
        .intro("They take the place of what the hours have for these dates; other dates stay. All of them, or none where one is faulty.")
        .fields(vec![field]))
}

async fn ask(State(app): State<AppState>, viewer: Anyone, Id(id): Id) -> ApiResult<Response> {
    form(&app, &viewer, id).await?.show()
}

async fn import(State(app): State<AppState>, viewer: Anyone, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = form(&app, &viewer, id).await?;
    form.save(&app, &viewer.identity(), &sent, async |tx, Dates(read): Dates| {
        operations::import(tx, side(&viewer), id, read?).await?;
        Ok(format!("/console/hours/{id}"))
    })
    .await
}
