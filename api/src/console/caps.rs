//! The caps of a link over an hour, a day and longer: add, change, remove. The platform's are seen on the campaign's page, and changed
//! by staff alone.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use capconduit_core::SetBy;
use capconduit_core::cap::{Counted, Over};
use serde_json::json;

use super::form::{Field, Form, Kind, Sent};
use super::frame::Frame;
use super::show::{self, Bar};
use super::viewer::Seller;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::params::Ids;
use crate::resources::campaigns::parts::objects::Link;
use crate::resources::campaigns::parts::operations::find_link;
use crate::resources::caps::objects::{Cap, CapChange, NewCap};
use crate::resources::caps::operations;

pub fn router() -> Router<AppState> {
    Router::new()
        .route(
            "/console/campaigns/{id}/links/{link}/caps/new",
            get(new).post(create),
        )
        .route("/console/campaigns/{id}/caps/{cap}/edit", get(edit).post(update))
        .route(
            "/console/campaigns/{id}/caps/{cap}/delete",
            get(ask_delete).post(delete),
        )
}

/// Those of a cap that may change.
fn fields(of: Option<&Cap>) -> [Field; 3] {
    let enforced = [("true", "no further call"), ("false", "a warning alone")];
    [
        Field::new("limit", "Calls", Kind::Limit)
            .help(
                "So many and no more. 0: closed. A call in flight takes room as long as it may still count.",
            )
            .value(of.map_or_else(String::new, |cap| cap.limit.to_string())),
        Field::named("enforce", "At the limit", enforced)
            .help("A cap that only warns is shown and stops no call.")
            .value(of.is_none_or(|cap| cap.enforce)),
        Field::new("note", "Note", Kind::Text).maybe(of.and_then(|cap| cap.note.as_ref())),
    ]
}

async fn found_link(app: &AppState, seller: &Seller, id: i64, link: i64) -> ApiResult<Link> {
    let tx = app.store.read(&seller.identity()).await?;
    let link = find_link(&tx, id, link).await?;
    tx.commit().await?;
    Ok(link)
}

fn new_form(seller: &Seller, id: i64, link: &Link) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Add a cap for {}", link.client.name),
        format!("/console/campaigns/{id}"),
        "Add the cap",
    )?;
    let mut all = vec![
        Field::named("counts", "Which calls", Counted::NAMES.map(|name| (name, show::counted(name))))
            .help("Offered: the link got the call. Answered: and the client took it. Good: and it talked as long as a good call does.")
            .value(Counted::Answered.name()),
        Field::named("window", "Over which time", Over::NAMES.map(|name| (name, show::over(name))))
            .help("Hours, days, weeks and months of the client's time zone")
            .value(Over::Day.name()),
    ];
    all.extend(fields(None));
    Ok(form
        .intro("All caps of a link must have room for a call. A cap that is made now counts what its window has had already.")
        .known("subject", json!({"type": "link", "id": link.id}))
        .fields(all))
}

async fn new(State(app): State<AppState>, seller: Seller, Ids(id, link): Ids) -> ApiResult<Response> {
    new_form(&seller, id, &found_link(&app, &seller, id, link).await?)?.show()
}

async fn create(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = new_form(&seller, id, &found_link(&app, &seller, id, link).await?)?;
    form.save(&app, &seller.identity(), &sent, async |tx, new: NewCap| {
        operations::create(tx, SetBy::Seller, new).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}

/// The seller's own, of a link of this campaign.
async fn found(app: &AppState, seller: &Seller, id: i64, cap: i64) -> ApiResult<(Link, Cap)> {
    let tx = app.store.read(&seller.identity()).await?;
    let cap = operations::find_own(&tx, SetBy::Seller, cap).await?;
    let link = find_link(&tx, id, cap.subject.id).await?;
    tx.commit().await?;
    Ok((link, cap))
}

fn edit_form(seller: &Seller, id: i64, (link, cap): &(Link, Cap)) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("{}: {}", link.client.name, show::cap_name(cap)),
        format!("/console/campaigns/{id}"),
        "Save",
    )?;
    let intro = format!(
        "Now: {}. A lower limit ends no call: it takes effect for new ones.",
        Bar::cap(cap).text
    );
    Ok(form
        .intro(intro)
        .fields(fields(Some(cap)).into())
        .version(cap.version))
}

async fn edit(State(app): State<AppState>, seller: Seller, Ids(id, cap): Ids) -> ApiResult<Response> {
    edit_form(&seller, id, &found(&app, &seller, id, cap).await?)?.show()
}

async fn update(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, cap): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = edit_form(&seller, id, &found(&app, &seller, id, cap).await?)?;
    form.save(&app, &seller.identity(), &sent, async |tx, change: CapChange| {
        operations::update(tx, SetBy::Seller, cap, &sent.if_match(), change).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}

fn delete_form(seller: &Seller, id: i64, (link, cap): &(Link, Cap)) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(seller, "overview"),
        format!("Remove the cap of {}?", link.client.name),
        format!("/console/campaigns/{id}"),
        "Remove the cap",
    )?;
    Ok(form.version(cap.version).danger().intro(format!(
        "The cap of {} ({}) will be gone. That ends no call; new ones go on within the link's other caps. What it has counted stays \
         counted: made again, it goes on.",
        show::cap_name(cap),
        Bar::cap(cap).text
    )))
}

async fn ask_delete(State(app): State<AppState>, seller: Seller, Ids(id, cap): Ids) -> ApiResult<Response> {
    delete_form(&seller, id, &found(&app, &seller, id, cap).await?)?.show()
}

async fn delete(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, cap): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = delete_form(&seller, id, &found(&app, &seller, id, cap).await?)?;
    form.go_on(&app, &seller.identity(), &sent, async |tx| {
        operations::delete(tx, SetBy::Seller, cap, &sent.if_match()).await?;
        Ok(format!("/console/campaigns/{id}"))
    })
    .await
}
