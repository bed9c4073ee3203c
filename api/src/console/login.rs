//! Log in, and back to the page that was asked for; log out.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use axum::routing::{get, post};

use super::form::{Field, Form, Kind, Sent};
use super::frame::{Frame, see_other};
use super::viewer::Anyone;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::params::Params;
use crate::resources::auth::objects::Credentials;
use crate::resources::auth::operations;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/login", get(show).post(log_in))
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
    match operations::log_in(&app, address, &headers, given).await {
        Ok((_, cookies)) => {
            let mut response = see_other(target(&params))?;
            for cookie in cookies {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => form.answer(Err(error)),
    }
}

async fn log_out(State(app): State<AppState>, viewer: Anyone) -> ApiResult<Response> {
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
