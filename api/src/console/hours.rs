//! Hours: schedules as a week with dates that differ, whether each is open now, and how something gets one.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use capconduit_core::SetBy;
use serde_json::Value;

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::hours_text::{self, read_dates, read_week, write_dates, write_week};
use super::show;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::params::{Id, Params};
use crate::resources::schedules::list::Schedules;
use crate::resources::schedules::objects::{NewSchedule, Schedule, ScheduleChange};
use crate::resources::schedules::operations;
use crate::store::tx::Tx;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/hours", get(list))
        .route("/console/hours/new", get(new).post(create))
        .route("/console/hours/{id}", get(one))
        .route("/console/hours/{id}/edit", get(edit).post(update))
        .route("/console/hours/{id}/delete", get(ask_delete).post(delete))
}

/// On whose side the viewer sets something.
pub fn side(viewer: &User) -> SetBy {
    if viewer.role == "user" {
        SetBy::Seller
    } else {
        SetBy::Platform
    }
}

/// Those that the viewer sees: row level security knows which.
async fn all(tx: &Tx, filter: &str) -> ApiResult<Vec<Schedule>> {
    let all = Request::<Schedules>::read(&Params::parse(&format!("per_page=500{filter}")))?;
    Ok(operations::list(tx, &all).await?.items)
}

/// What something has, to be shown beside it.
pub async fn of(tx: &Tx, id: Option<i64>) -> ApiResult<Option<Schedule>> {
    match id {
        Some(id) => operations::find(tx, id).await.map(Some),
        None => Ok(None),
    }
}

/// The field by which something gets one: of a client the platform's alone.
pub async fn field(app: &AppState, viewer: &User, help: &'static str, of: Option<i64>) -> ApiResult<Field> {
    let filter = match side(viewer) {
        SetBy::Seller => "",
        SetBy::Platform => "&set_by=platform",
    };
    let tx = app.store.read(&viewer.identity()).await?;
    let mut all = all(&tx, filter).await?;
    // What it has stays among the choices, however many there are: else it would be taken away by any change.
    if let Some(id) = of
        && !all.iter().any(|schedule| schedule.id == id)
    {
        all.push(operations::find(&tx, id).await?);
    }
    tx.commit().await?;
    let named = all.iter().map(|schedule| {
        let whose = if schedule.user_id.is_some() {
            ""
        } else {
            ", the platform's"
        };
        (
            schedule.id.to_string(),
            format!("{} ({}{whose})", schedule.name, schedule.time_zone),
        )
    });
    let always = [(String::new(), "at all hours".to_owned())];
    let choices = always.into_iter().chain(named).collect();
    Ok(Field::new("scheduleId", "Hours", Kind::Choice(choices))
        .help(help)
        .maybe(of))
}

#[derive(Template)]
#[template(path = "hours.html")]
struct Hours {
    frame: Frame,
    schedules: Vec<Schedule>,
}

async fn list(State(app): State<AppState>, viewer: Anyone) -> ApiResult<Response> {
    let tx = app.store.read(&viewer.identity()).await?;
    let schedules = all(&tx, "").await?;
    tx.commit().await?;
    page(&Hours {
        frame: Frame::of(&viewer, "hours"),
        schedules,
    })
}

#[derive(Template)]
#[template(path = "schedule.html")]
struct SchedulePage {
    frame: Frame,
    week: Vec<(&'static str, String)>,
    dates: Vec<(String, String, String)>,
    is_own: bool,
    schedule: Schedule,
}

async fn one(State(app): State<AppState>, viewer: Anyone, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&viewer.identity()).await?;
    let schedule = operations::find(&tx, id).await?;
    tx.commit().await?;
    page(&SchedulePage {
        frame: Frame::of(&viewer, "hours"),
        week: hours_text::week(&schedule.weekly),
        dates: hours_text::dates(&schedule.exceptions),
        is_own: schedule.set_by == side(&viewer).name(),
        schedule,
    })
}

fn fields(of: Option<&Schedule>) -> Vec<Field> {
    let none = Value::Null;
    vec![
        Field::new("name", "Name", Kind::Text).value(of.map_or("", |schedule| &schedule.name)),
        Field::new("timeZone", "Time zone", Kind::Text)
            .help("IANA's name of a place, such as America/New_York, or UTC")
            .value(of.map_or("UTC", |schedule| &schedule.time_zone)),
        Field::new("weekly", "Week", Kind::Written(read_week, write_week))
            .help("A day and its hours on each line, such as: monday 08:00-12:00, 13:00-17:00. Hours that end no later than they begin end on the day after.")
            .written(of.map_or(&none, |schedule| &schedule.weekly)),
        Field::new("exceptions", "Dates with other hours", Kind::Written(read_dates, write_dates))
            .help("On each line a date, its hours or closed, and a name, such as: 2026-12-24 09:00-13:00 Christmas Eve")
            .written(of.map_or(&none, |schedule| &schedule.exceptions)),
    ]
}

fn new_form(viewer: &User) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(viewer, "hours"),
        "New hours",
        "/console/hours",
        "Make the hours",
    )?;
    Ok(form
        .intro("They do nothing until a campaign, a link, a number or a client has them.")
        .fields(fields(None)))
}

async fn new(viewer: Anyone) -> ApiResult<Response> {
    new_form(&viewer)?.show()
}

async fn create(State(app): State<AppState>, viewer: Anyone, sent: Sent) -> ApiResult<Response> {
    let form = new_form(&viewer)?;
    form.save(&app, &viewer.identity(), &sent, async |tx, new: NewSchedule| {
        let made = operations::create(tx, side(&viewer), new).await?;
        Ok(format!("/console/hours/{}", made.id))
    })
    .await
}

/// One that the viewer may change.
async fn found(app: &AppState, viewer: &User, id: i64) -> ApiResult<Schedule> {
    let tx = app.store.read(&viewer.identity()).await?;
    let schedule = operations::find_own(&tx, side(viewer), id).await?;
    tx.commit().await?;
    Ok(schedule)
}

fn edit_form(viewer: &User, schedule: &Schedule) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(viewer, "hours"),
        format!("Edit {}", schedule.name),
        format!("/console/hours/{}", schedule.id),
        "Save",
    )?;
    Ok(form
        .intro("A change ends no call: it takes effect for new ones, of everything that has these hours.")
        .fields(fields(Some(schedule)))
        .version(schedule.version))
}

async fn edit(State(app): State<AppState>, viewer: Anyone, Id(id): Id) -> ApiResult<Response> {
    edit_form(&viewer, &found(&app, &viewer, id).await?)?.show()
}

async fn update(State(app): State<AppState>, viewer: Anyone, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = edit_form(&viewer, &found(&app, &viewer, id).await?)?;
    form.save(
        &app,
        &viewer.identity(),
        &sent,
        async |tx, change: ScheduleChange| {
            operations::update(tx, side(&viewer), id, &sent.if_match(), change).await?;
            Ok(format!("/console/hours/{id}"))
        },
    )
    .await
}

fn delete_form(viewer: &User, schedule: &Schedule) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(viewer, "hours"),
        format!("Delete {}?", schedule.name),
        format!("/console/hours/{}", schedule.id),
        "Delete the hours",
    )?;
    Ok(form
        .version(schedule.version)
        .danger()
        .intro("They cannot be deleted while something has them."))
}

async fn ask_delete(State(app): State<AppState>, viewer: Anyone, Id(id): Id) -> ApiResult<Response> {
    delete_form(&viewer, &found(&app, &viewer, id).await?)?.show()
}

async fn delete(State(app): State<AppState>, viewer: Anyone, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = delete_form(&viewer, &found(&app, &viewer, id).await?)?;
    form.go_on(&app, &viewer.identity(), &sent, async |tx| {
        operations::delete(tx, side(&viewer), id, &sent.if_match()).await?;
        Ok("/console/hours".to_owned())
    })
    .await
}
