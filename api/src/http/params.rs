//! What stands in the address: query parameters and path ids.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, MatchedPath, Path};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::text::composed;
use crate::error::{ApiError, ApiResult};

/// Which query parameters each operation knows: those that its description names. Any other is refused, and so is one that is
/// given twice: a filter that does not exist must not return everything. Names that begin with `_` are for caches and
/// trackers, and are ignored.
#[derive(Debug, Default)]
pub struct KnownParams(HashMap<(Method, String), HashSet<String>>);

/// Longer names are cut where an answer shows them.
const SHOWN: usize = 64;

impl KnownParams {
    pub fn of(description: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &description.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::PUT, &item.put),
                (Method::POST, &item.post),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    known.insert((method, path.clone()), query_names(operation));
                }
            }
        }
        KnownParams(known)
    }

    pub fn check(&self, parts: &Parts) -> ApiResult<()> {
        let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) else {
            return Ok(());
        };
        let path = parts
            .extensions
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        // Whoever answers GET answers HEAD.
        let method = if parts.method == Method::HEAD {
            Method::GET
        } else {
            parts.method.clone()
        };
        self.check_names(method, path, query)
    }

    /// As if the query had been sent to that address.
    pub fn check_names(&self, method: Method, path: &str, query: &str) -> ApiResult<()> {
        let known = self.0.get(&(method, path.to_owned()));
        let mut seen = HashSet::new();
        let mut errors = Map::new();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            if name.starts_with('_') {
                continue;
            }
            let fault = if !known.is_some_and(|known| known.contains(&*name)) {
                "Unknown query parameter."
            } else if !seen.insert(name.clone()) {
                "Given more than once."
            } else {
                continue;
            };
            let shown: String = name.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
            errors.insert(shown, json!([fault]));
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(refused(errors))
        }
    }
}

fn refused(errors: Map<String, Value>) -> ApiError {
    let names: Vec<&str> = errors.keys().map(String::as_str).collect();
    let message = format!("Query parameters that cannot be used here: {}.", names.join(", "));
    let mut error = ApiError::fields(errors);
    error.0.message = message;
    error
}

fn query_names(operation: &Operation) -> HashSet<String> {
    let parameters = operation.parameters.iter().flatten();
    parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => {
                Some(parameter.name.clone())
            }
            _ => None,
        })
        .collect()
}

/// The query parameters. A filter that is given must hold something: `campaign_id=$ID` with nothing in it must not return
/// everything.
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

    /// The same with another value of one.
    pub fn with(&self, key: &str, value: String) -> Self {
        let mut map = self.0.clone();
        map.insert(key.to_owned(), value);
        Params(map)
    }

    /// One that is none of these. Names that begin with `_` are ignored.
    pub fn beside(&self, names: &[&str]) -> Option<&str> {
        let mut given = self.0.keys().map(String::as_str);
        given.find(|name| !name.starts_with('_') && !names.contains(name))
    }

    /// Present, even if empty: `after=` asks for the first page by cursor.
    pub fn raw(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// None when it is not given; an error when it is blank.
    pub fn given(&self, key: &str) -> ApiResult<Option<&str>> {
        match self.raw(key) {
            Some(text) if text.trim().is_empty() => Err(ApiError::field(&[key], "Must not be empty.")),
            text => Ok(text),
        }
    }

    /// A filter by id. Anything but a positive integer is a field error.
    pub fn id(&self, key: &str) -> ApiResult<Option<i64>> {
        let Some(text) = self.given(key)? else {
            return Ok(None);
        };
        match text.trim().parse::<i64>() {
            Ok(id) if id > 0 => Ok(Some(id)),
            _ => Err(ApiError::field(&[key], "Not a positive integer.")),
        }
    }

    /// A count of seconds.
    pub fn seconds(&self, key: &str) -> ApiResult<Option<i32>> {
        match self.given(key)?.map(|text| text.trim().parse::<i32>()) {
            None => Ok(None),
            Some(Ok(seconds)) if seconds >= 0 => Ok(Some(seconds)),
            Some(_) => Err(ApiError::field(&[key], "Must be an integer of at least 0.")),
        }
    }

    /// A whole number between two bounds.
    pub fn whole(&self, key: &str, range: RangeInclusive<i32>) -> ApiResult<Option<i32>> {
        match self.given(key)?.map(|text| text.trim().parse::<i32>()) {
            None => Ok(None),
            Some(Ok(number)) if range.contains(&number) => Ok(Some(number)),
            Some(_) => {
                let text = format!("Must be an integer from {} to {}.", range.start(), range.end());
                Err(ApiError::field(&[key], text))
            }
        }
    }

    /// A filter by text that goes to the database as it is.
    pub fn text(&self, key: &str, max: usize) -> ApiResult<Option<String>> {
        self.given(key)?;
        self.raw_text(key, max)
    }

    /// The same, even if it is blank.
    pub fn raw_text(&self, key: &str, max: usize) -> ApiResult<Option<String>> {
        let Some(text) = self.raw(key) else {
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

    /// A filter by a name that people give, or by its start: composed, as such names are stored.
    pub fn title(&self, key: &str, max: usize) -> ApiResult<Option<String>> {
        Ok(self.text(key, max)?.map(|text| composed(&text)))
    }

    /// A filter by a phone number or its first digits, as E.164 writes it. The plus may be missing: where it was not escaped
    /// it arrives as a blank. A plus alone is as good as empty.
    pub fn number(&self, key: &str) -> ApiResult<Option<String>> {
        let number = self
            .text(key, 50)?
            .map(|text| format!("+{}", text.trim().trim_start_matches('+')));
        match number.as_deref() {
            Some("+") => Err(ApiError::field(&[key], "Must not be empty.")),
            _ => Ok(number),
        }
    }

    /// A filter that is on or off.
    pub fn flag(&self, key: &str) -> ApiResult<Option<bool>> {
        let flag = self.choice(key, &["true", "false"])?;
        Ok(flag.map(|flag| flag == "true"))
    }

    /// A filter whose values are fixed; an empty one is not among them.
    pub fn choice(&self, key: &str, choices: &[&str]) -> ApiResult<Option<String>> {
        match self.raw(key) {
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

/// As of `Id`.
pub fn to_id(text: &str) -> i64 {
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
