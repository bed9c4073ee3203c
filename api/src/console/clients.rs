//! For staff: clients, whether they can be reached, and their links over all sellers.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;

use super::bar::Bar;
use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::hours;
use super::numbers::{filled, with};
use super::rules_text;
use super::show;
use super::viewer::Staff;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::params::{Id, Params};
use crate::resources::caps::objects::Cap;
use crate::resources::clients::objects::{Client, ClientChange, STATUSES};
use crate::resources::clients::operations;
use crate::resources::links;
use crate::resources::links::objects::LinkUsage;
use crate::resources::schedules::objects::Schedule;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/clients", get(list))
        .route("/console/clients/{id}", get(one))
        .route("/console/clients/{id}/edit", get(edit).post(update))
}

/// How calls reach a client.
fn reached(client: &Client, registrations: &HashMap<String, i64>) -> String {
    let fixed = client.pjsip_aor.as_ref().and_then(|aor| aor.contact.as_deref());
    match (fixed, registrations.get(&client.client_identifier)) {
        (Some(address), _) => format!("● at {address}"),
        (None, Some(1)) => "● registered".into(),
        (None, Some(count)) => format!("● registered {count} times"),
        (None, None) => "○ not registered".into(),
    }
}

#[derive(Template)]
#[template(path = "clients.html")]
struct Clients {
    frame: Frame,
    list: Page<Client>,
    registrations: HashMap<String, i64>,
    q: String,
    next: String,
}

async fn list(State(app): State<AppState>, staff: Staff, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let params = Params::parse(&format!("{query}&per_page=100"));
    let tx = app.store.read(&staff.identity()).await?;
    let list = operations::list(&tx, &Request::read(&params)?).await?;
    let names: Vec<String> = list
        .items
        .iter()
        .map(|client| client.client_identifier.clone())
        .collect();
    let registrations = operations::registrations(&tx, &names).await?;
    tx.commit().await?;
    page(&Clients {
        frame: Frame::of(&staff, "clients"),
        next: with(&query, "page", &(list.page + 1).to_string()),
        list,
        registrations,
        q: params.raw("q").unwrap_or_default().to_owned(),
    })
}

#[derive(Template)]
#[template(path = "client.html")]
struct ClientPage {
    frame: Frame,
    client: Client,
    registrations: HashMap<String, i64>,
    hours: Option<Schedule>,
    caps: Vec<Cap>,
    links: Vec<LinkUsage>,
}

async fn one(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&staff.identity()).await?;
    let found = operations::find(&tx, id).await?;
    let client = found.client;
    let hours = hours::of(&tx, client.schedule_id).await?;
    let names = [client.client_identifier.clone()];
    let registrations = operations::registrations(&tx, &names).await?;
    let params = Params::parse(&format!("client_id={id}&per_page=500"));
    let links = links::operations::list(&tx, &Request::<links::list::Links>::read(&params)?).await?;
    tx.commit().await?;
    page(&ClientPage {
        frame: Frame::of(&staff, "clients"),
        client,
        registrations,
        hours,
        caps: found.caps,
        links: links.items,
    })
}

async fn edit_form(app: &AppState, staff: &Staff, id: i64) -> ApiResult<Form> {
    let tx = app.store.read(&staff.identity()).await?;
    let client = operations::find(&tx, id).await?.client;
    tx.commit().await?;
    let help = "When it takes calls, of all sellers: the platform's hours";
    let hours = hours::field(app, staff, help, client.schedule_id).await?;
    let fields = vec![
        Field::new("name", "Name", Kind::Text).value(&client.name),
        Field::choice("status", "Status", STATUSES)
            .help("An inactive client gets no call of any seller. Calls in flight go on.")
            .value(&client.status),
        hours,
        Field::new("timeZone", "Time zone", Kind::Text)
            .help("In which the days of its caps begin. A day in progress ends with the first one of the new zone.")
            .value(&client.time_zone),
        Field::new("minSecondsBetween", "Least seconds between two calls", Kind::Number)
            .help("Over all its links. Empty: none")
            .maybe(client.min_seconds_between),
        Field::new("callerRules", "Callers that it had", Kind::Written(rules_text::read, rules_text::write))
            .help("When they call again, the client is passed over on all its links, such as: skip after answered within 30 days. Without within: for ever.")
            .written(&client.caller_rules),
        Field::new("department", "Department", Kind::Text).maybe(client.department.as_ref()),
        Field::new("notes", "Notes", Kind::Lines).maybe(client.notes.as_ref()),
    ];
    let form = Form::new(
        Frame::of(staff, "clients"),
        format!("Edit {}", client.name),
        format!("/console/clients/{id}"),
        "Save",
    )?;
    Ok(form.fields(fields).version(client.version))
}

async fn edit(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Response> {
    edit_form(&app, &staff, id).await?.show()
}

async fn update(State(app): State<AppState>, staff: Staff, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = edit_form(&app, &staff, id).await?;
    form.save(
        &app,
        &staff.identity(),
        &sent,
        async |tx, change: ClientChange| {
            operations::update(tx, &app.settings.pjsip, id, &sent.if_match(), change).await?;
            Ok(format!("/console/clients/{id}"))
        },
    )
    .await
}
