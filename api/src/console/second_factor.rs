//! The second factor of one's own logins: set up, its recovery codes, taken away. Secrets are shown once, in the answer to the form.

use std::net::SocketAddr;

use askama::Template;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use qrcode::{Color, QrCode};

use super::account::own;
use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, page};
use super::show;
use super::viewer::{Anyone, Enrolling};
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::resources::auth::second_factor::{
    self, RecoveryCodes, SecondFactor, SecondFactorCode, SecondFactorSecret, SecondFactorStart,
};
use crate::resources::users;

const PATH: &str = "/console/account/second_factor";

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/account/second_factor", get(state))
        .route(
            "/console/account/second_factor/new",
            get(ask_password).post(begin),
        )
        .route(
            "/console/account/second_factor/confirm",
            get(ask_first_code).post(confirm),
        )
        .route(
            "/console/account/second_factor/codes",
            get(ask_codes).post(new_codes),
        )
        .route(
            "/console/account/second_factor/remove",
            get(ask_remove).post(remove),
        )
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Shown {
    frame: Frame,
    factor: SecondFactor,
}

async fn state(State(app): State<AppState>, viewer: Enrolling) -> ApiResult<Response> {
    own(&viewer)?;
    page(&Shown {
        factor: second_factor::show(&app, &viewer).await?,
        frame: Frame::of(&viewer, "account"),
    })
}

fn form(viewer: &User, title: &str, submit: &'static str) -> ApiResult<Form> {
    own(viewer)?;
    Form::new(Frame::of(viewer, "account"), title, PATH, submit)
}

/// Of the app, or a recovery code.
fn code_field() -> Field {
    Field::new("code", "Code", Kind::Text).help("The six digits that your app shows, or a recovery code")
}

async fn password_form(app: &AppState, viewer: &User) -> ApiResult<Form> {
    let form = form(viewer, "Set up a second factor", "Go on")?;
    let tx = app.store.read(&viewer.identity()).await?;
    let user = users::operations::find(&tx, viewer.id).await?;
    tx.commit().await?;
    Ok(form
        .account(user.username)
        .intro(
            "You need an authenticator app on your telephone, such as Aegis, FreeOTP or Google Authenticator. From then on a login needs \
             your password and the code that the app shows.",
        )
        .fields(vec![Field::new("currentPassword", "Present password", Kind::Secret)]))
}

async fn ask_password(State(app): State<AppState>, viewer: Enrolling) -> ApiResult<Response> {
    password_form(&app, &viewer).await?.show()
}

#[derive(Template)]
#[template(path = "second_factor_secret.html")]
struct SecretMade {
    frame: Frame,
    made: SecondFactorSecret,
    /// Modules of a side, and the dark ones as a path.
    size: usize,
    path: String,
}

impl SecretMade {
    /// As people type it.
    fn in_fours(&self) -> String {
        let letters: Vec<char> = self.made.secret.chars().collect();
        let fours: Vec<String> = letters.chunks(4).map(|four| four.iter().collect()).collect();
        fours.join(" ")
    }
}

async fn begin(
    State(app): State<AppState>,
    viewer: Enrolling,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = password_form(&app, &viewer).await?;
    let start = match form.parse::<SecondFactorStart>(&sent) {
        Ok(start) => start,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    let made = match second_factor::begin(&app, &viewer, address, start).await {
        Ok(made) => made,
        Err(error) => return form.answer(Err(error)),
    };
    let (size, path) = qr(&made.uri);
    page(&SecretMade {
        frame: Frame::of(&viewer, "account"),
        made,
        size,
        path,
    })
}

/// Nothing where it does not fit: the secret can be typed.
fn qr(text: &str) -> (usize, String) {
    let Ok(code) = QrCode::new(text) else {
        return (0, String::new());
    };
    let size = code.width();
    let colors = code.to_colors();
    let dark = colors
        .iter()
        .enumerate()
        .filter(|(_, color)| **color == Color::Dark);
    let path = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % size, at / size));
    (size, path.collect())
}

fn first_code_form(viewer: &User) -> ApiResult<Form> {
    let code = Field::new("code", "Code", Kind::Text).help("The six digits that your app shows now");
    Ok(form(viewer, "A first code", "Turn it on")?
        .intro("Every other session of yours ends.")
        .fields(vec![code]))
}

async fn ask_first_code(viewer: Enrolling) -> ApiResult<Response> {
    first_code_form(&viewer)?.show()
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesMade {
    frame: Frame,
    codes: Vec<String>,
}

fn codes_page(viewer: &User, made: RecoveryCodes) -> ApiResult<Response> {
    page(&CodesMade {
        frame: Frame::of(viewer, "account"),
        codes: made.recovery_codes,
    })
}

async fn confirm(
    State(app): State<AppState>,
    viewer: Enrolling,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = first_code_form(&viewer)?;
    let given = match form.parse::<SecondFactorCode>(&sent) {
        Ok(given) => given,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    match second_factor::confirm(&app, &viewer, address, given).await {
        Ok(made) => codes_page(&viewer, made),
        Err(error) => form.answer(Err(error)),
    }
}

fn codes_form(viewer: &User) -> ApiResult<Form> {
    Ok(form(viewer, "New recovery codes", "Make them")?
        .intro("Those that you have end.")
        .fields(vec![code_field()]))
}

async fn ask_codes(viewer: Anyone) -> ApiResult<Response> {
    codes_form(&viewer)?.show()
}

async fn new_codes(
    State(app): State<AppState>,
    viewer: Anyone,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = codes_form(&viewer)?;
    let given = match form.parse::<SecondFactorCode>(&sent) {
        Ok(given) => given,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    match second_factor::replace_codes(&app, &viewer, address, given).await {
        Ok(made) => codes_page(&viewer, made),
        Err(error) => form.answer(Err(error)),
    }
}

fn remove_form(viewer: &User) -> ApiResult<Form> {
    Ok(form(viewer, "Take the second factor away?", "Take it away")?
        .danger()
        .intro("Logins need your password alone then. Every other session of yours ends.")
        .fields(vec![code_field()]))
}

async fn ask_remove(viewer: Anyone) -> ApiResult<Response> {
    remove_form(&viewer)?.show()
}

async fn remove(
    State(app): State<AppState>,
    viewer: Anyone,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = remove_form(&viewer)?;
    let given = match form.parse::<SecondFactorCode>(&sent) {
        Ok(given) => given,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    let done = second_factor::remove(&app, &viewer, address, given).await;
    form.answer(done.map(|()| PATH.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_has_its_three_corners() {
        let (size, path) =
            qr("otpauth://totp/CapConduit:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=CapConduit");
        assert!(size > 30 && path.starts_with("M0 0h1v1h-1z"), "{size}");
        let last = size - 1;
        assert!(path.contains(&format!("M{last} 0h")) && path.contains(&format!("M0 {last}h")));
    }
}
