//! Log in, with a code on a second page where one is needed, and back to the page that was asked for; log out.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::{get, post};

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, see_other};
use super::viewer::Enrolling;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::params::Params;
use crate::resources::auth::objects::Credentials;
use crate::resources::auth::operations::{self, Begun};
use crate::resources::auth::second_factor::SecondFactorCode;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/login", get(show).post(log_in))
        .route("/console/login/code", get(ask_code).post(log_in_by_code))
        .route("/console/logout", post(log_out))
}

fn form() -> ApiResult<Form> {
    let fields = vec![
        Field::new("username", "User name", Kind::Text),
        Field::new("password", "Password", Kind::Secret),
    ];
    Ok(Form::new(Frame::nobody(), "Log in", "", "Log in")?.fields(fields))
}

/// A page of this console and nothing else: another site must not be led to.
fn target(params: &Params) -> &str {
    let is_own = |path: &&str| {
        let (place, _) = path.split_once('?').unwrap_or((*path, ""));
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !place.contains("/.")
            && !place.to_ascii_lowercase().contains("%2e");
        plain && (*path == "/console" || path.starts_with("/console/") || path.starts_with("/console?"))
    };
    params.raw("next").filter(is_own).unwrap_or("/console")
}

async fn show() -> ApiResult<Response> {
    form()?.show()
}

async fn log_in(
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = form()?;
    let given = match form.parse::<Credentials>(&sent) {
        Ok(given) => given,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    match operations::begin_login(&app, address, &headers, given).await {
        Ok(Begun::In(_, cookies)) => on_to(target(&params), cookies),
        Ok(Begun::CodeNext(step)) => on_to(&with_target("/console/login/code", &params), step),
        Err(error) => form.answer(Err(error)),
    }
}

fn on_to(path: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> ApiResult<Response> {
    let mut response = see_other(path)?;
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A page of the login, and where it leads in the end.
fn with_target(path: &str, params: &Params) -> String {
    let next: String = form_urlencoded::byte_serialize(target(params).as_bytes()).collect();
    format!("{path}?next={next}")
}

fn code_form(params: &Params) -> ApiResult<Form> {
    let back = with_target("/console/login", params);
    Ok(Form::new(Frame::nobody(), "Log in: your code", back, "Log in")?
        .intro("Your password is right. Now the code that your authenticator app shows, or one of your recovery codes.")
        .fields(vec![Field::new("code", "Code", Kind::Text)]))
}

async fn ask_code(params: Params) -> ApiResult<Response> {
    code_form(&params)?.show()
}

async fn log_in_by_code(
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    params: Params,
    headers: HeaderMap,
    sent: Sent,
) -> ApiResult<Response> {
    let mut form = code_form(&params)?;
    let given = match form.parse::<SecondFactorCode>(&sent) {
        Ok(given) => given,
        Err(error) => return form.answer(Err(error)),
    };
    let address = app.settings.proxies.client(peer, &headers);
    match operations::log_in_by_code(&app, address, &headers, given.code).await {
        Ok(Some(cookies)) => on_to(target(&params), cookies),
        // It took too long: the password once more.
        Ok(None) => see_other(&with_target("/console/login", &params)),
        Err(error) => form.answer(Err(error)),
    }
}

async fn log_out(State(app): State<AppState>, viewer: Enrolling) -> ApiResult<Response> {
    let session = viewer.session.ok_or_else(ApiError::unauthenticated)?;
    app.sessions.close(&session).await?;
    let mut response = see_other("/console/login")?;
    response
        .headers_mut()
        .append(SET_COOKIE, app.sessions.cookie("", 0)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_a_page_of_the_console_alone() {
        for (query, expected) in [
            ("", "/console"),
            ("next=%2Fconsole%2Fcalls%3Fcaller%3D1", "/console/calls?caller=1"),
            ("next=https%3A%2F%2Fevil.example", "/console"),
            ("next=%2F%2Fevil.example", "/console"),
            ("next=%2Fconsole.evil.example", "/console"),
            ("next=%2Fconsole%2F%0d%0aSet-Cookie%3Ax", "/console"),
            ("next=%2Fapi%2Fauth%2Flogout", "/console"),
            ("next=%2Fconsole%2F..%2Fapi%2Fauth%2Fme", "/console"),
            ("next=%2Fconsole%2F%252e%252e%2Fapi%2Fauth%2Fme", "/console"),
        ] {
            assert_eq!(target(&Params::parse(query)), expected, "{query}");
        }
    }
}
