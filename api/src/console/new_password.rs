//! Where an admin's link leads: a new password, without a login.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, see_other};
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::params::Params;
use crate::resources::auth::password_link::{self, PasswordLinkUse};

pub fn router() -> Router<AppState> {
    Router::new().route("/console/new_password", get(show).post(set))
}

fn form(params: &Params) -> ApiResult<Form> {
    let mut token = Field::new("token", "Link", Kind::Text);
    token.value = params.raw("token").unwrap_or_default().to_owned();
    let fields = vec![token, Field::new("newPassword", "New password", Kind::NewSecret)];
    let form = Form::new(Frame::nobody(), "Set a new password", "/console/login", "Set it")?;
    Ok(form
        .intro("At least 8 characters. You are logged out everywhere, and tokens of your scripts end.")
        .fields(fields))
}

async fn show(params: Params) -> ApiResult<Response> {
    form(&params)?.show()
}

async fn set(State(app): State<AppState>, params: Params, sent: Sent) -> ApiResult<Response> {
    let mut form = form(&params)?;
    let used = match form.parse::<PasswordLinkUse>(&sent) {
        Ok(used) => used,
        Err(error) => return form.answer(Err(error)),
    };
    match password_link::redeem(&app, used).await {
        Ok(()) => see_other("/console/login"),
        Err(error) => form.answer(Err(error)),
    }
}
