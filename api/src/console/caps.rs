//! Caps from the page of what they are of: add, change, remove. Each side changes what it has set, and sees the other's.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use capconduit_core::cap::{Counted, Over};
use serde_json::json;

use super::bar::Bar;
use super::capped::{Campaign, Capped, Client, Number, OF_CLIENT, Seller};
use super::form::{Field, Form, Kind, Sent};
use super::frame::Frame;
use super::show;
use super::viewer;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::http::params::{Id, Ids};
use crate::resources::campaigns::parts::operations::find_link;
use crate::resources::caps::objects::{Cap, CapChange, NewCap};
use crate::resources::caps::operations;

pub fn router() -> Router<AppState> {
    Router::new()
        .route(
            "/console/campaigns/{id}/links/{link}/caps/new",
            get(new_of_link).post(create_of_link),
        )
        .route(
            "/console/campaigns/{id}/caps/new",
            get(new::<Campaign>).post(create::<Campaign>),
        )
        .route(
            "/console/campaigns/{id}/caps/{cap}/edit",
            get(edit::<Campaign>).post(update::<Campaign>),
        )
        .route(
            "/console/campaigns/{id}/caps/{cap}/delete",
            get(ask_delete::<Campaign>).post(delete::<Campaign>),
        )
        .route(
            "/console/numbers/{id}/caps/new",
            get(new::<Number>).post(create::<Number>),
        )
        .route(
            "/console/numbers/{id}/caps/{cap}/edit",
            get(edit::<Number>).post(update::<Number>),
        )
        .route(
            "/console/numbers/{id}/caps/{cap}/delete",
            get(ask_delete::<Number>).post(delete::<Number>),
        )
        .route(
            "/console/clients/{id}/caps/new",
            get(new::<Client>).post(create::<Client>),
        )
        .route(
            "/console/clients/{id}/caps/{cap}/edit",
            get(edit::<Client>).post(update::<Client>),
        )
        .route(
            "/console/clients/{id}/caps/{cap}/delete",
            get(ask_delete::<Client>).post(delete::<Client>),
        )
        .route(
            "/console/sellers/{id}/caps/new",
            get(new::<Seller>).post(create::<Seller>),
        )
        .route(
            "/console/sellers/{id}/caps/{cap}/edit",
            get(edit::<Seller>).post(update::<Seller>),
        )
        .route(
            "/console/sellers/{id}/caps/{cap}/delete",
            get(ask_delete::<Seller>).post(delete::<Seller>),
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

fn form_to_add(
    viewer: &User,
    here: &'static str,
    page: String,
    (name, kind, id): (&str, &str, i64),
    zone: &'static str,
) -> ApiResult<Form> {
    let form = Form::new(
        Frame::of(viewer, here),
        format!("Add a cap for {name}"),
        page,
        "Add the cap",
    )?;
    let mut all = vec![
        Field::named("counts", "Which calls", Counted::NAMES.map(|name| (name, show::counted(name))))
            .help("Offered: a link got the call. Answered: and the client took it. Good: and it talked as long as a good call does.")
            .value(Counted::Answered.name()),
        Field::named("window", "Over which time", Over::NAMES.map(|name| (name, show::over(name))))
            .help(zone)
            .value(Over::Day.name()),
    ];
    all.extend(fields(None));
    Ok(form
        .intro("A call needs room under all caps of its link, client, campaign, number and seller. A cap that is made now counts what its window has had already.")
        .known("subject", json!({"type": kind, "id": id}))
        .fields(all))
}

async fn new_form<C: Capped>(app: &AppState, viewer: &User, id: i64) -> ApiResult<Form> {
    let tx = app.store.read(&viewer.identity()).await?;
    let name = C::name(&tx, id).await?;
    tx.commit().await?;
    form_to_add(viewer, C::HERE, C::page(id), (&name, C::KIND, id), C::ZONE)
}

async fn new<C: Capped>(State(app): State<AppState>, viewer: C::Viewer, Id(id): Id) -> ApiResult<Response> {
    new_form::<C>(&app, &viewer, id).await?.show()
}

async fn create<C: Capped>(
    State(app): State<AppState>,
    viewer: C::Viewer,
    Id(id): Id,
    sent: Sent,
) -> ApiResult<Response> {
    let form = new_form::<C>(&app, &viewer, id).await?;
    form.save(&app, &viewer.identity(), &sent, async |tx, new: NewCap| {
        operations::create(tx, C::BY, new).await?;
        Ok(C::page(id))
    })
    .await
}

async fn form_of_link(app: &AppState, seller: &User, id: i64, link: i64) -> ApiResult<Form> {
    let tx = app.store.read(&seller.identity()).await?;
    let link = find_link(&tx, id, link).await?;
    tx.commit().await?;
    let subject = (link.client.name.as_str(), "link", link.id);
    form_to_add(seller, Campaign::HERE, Campaign::page(id), subject, OF_CLIENT)
}

async fn new_of_link(
    State(app): State<AppState>,
    seller: viewer::Seller,
    Ids(id, link): Ids,
) -> ApiResult<Response> {
    form_of_link(&app, &seller, id, link).await?.show()
}

async fn create_of_link(
    State(app): State<AppState>,
    seller: viewer::Seller,
    Ids(id, link): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = form_of_link(&app, &seller, id, link).await?;
    form.save(&app, &seller.identity(), &sent, async |tx, new: NewCap| {
        operations::create(tx, Campaign::BY, new).await?;
        Ok(Campaign::page(id))
    })
    .await
}

/// One that the viewer may change, on this page.
async fn found<C: Capped>(app: &AppState, viewer: &User, id: i64, cap: i64) -> ApiResult<Cap> {
    let tx = app.store.read(&viewer.identity()).await?;
    C::name(&tx, id).await?;
    let found = operations::find_own(&tx, C::BY, cap).await?;
    let is_shown = C::shows(&tx, id, &found).await;
    tx.commit().await?;
    if is_shown {
        return Ok(found);
    }
    Err(ApiError::not_found(format!(
        "Cap with ID {cap} is not of this page."
    )))
}

async fn edit_form<C: Capped>(app: &AppState, viewer: &User, id: i64, cap: i64) -> ApiResult<Form> {
    let cap = found::<C>(app, viewer, id, cap).await?;
    let form = Form::new(
        Frame::of(viewer, C::HERE),
        format!("{}: {}", cap.subject.name, show::cap_name(&cap)),
        C::page(id),
        "Save",
    )?;
    let intro = format!(
        "Now: {}. A lower limit ends no call: it takes effect for new ones.",
        Bar::cap(&cap).text
    );
    Ok(form
        .intro(intro)
        .fields(fields(Some(&cap)).into())
        .version(cap.version))
}

async fn edit<C: Capped>(
    State(app): State<AppState>,
    viewer: C::Viewer,
    Ids(id, cap): Ids,
) -> ApiResult<Response> {
    edit_form::<C>(&app, &viewer, id, cap).await?.show()
}

async fn update<C: Capped>(
    State(app): State<AppState>,
    viewer: C::Viewer,
    Ids(id, cap): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = edit_form::<C>(&app, &viewer, id, cap).await?;
    form.save(&app, &viewer.identity(), &sent, async |tx, change: CapChange| {
        operations::update(tx, C::BY, cap, &sent.if_match(), change).await?;
        Ok(C::page(id))
    })
    .await
}

async fn delete_form<C: Capped>(app: &AppState, viewer: &User, id: i64, cap: i64) -> ApiResult<Form> {
    let cap = found::<C>(app, viewer, id, cap).await?;
    let form = Form::new(
        Frame::of(viewer, C::HERE),
        format!("Remove the cap of {}?", cap.subject.name),
        C::page(id),
        "Remove the cap",
    )?;
    Ok(form.version(cap.version).danger().intro(format!(
        "The cap of {} ({}) will be gone. That ends no call; new ones go on within the other caps. What it has counted stays \
         counted: made again, it goes on.",
        show::cap_name(&cap),
        Bar::cap(&cap).text
    )))
}

async fn ask_delete<C: Capped>(
    State(app): State<AppState>,
    viewer: C::Viewer,
    Ids(id, cap): Ids,
) -> ApiResult<Response> {
    delete_form::<C>(&app, &viewer, id, cap).await?.show()
}

async fn delete<C: Capped>(
    State(app): State<AppState>,
    viewer: C::Viewer,
    Ids(id, cap): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    let form = delete_form::<C>(&app, &viewer, id, cap).await?;
    form.go_on(&app, &viewer.identity(), &sent, async |tx| {
        operations::delete(tx, C::BY, cap, &sent.if_match()).await?;
        Ok(C::page(id))
    })
    .await
}
