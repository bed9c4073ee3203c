//! A campaign's links to clients: add, change, remove.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;

use super::form::{Field, Form, Kind, Sent};
use super::frame::Frame;
use super::hours;
use super::rules_text;
use super::viewer::Seller;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::params::{Id, Ids};
use crate::resources::campaigns::parts::objects::{ClientSummary, Link, LinkChange, NewLink};
use crate::resources::campaigns::parts::operations;
use crate::resources::links::objects::STATUSES;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/campaigns/{id}/links/new", get(new).post(create))
        .route(
            "/console/campaigns/{id}/links/{link}/edit",
            get(edit).post(update),
        )
        .route(
            "/console/campaigns/{id}/links/{link}/delete",
            get(ask_delete).post(delete),
        )
}

fn fields(of: Option<&Link>, hours: Field) -> Vec<Field> {
    vec![
        Field::new("maxConcurrency", "Calls at one time", Kind::Number)
            .help("No more calls than this are with the client through this link at any moment.")
            .value(of.map_or(10, |link| link.settings.max_concurrency)),
        Field::new("totalCallsAllowed", "Answered calls in total", Kind::Limit)
            .help("Empty: no limit. 0: closed. A call in flight takes room until its record says whether it was answered.")
            .maybe(of.and_then(|link| link.settings.total_calls_allowed)),
        Field::new("minSecondsBetween", "Least seconds between two calls", Kind::Number)
            .help("Empty: none")
            .maybe(of.and_then(|link| link.settings.min_seconds_between)),
        Field::new("qualifySeconds", "Seconds that a good call talks", Kind::Number)
            .help("Empty: as the campaign says")
            .maybe(of.and_then(|link| link.settings.qualify_seconds)),
        Field::new("forwardingPriority", "Priority", Kind::Number)
            .help("0 comes first")
            .value(of.map_or(0, |link| link.settings.forwarding_priority)),
        Field::new("weight", "Weight", Kind::Number)
            .help("For weighted campaigns: twice the weight, twice the calls")
            .value(of.map_or(100, |link| link.settings.weight)),
        Field::choice("status", "Status", STATUSES).value(of.map_or("active", |link| &link.settings.status)),
        hours,
        Field::new("callerRules", "Callers that it had", Kind::Written(rules_text::read, rules_text::write))
            .help("When they call again, the link is passed over, such as: skip after answered within 30 days. Without within: for ever.")
            .written(of.map_or(&Value::Null, |link| &link.settings.caller_rules)),
    ]
}

const HOURS: &str = "When it takes calls, beside the client's own hours";

async fn new_form(app: &AppState, seller: &Seller, id: i64) -> ApiResult<Form> {
    let hours = hours::field(app, seller, HOURS, None).await?;
    let clients = clients(app, seller, id).await?;
    let clients = clients.iter().map(|client| {
        (
            client.id.to_string(),
            format!("{} ({})", client.name, client.client_identifier),
        )
    });
    let mut all = vec![Field::new("clientId", "Client", Kind::Choice(clients.collect()))];
    all.extend(fields(None, hours));
    let form = Form::new(
        Frame::of(seller, "overview"),
        "Add a link",
        format!("/console/campaigns/{id}"),
        "Add the link",
    )?;
    Ok(form
        .intro("A link sends calls of this campaign to a client, within the caps that you set here.")
        .fields(all))
}

/// The clients that can be linked to an own campaign.
async fn clients(app: &AppState, seller: &Seller, id: i64) -> ApiResult<Vec<ClientSummary>> {
    let tx = app.store.read(&seller.identity()).await?;
    let linked = operations::links_of(&tx, id).await?;
    let mut clients = operations::available_clients(&tx).await?;
    tx.commit().await?;
    clients.retain(|client| linked.iter().all(|link| link.client.id != client.id));
    Ok(clients)
}

async fn new(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    new_form(&app, &seller, id).await?.show()
}

async fn create(State(app): State<AppState>, seller: Seller, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = new_form(&app, &seller, id).await?;
    form.save(&app, &seller.identity(), &sent, async |tx, new: NewLink| {
        operations::create_link(tx, id, new).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}

async fn found(app: &AppState, seller: &Seller, id: i64, link: i64) -> ApiResult<Link> {
    let tx = app.store.read(&seller.identity()).await?;
    let link = operations::find_link(&tx, id, link).await?;
    tx.commit().await?;
    Ok(link)
}

async fn edit_form(app: &AppState, seller: &Seller, id: i64, link: i64) -> ApiResult<Form> {
    let link = &found(app, seller, id, link).await?;
    let hours = hours::field(app, seller, HOURS, link.settings.schedule_id).await?;
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Link to {}", link.client.name),
        format!("/console/campaigns/{id}"),
        "Save",
    )?;
    let intro = format!(
        "In flight now: {}. Answered calls counted: {}. A lower cap ends no call: it takes effect for new ones.",
        link.active_calls, link.current_total_calls
    );
    Ok(form
        .intro(intro)
        .fields(fields(Some(link), hours))
        .version(link.version))
}

async fn edit(State(app): State<AppState>, seller: Seller, Ids(id, link): Ids) -> ApiResult<Response> {
    edit_form(&app, &seller, id, link).await?.show()
}

async fn update(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = edit_form(&app, &seller, id, link).await?;
    form.save(&app, &seller.identity(), &sent, async |tx, change: LinkChange| {
        operations::update_link(tx, id, link, &sent.if_match(), change).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}

fn delete_form(seller: &Seller, id: i64, link: &Link) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Remove the link to {}?", link.client.name),
        format!("/console/campaigns/{id}"),
        "Remove the link",
    )?;
    Ok(form.version(link.version).danger().intro(format!(
        "The link will be gone, and what is counted of its caps ({} calls) with it. Its call records stay. {} of its calls are \
         in flight: while there is one, it cannot be removed.",
        link.current_total_calls, link.active_calls
    )))
}

async fn ask_delete(State(app): State<AppState>, seller: Seller, Ids(id, link): Ids) -> ApiResult<Response> {
    delete_form(&seller, id, &found(&app, &seller, id, link).await?)?.show()
}

async fn delete(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = delete_form(&seller, id, &found(&app, &seller, id, link).await?)?;
    form.go_on(&app, &seller.identity(), &sent, async |tx| {
        operations::delete_link(tx, id, link, &sent.if_match()).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}
