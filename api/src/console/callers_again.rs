//! What becomes of callers that call a seller again, over all its campaigns.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::form::{Form, Sent};
use super::frame::Frame;
use super::rules_text;
use super::viewer::Seller;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::resources::users::objects::AccountChange;
use crate::resources::users::operations;

pub fn router() -> Router<AppState> {
    Router::new().route("/console/callers/again", get(edit).post(update))
}

async fn edit_form(app: &AppState, seller: &Seller) -> ApiResult<Form> {
    let tx = app.store.read(&seller.identity()).await?;
    let user = operations::find(&tx, seller.id).await?;
    tx.commit().await?;
    let form = Form::new(
        Frame::of(seller, "callers"),
        "Callers that call again",
        "/console/callers",
        "Save",
    )?;
    Ok(form
        .intro("They hold in all campaigns, beside those that a campaign has of its own.")
        .fields(vec![rules_text::of_calls("Rules", &user.caller_rules)])
        .version(user.version))
}

async fn edit(State(app): State<AppState>, seller: Seller) -> ApiResult<Response> {
    edit_form(&app, &seller).await?.show()
}

async fn update(State(app): State<AppState>, seller: Seller, sent: Sent) -> ApiResult<Response> {
    let form = edit_form(&app, &seller).await?;
    form.save(
        &app,
        &seller.identity(),
        &sent,
        async |tx, change: AccountChange| {
            operations::update_own(tx, seller.id, &sent.if_match(), change).await?;
            Ok("/console/callers".to_owned())
        },
    )
    .await
}
