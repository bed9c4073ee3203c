//! What stands around every page, and how a page becomes an answer.

use askama::Template;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::assets::{ICON_URL, SCRIPT_URL, STYLE_URL};
use super::show;
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};

/// The title and the menu.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Empty: nobody is logged in, and there is no menu.
    pub role: String,
    /// The entry of the menu that this page belongs to.
    pub here: &'static str,
    /// Somebody else looks at it: what changes something is shown, and does nothing.
    pub is_looked_at: bool,
    pub style: &'static str,
    pub script: &'static str,
    pub icon: &'static str,
}

impl Frame {
    pub fn of(user: &User, here: &'static str) -> Self {
        Frame {
            is_looked_at: user.is_looked_at,
            ..Self::new(&user.role, here)
        }
    }

    pub fn nobody() -> Self {
        Self::new("", "")
    }

    fn new(role: &str, here: &'static str) -> Self {
        Frame {
            role: role.to_owned(),
            here,
            is_looked_at: false,
            style: &STYLE_URL,
            script: &SCRIPT_URL,
            icon: &ICON_URL,
        }
    }

    pub fn is_seller(&self) -> bool {
        self.role == "user"
    }

    pub fn is_staff(&self) -> bool {
        matches!(self.role.as_str(), "staff" | "admin")
    }

    pub fn role_name(&self) -> &str {
        show::role(&self.role)
    }
}

pub fn page(template: &impl Template) -> ApiResult<Response> {
    page_with(StatusCode::OK, template)
}

pub fn page_with(status: StatusCode, template: &impl Template) -> ApiResult<Response> {
    let text = template
        .render()
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((status, [(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

/// After a form has done its work: the browser asks for the page anew, and a reload repeats nothing.
pub fn see_other(target: &str) -> ApiResult<Response> {
    let target = HeaderValue::from_str(target).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response())
}
