//! What stands in the address: query parameters and path ids.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ApiResult};

/// The query parameters; of a repeated one the first counts. An empty value is as good as none.
#[derive(Debug, Default)]
pub struct Params(HashMap<String, String>);

impl Params {
    pub fn parse(query: &str) -> Self {
        let mut map = HashMap::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            map.entry(key.into_owned()).or_insert_with(|| value.into_owned());
        }
        Params(map)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Present, even if empty: `after=` asks for the first page by cursor.
    pub fn raw(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// A filter by id. Anything but a positive integer is a field error.
    pub fn id(&self, key: &str) -> ApiResult<Option<i64>> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        match text.trim().parse::<i64>() {
            Ok(id) if id > 0 => Ok(Some(id)),
            _ => Err(ApiError::field(&[key], "Not a positive integer.")),
        }
    }

    /// A filter by text that goes to the database as it is.
    pub fn text(&self, key: &str, max: usize) -> ApiResult<Option<String>> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        if text.chars().count() > max || text.chars().any(char::is_control) {
            return Err(ApiError::field(
                &[key],
                format!("At most {max} characters, no control characters."),
            ));
        }
        Ok(Some(text.to_owned()))
    }

    /// A filter whose values are fixed.
    pub fn choice(&self, key: &str, choices: &[&str]) -> ApiResult<Option<String>> {
        match self.get(key) {
            None => Ok(None),
            Some(text) if choices.contains(&text) => Ok(Some(text.to_owned())),
            Some(_) => Err(ApiError::field(
                &[key],
                format!("Must be one of: {}.", choices.join(", ")),
            )),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Params::parse(parts.uri.query().unwrap_or("")))
    }
}

/// The id in a path. Anything but a positive integer becomes 0, which no row has: so it is the same 404 as an unknown
/// id, and comes in the documented order, after the checks of session, role and body.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub i64);

/// Two ids in a path: the object and its part.
#[derive(Debug, Clone, Copy)]
pub struct Ids(pub i64, pub i64);

fn to_id(text: &str) -> i64 {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().unwrap_or(0) } else { 0 }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Id(to_id(&text))),
            Err(_) => Err(ApiError::not_found("There is nothing at this address.").into_response()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::<(String, String)>::from_request_parts(parts, state).await {
            Ok(Path((first, second))) => Ok(Ids(to_id(&first), to_id(&second))),
            Err(_) => Err(ApiError::not_found("There is nothing at this address.").into_response()),
        }
    }
}
