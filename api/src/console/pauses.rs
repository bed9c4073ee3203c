//! Pauses of a campaign and of its links, from the campaign's page.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::form::{Field, Form, Kind, Sent};
use super::frame::Frame;
use super::viewer::Seller;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::params::{Id, Ids};
use crate::http::version::Versioned;
use crate::resources::pauses::objects::NewPause;
use crate::resources::pauses::operations::{self, OwnCampaign, OwnLink, Paused};

pub fn router() -> Router<AppState> {
    Router::new()
        .route(
            "/console/campaigns/{id}/pause",
            get(ask_campaign).post(pause_campaign),
        )
        .route(
            "/console/campaigns/{id}/lift",
            get(ask_lift_campaign).post(lift_campaign),
        )
        .route(
            "/console/campaigns/{id}/links/{link}/pause",
            get(ask_link).post(pause_link),
        )
        .route(
            "/console/campaigns/{id}/links/{link}/lift",
            get(ask_lift_link).post(lift_link),
        )
}

/// A form about a campaign, or a link of it, as it is now.
async fn form<P: Paused>(
    app: &AppState,
    seller: &Seller,
    campaign: i64,
    paused: &P,
    (title, submit): (String, &'static str),
) -> ApiResult<Form> {
    let tx = app.store.read(&seller.identity()).await?;
    let shown = paused.shown(&tx).await?;
    tx.commit().await?;
    let form = Form::new(
        Frame::of(seller, "overview"),
        title,
        format!("/console/campaigns/{campaign}"),
        submit,
    )?;
    Ok(form.version(shown.tag()))
}

async fn pause_form<P: Paused>(
    app: &AppState,
    seller: &Seller,
    campaign: i64,
    paused: &P,
) -> ApiResult<Form> {
    let title = format!("Pause the {}", P::WHAT);
    let form = form(app, seller, campaign, paused, (title, "Pause it")).await?;
    Ok(form
        .intro("It gets no new call from now on. Calls in flight go on.")
        .fields(vec![
            Field::new("until", "Until", Kind::Text)
                .help("An instant, such as 2030-12-27T08:00+01:00; without an offset it is UTC. Empty: until you lift it.")
                .maybe(None::<&str>),
            Field::new("reason", "Why", Kind::Text),
        ]))
}

async fn pause<P: Paused>(
    app: &AppState,
    seller: &Seller,
    campaign: i64,
    paused: &P,
    sent: &Sent,
) -> ApiResult<Response> {
    let form = pause_form(app, seller, campaign, paused).await?;
    form.save(app, &seller.identity(), sent, async |tx, pause: NewPause| {
        operations::set(tx, paused, &sent.if_match(), &pause).await?;
        Ok(format!("/console/campaigns/{campaign}"))
    })
    .await
}

async fn lift_form<P: Paused>(app: &AppState, seller: &Seller, campaign: i64, paused: &P) -> ApiResult<Form> {
    let title = format!("Let the {} take calls again?", P::WHAT);
    let form = form(app, seller, campaign, paused, (title, "Lift the pause")).await?;
    Ok(form.intro("Your pause ends now. One that the platform has set stays."))
}

async fn lift<P: Paused>(
    app: &AppState,
    seller: &Seller,
    campaign: i64,
    paused: &P,
    sent: &Sent,
) -> ApiResult<Response> {
    let form = lift_form(app, seller, campaign, paused).await?;
    form.go_on(app, &seller.identity(), sent, async |tx| {
        operations::lift(tx, paused, &sent.if_match()).await?;
        Ok(format!("/console/campaigns/{campaign}"))
    })
    .await
}

async fn ask_campaign(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    pause_form(&app, &seller, id, &OwnCampaign(id)).await?.show()
}

async fn pause_campaign(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    sent: Sent,
) -> ApiResult<Response> {
    pause(&app, &seller, id, &OwnCampaign(id), &sent).await
}

async fn ask_lift_campaign(State(app): State<AppState>, seller: Seller, Id(id): Id) -> ApiResult<Response> {
    lift_form(&app, &seller, id, &OwnCampaign(id)).await?.show()
}

async fn lift_campaign(
    State(app): State<AppState>,
    seller: Seller,
    Id(id): Id,
    sent: Sent,
) -> ApiResult<Response> {
    lift(&app, &seller, id, &OwnCampaign(id), &sent).await
}

async fn ask_link(State(app): State<AppState>, seller: Seller, Ids(id, link): Ids) -> ApiResult<Response> {
    pause_form(&app, &seller, id, &OwnLink(id, link)).await?.show()
}

async fn pause_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    pause(&app, &seller, id, &OwnLink(id, link), &sent).await
}

async fn ask_lift_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
) -> ApiResult<Response> {
    lift_form(&app, &seller, id, &OwnLink(id, link)).await?.show()
}

async fn lift_link(
    State(app): State<AppState>,
    seller: Seller,
    Ids(id, link): Ids,
    sent: Sent,
) -> ApiResult<Response> {
    lift(&app, &seller, id, &OwnLink(id, link), &sent).await
}
