//! One campaign: its links in the order of the next call, each with its state and reason now; its numbers; its settings.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use capconduit_core::{Strategy, outcome};
use serde_json::Value;

use super::bar::Bar;
use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::hours;
use super::overflow_text;
use super::rules_text;
use super::show;
use super::viewer::Seller;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::params::{Id, Ids};
use crate::http::version::IfMatch;
use crate::resources::campaigns::objects::{
    ANONYMOUS, Campaign, CampaignChange, CampaignDetail, NewCampaign, STATUSES,
};
use crate::resources::campaigns::operations;
use crate::resources::campaigns::parts;
use crate::resources::campaigns::parts::objects::Link;
use crate::resources::explain::{ExplainedLink, Explanation, Question, Whose};
use crate::resources::schedules::objects::Schedule;
use crate::store::tx::Tx;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/campaigns/new", get(new).post(create))
        .route("/console/campaigns/{id}", get(show))
        .route("/console/campaigns/{id}/edit", get(edit).post(update))
        .route("/console/campaigns/{id}/delete", get(ask_delete).post(delete))
        .route(
            "/console/campaigns/{id}/numbers/{did}/remove",
            get(ask_remove).post(remove),
        )
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct CampaignPage {
    frame: Frame,
    campaign: CampaignDetail,
    hours: Option<Schedule>,
    /// The number whose next call is told, when there is one.
    asked: Option<Explanation>,
    rows: Vec<Row>,
}

impl CampaignPage {
    fn has_room(&self) -> bool {
        let told = self.rows.iter().filter_map(|row| row.now.as_ref());
        told.clone().count() == 0 || told.into_iter().any(|now| now.eligible)
    }
}

struct Row {
    link: Link,
    now: Option<ExplainedLink>,
}

impl Row {
    fn bars(&self) -> Vec<Bar> {
        let link = &self.link;
        Bar::of_caps(
            link.active_calls,
            Some(link.settings.max_concurrency),
            link.current_total_calls,
            link.settings.total_calls_allowed,
        )
    }

    fn place(&self) -> String {
        self.now.as_ref().map_or_else(|| "–".into(), show::place)
    }
}

fn leads_elsewhere(asked: &Explanation, id: &i64) -> bool {
    asked.campaign.as_ref().is_some_and(|campaign| campaign.id != *id)
}

/// The decision for the next call to the first number that leads here.
async fn next_call(tx: &Tx, campaign: &CampaignDetail) -> ApiResult<Option<Explanation>> {
    match campaign.dids.iter().find(|did| did.status == "active") {
        Some(did) => show::next_call(tx, Whose::Own, Question::of(did.number.clone()))
            .await
            .map(Some),
        None => Ok(None),
    }
}

async fn show(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&seller.identity()).await?;
    let mut campaign = operations::find(&tx, id).await?;
    let mut asked = next_call(&tx, &campaign).await?;
    let hours = hours::of(&tx, campaign.campaign.schedule_id).await?;
    tx.commit().await?;
    let mut links: HashMap<i64, Link> = HashMap::new();
    let by_priority: Vec<i64> = campaign.client_settings.iter().map(|link| link.id).collect();
    links.extend(campaign.client_settings.drain(..).map(|link| (link.id, link)));
    // In the order of the next call; what the decision does not tell comes behind, by priority.
    let told = asked.iter_mut().flat_map(|asked| asked.links.drain(..));
    let mut rows: Vec<Row> = told
        .filter_map(|now| {
            let link = links.remove(&now.link_id)?;
            Some(Row { link, now: Some(now) })
        })
        .collect();
    let rest = by_priority.iter().filter_map(|id| links.remove(id));
    rows.extend(rest.map(|link| Row { link, now: None }));
    page(&CampaignPage {
        frame: Frame::of(&seller, "overview"),
        campaign,
        hours,
        asked,
        rows,
    })
}

fn fields(of: Option<&Campaign>, hours: Field) -> Vec<Field> {
    vec![
        Field::new("name", "Name", Kind::Text).value(of.map_or("", |campaign| &campaign.name)),
        Field::choice("routingStrategy", "Which link gets a call", &Strategy::NAMES)
            .help("priority: the first with room; round robin: each in turn; weighted: by chance, by its weight")
            .value(of.map_or("priority", |campaign| &campaign.routing_strategy)),
        Field::new("dialTimeoutSeconds", "Seconds that one client rings", Kind::Number)
            .value(of.map_or(25, |campaign| campaign.dial_timeout_seconds)),
        Field::new("maxRingSeconds", "Seconds that a call rings in all", Kind::Number)
            .help("Empty: as long as the platform sets")
            .maybe(of.and_then(|campaign| campaign.max_ring_seconds)),
        Field::new("qualifySeconds", "Seconds that a good call talks", Kind::Number)
            .help("An answered call that talks for so long is a good one. A link may have its own.")
            .value(of.map_or(outcome::QUALIFY_SECONDS, |campaign| campaign.qualify_seconds)),
        Field::choice("status", "Status", STATUSES)
            .help("Only an active campaign takes calls. Calls in flight go on.")
            .value(of.map_or("active", |campaign| &campaign.status)),
        hours,
        Field::choice("anonymousCallers", "Calls without a caller's number", ANONYMOUS)
            .value(of.map_or("allow", |campaign| &campaign.anonymous_callers)),
        Field::new("minRedialSeconds", "Least seconds between two calls of one caller", Kind::Number)
            .help("Empty: none. 2 is usual: a caller that dials twice at once is taken once.")
            .maybe(of.and_then(|campaign| campaign.min_redial_seconds)),
        rules_text::of_calls(
            "Callers that call again",
            of.map_or(&Value::Null, |campaign| &campaign.caller_rules),
        ),
        Field::new("overflow", "Calls that it has nobody for", Kind::Written(overflow_text::read, overflow_text::write))
            .help("On each line who is asked when all clients are closed, all have had their calls or are busy (capped), or nobody is left to try: all closed: campaign 7; or all capped: link 3, a link of its own that is asked for nothing else; or no more targets: campaign 7. Empty: such calls are refused.")
            .written(of.map_or(&Value::Null, |campaign| &campaign.overflow)),
        Field::new("description", "Description", Kind::Lines)
            .maybe(of.and_then(|campaign| campaign.description.as_ref())),
    ]
}

const HOURS: &str = "When its numbers take calls";

async fn new_form(app: &AppState, seller: &Seller) -> ApiResult<Form> {
    let hours = hours::field(app, seller, HOURS, None).await?;
    Ok(Form::new(
        Frame::of(seller, "overview"),
        "New campaign",
        "/console",
        "Make the campaign",
    )?
    .fields(fields(None, hours)))
}

async fn new(State(app): State<AppState>, seller: Seller) -> ApiResult<Response> {
    new_form(&app, &seller).await?.show()
}

async fn create(State(app): State<AppState>, seller: Seller, sent: Sent) -> ApiResult<Response> {
    let form = new_form(&app, &seller).await?;
    form.save(&app, &seller.identity(), &sent, async |tx, new: NewCampaign| {
        let made = operations::create(tx, new).await?;
        Ok(format!("/console/campaigns/{}", made.campaign.id))
    })
    .await
}

async fn found(app: &AppState, seller: &Seller, id: i64) -> ApiResult<CampaignDetail> {
    let tx = app.store.read(&seller.identity()).await?;
    let campaign = operations::find(&tx, id).await?;
    tx.commit().await?;
    Ok(campaign)
}

async fn edit_form(app: &AppState, seller: &Seller, id: i64) -> ApiResult<Form> {
    let campaign = &found(app, seller, id).await?.campaign;
    let hours = hours::field(app, seller, HOURS, campaign.schedule_id).await?;
    let back = format!("/console/campaigns/{}", campaign.id);
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Edit {}", campaign.name),
        back,
        "Save",
    )?;
    Ok(form
        .fields(fields(Some(campaign), hours))
        .version(campaign.version))
}

async fn edit(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    edit_form(&app, &seller, id).await?.show()
}

async fn update(State(app): State<AppState>, seller: Seller, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = edit_form(&app, &seller, id).await?;
    form.save(
        &app,
        &seller.identity(),
        &sent,
        async |tx, change: CampaignChange| {
            operations::update(tx, id, &sent.if_match(), change).await?;
            Ok(format!("/console/campaigns/{id}"))
        },
    )
    .await
}

fn delete_form(seller: &Seller, campaign: &CampaignDetail) -> ApiResult<Form> {
    let links = campaign.client_settings.len();
    let active: i32 = campaign
        .client_settings
        .iter()
        .map(|link| link.active_calls)
        .sum();
    let Campaign {
        id, name, version, ..
    } = &campaign.campaign;
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Delete {name}?"),
        format!("/console/campaigns/{id}"),
        "Delete the campaign",
    )?;
    Ok(form.version(version).danger().intro(format!(
        "The campaign and its links ({links}) will be gone, with what is counted of their caps. Its numbers and call records \
         stay. {active} of its calls are in flight: while there is one, it cannot be deleted."
    )))
}

async fn ask_delete(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    delete_form(&seller, &found(&app, &seller, id).await?)?.show()
}

async fn delete(State(app): State<AppState>, seller: Seller, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = delete_form(&seller, &found(&app, &seller, id).await?)?;
    form.go_on(&app, &seller.identity(), &sent, async |tx| {
        operations::delete(tx, id, &sent.if_match()).await?;
        Ok("/console".to_owned())
    })
    .await
}

fn remove_form(seller: &Seller, campaign: &CampaignDetail, did: i64) -> ApiResult<Form> {
    let found = campaign.dids.iter().find(|own| own.id == did);
    let did =
        found.ok_or_else(|| ApiError::not_found(format!("DID with ID {did} is not in this campaign.")))?;
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Take {} out of {}?", did.number, campaign.campaign.name),
        format!("/console/campaigns/{}", campaign.campaign.id),
        "Take it out",
    )?;
    Ok(form
        .danger()
        .intro("New calls to this number will not come to this campaign. Calls in flight go on. The number stays yours."))
}

async fn ask_remove(State(app): State<AppState>, seller: Seller, Ids(id, did): Ids) -> ApiResult<Response> {
    remove_form(&seller, &found(&app, &seller, id).await?, did)?.show()
}

async fn remove(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, did): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = remove_form(&seller, &found(&app, &seller, id).await?, did)?;
    form.go_on(&app, &seller.identity(), &sent, async |tx| {
        parts::operations::remove_did(tx, id, did, &IfMatch::any()).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}
