//! The own numbers: a list, adding one or many, describing and assigning one.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value};

use super::bar::Bar;
use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::hours;
use super::show;
use super::viewer::Seller;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::fields::{Fields, Input};
use crate::http::import::MAX_LINES;
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::params::{Id, Params};
use crate::resources::campaigns::objects::Campaign;
use crate::resources::campaigns::parts;
use crate::resources::campaigns::parts::objects::OneDid;
use crate::resources::caps::objects::Cap;
use crate::resources::dids::objects::{Did, DidChange, STATUSES};
use crate::resources::dids::{import, operations};
use crate::resources::schedules::objects::Schedule;
use crate::resources::{campaigns, caps};
use crate::store::tx::Tx;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/numbers", get(list))
        .route("/console/numbers/new", get(new).post(create))
        .route("/console/numbers/{id}", get(one))
        .route("/console/numbers/{id}/edit", get(edit).post(update))
        .route("/console/numbers/{id}/assign", get(ask_assign).post(assign))
}

#[derive(Template)]
#[template(path = "numbers.html")]
struct Numbers {
    frame: Frame,
    list: Page<Did>,
    campaigns: Vec<Campaign>,
    asked: Asked,
    next: String,
    may_claim: bool,
}

/// What the fields of the filter show.
struct Asked {
    q: String,
    status: String,
    campaign_id: String,
}

/// Fields that were left empty are no filters.
pub fn filled(params: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form_urlencoded::parse(params.as_bytes()).filter(|(_, value)| !value.trim().is_empty()))
        .finish()
}

/// The same query with another value of one key.
pub fn with(query: &str, key: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != key))
        .append_pair(key, value)
        .finish()
}

async fn all_campaigns(tx: &Tx) -> ApiResult<Vec<Campaign>> {
    let all = Request::read(&Params::parse("per_page=500"))?;
    Ok(campaigns::operations::list(tx, &all).await?.items)
}

async fn list(State(app): State<AppState>, seller: Seller, uri: axum::http::Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let params = Params::parse(&format!("{query}&per_page=100"));
    let text = |key: &str| params.raw(key).unwrap_or_default().to_owned();
    let asked = Asked {
        q: text("q"),
        status: text("status"),
        campaign_id: text("campaign_id"),
    };
    let tx = app.store.read(&seller.identity()).await?;
    let list = operations::list(&tx, &Request::read(&params)?).await?;
    let campaigns = all_campaigns(&tx).await?;
    tx.commit().await?;
    page(&Numbers {
        frame: Frame::of(&seller, "numbers"),
        next: with(&query, "page", &(list.page + 1).to_string()),
        may_claim: app.settings.claims.admit().is_ok(),
        list,
        campaigns,
        asked,
    })
}

/// Lines as they were pasted.
struct Lines(String);

impl Input for Lines {
    const UNKNOWN: crate::http::fields::Unknown = crate::http::fields::Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        let lines = f.required_text("numbers", &crate::http::text::Text::prose(256 * 1024));
        if lines.lines().count() > MAX_LINES {
            f.error("numbers", format!("At most {} lines at once.", MAX_LINES));
        }
        Lines(lines)
    }
}

#[derive(Template)]
#[template(path = "numbers_added.html")]
struct Added {
    frame: Frame,
    answers: Vec<(String, Result<(), String>)>,
}

impl Added {
    fn count(&self) -> usize {
        self.answers.iter().filter(|(_, answer)| answer.is_ok()).count()
    }
}

fn new_form(seller: &Seller) -> ApiResult<Form> {
    let field = Field::new("numbers", "Numbers", Kind::Lines)
        .help("One on each line as E.164 writes it, such as +18005550101; behind a comma, what it is for. At most 10,000 lines.");
    let form = Form::new(
        Frame::of(seller, "numbers"),
        "Add numbers",
        "/console/numbers",
        "Add them",
    )?;
    Ok(form.fields(vec![field]))
}

async fn new(State(app): State<AppState>, seller: Seller) -> ApiResult<Response> {
    app.settings.claims.admit()?;
    new_form(&seller)?.show()
}

/// The first fault of a line.
pub fn said(errors: &Map<String, Value>) -> String {
    let text = errors.values().filter_map(|texts| texts.get(0)?.as_str()).next();
    text.unwrap_or_default().to_owned()
}

async fn create(State(app): State<AppState>, seller: Seller, sent: Sent) -> ApiResult<Response> {
    app.settings.claims.admit()?;
    let mut form = new_form(&seller)?;
    let lines = match form.parse::<Lines>(&sent) {
        Ok(Lines(lines)) => lines,
        Err(error) => return form.answer(Err(error)),
    };
    let tx = app.store.write(&seller.identity()).await?;
    let imported = import::operations::import(&tx, import::lines::of_text(&lines), false).await?;
    tx.commit().await?;
    let texts = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let answers = texts.zip(imported.lines).map(|(text, line)| {
        let answer = line.errors.map_or(Ok(()), |errors| Err(said(&errors)));
        (text.to_owned(), answer)
    });
    page(&Added {
        frame: Frame::of(&seller, "numbers"),
        answers: answers.collect(),
    })
}

#[derive(Template)]
#[template(path = "number.html")]
struct Number {
    frame: Frame,
    did: Did,
    hours: Option<Schedule>,
    caps: Vec<Cap>,
}

async fn one(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&seller.identity()).await?;
    let did = operations::find(&tx, id).await?;
    let hours = hours::of(&tx, did.schedule_id).await?;
    let caps = caps::operations::of(&tx, "did", id).await?;
    tx.commit().await?;
    page(&Number {
        frame: Frame::of(&seller, "numbers"),
        did,
        hours,
        caps,
    })
}

async fn found(app: &AppState, seller: &Seller, id: i64) -> ApiResult<(Did, Vec<Campaign>)> {
    let tx = app.store.read(&seller.identity()).await?;
    let did = operations::find(&tx, id).await?;
    let campaigns = all_campaigns(&tx).await?;
    tx.commit().await?;
    Ok((did, campaigns))
}

async fn edit_form(app: &AppState, seller: &Seller, id: i64) -> ApiResult<Form> {
    let did = found(app, seller, id).await?.0;
    let hours = hours::field(app, seller, "When calls to it are taken", did.schedule_id).await?;
    let form = Form::new(
        Frame::of(seller, "numbers"),
        format!("Edit {}", did.number),
        format!("/console/numbers/{}", did.id),
        "Save",
    )?;
    let fields = vec![
        Field::choice("status", "Status", STATUSES)
            .help("Calls to an inactive number are refused.")
            .value(&did.status),
        hours,
        Field::new("description", "What it is for", Kind::Lines).maybe(did.description.as_ref()),
    ];
    Ok(form.fields(fields).version(did.version))
}

async fn edit(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    edit_form(&app, &seller, id).await?.show()
}

async fn update(State(app): State<AppState>, seller: Seller, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let form = edit_form(&app, &seller, id).await?;
    form.save(&app, &seller.identity(), &sent, async |tx, change: DidChange| {
        operations::update(tx, id, &sent.if_match(), change).await?;
        Ok(format!("/console/numbers/{id}"))
    })
    .await
}

/// The campaign that a number is to be in.
struct Target(i64);

impl Input for Target {
    const UNKNOWN: crate::http::fields::Unknown = crate::http::fields::Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        Target(f.required_int("campaignId", 1..=i64::MAX))
    }
}

fn assign_form(seller: &Seller, did: &Did, campaigns: &[Campaign]) -> ApiResult<Form> {
    let choices = campaigns
        .iter()
        .map(|campaign| (campaign.id.to_string(), campaign.name.clone()));
    let form = Form::new(
        Frame::of(seller, "numbers"),
        format!("Assign {}", did.number),
        format!("/console/numbers/{}", did.id),
        "Assign it",
    )?;
    Ok(form
        .intro("Calls to this number will be routed by the campaign. In several active ones, the oldest routes them.")
        .fields(vec![Field::new(
            "campaignId",
            "Campaign",
            Kind::Choice(choices.collect()),
        )]))
}

async fn ask_assign(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    let (did, campaigns) = found(&app, &seller, id).await?;
    assign_form(&seller, &did, &campaigns)?.show()
}

async fn assign(State(app): State<AppState>, seller: Seller, Id(id): Id, sent: Sent) -> ApiResult<Response> {
    let (did, campaigns) = found(&app, &seller, id).await?;
    let form = assign_form(&seller, &did, &campaigns)?;
    form.save(&app, &seller.identity(), &sent, async |tx, Target(campaign)| {
        parts::operations::add_did(tx, campaign, &OneDid { did_id: id }).await?;
        Ok(format!("/console/campaigns/{campaign}"))
    })
    .await
}
