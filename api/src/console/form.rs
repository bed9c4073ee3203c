//! Forms: their fields, how what was sent becomes a JSON object for the API's own rules, and faults beside the fields.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::bar;
use super::frame::{Frame, page_with, see_other};
use crate::access::secret;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::body::read_up_to;
use crate::http::fields::{Fields, Input};
use crate::http::once::{Answer, Once};
use crate::http::version::IfMatch;
use crate::store::identity::Identity;
use crate::store::tx::Tx;

const VERSION: &str = "_version";
const KEY: &str = "_key";

/// Lists are pasted, and a sign may take three bytes. Lower than an import of the API: a form is held as a whole, several times.
const MAX_FORM_BYTES: usize = 1024 * 1024;

/// A form as it was sent.
#[derive(Debug)]
pub struct Sent {
    values: HashMap<String, String>,
    target: String,
    bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let kind = parts
            .headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], |kind| kind.as_bytes());
        if !kind.starts_with(b"application/x-www-form-urlencoded") {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "A form is expected.",
            ));
        }
        let bytes = read_up_to(body, MAX_FORM_BYTES).await?;
        Ok(Sent {
            values: form_urlencoded::parse(&bytes).into_owned().collect(),
            target: parts.uri.path().to_owned(),
            bytes,
        })
    }
}

impl Sent {
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The version that the form was filled in for.
    pub fn if_match(&self) -> IfMatch {
        IfMatch::version(self.text(VERSION))
    }

    /// What `work` does, in a transaction of its own and once, however often a browser sends the same form. `work` says where it leads.
    async fn once(
        &self,
        app: &AppState,
        by: &Identity,
        work: impl AsyncFnOnce(&Tx) -> ApiResult<String>,
    ) -> ApiResult<String> {
        let once = Once::of_form(self.text(KEY), &self.target, &self.bytes);
        let work = async |tx: &Tx| Answer::done(&work(tx).await?);
        once.run(&app.store, by, work).await?.says()
    }
}

#[derive(Debug, Clone)]
pub enum Kind {
    Text,
    Lines,
    /// Lines that may come from a file.
    Csv,
    Secret,
    /// One that no browser fills in by itself.
    NewSecret,
    Number,
    /// A number of calls: 0 is closed.
    Limit,
    /// Values and their names; numbers go as numbers.
    Choice(Vec<(String, String)>),
    /// A value that people write as lines: how it is read, and how it is written.
    Written(fn(&str) -> Result<Value, String>, fn(&Value) -> String),
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub help: &'static str,
    /// Left empty it is null.
    pub optional: bool,
    pub value: String,
    pub error: String,
    /// What another has saved meanwhile.
    pub present: String,
}

impl Field {
    pub fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Field {
            name,
            label,
            kind,
            help: "",
            optional: false,
            value: String::new(),
            error: String::new(),
            present: String::new(),
        }
    }

    pub fn choice(name: &'static str, label: &'static str, choices: &[&str]) -> Self {
        let choices = choices
            .iter()
            .map(|choice| ((*choice).to_owned(), choice.replace('_', " ")));
        Self::new(name, label, Kind::Choice(choices.collect()))
    }

    /// Values with names of their own.
    pub fn named(
        name: &'static str,
        label: &'static str,
        choices: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        let choices = choices
            .into_iter()
            .map(|(value, name)| (value.to_owned(), name.to_owned()));
        Self::new(name, label, Kind::Choice(choices.collect()))
    }

    pub fn help(self, help: &'static str) -> Self {
        Field { help, ..self }
    }

    pub fn value(self, value: impl ToString) -> Self {
        Field {
            value: value.to_string(),
            ..self
        }
    }

    pub fn maybe(self, value: Option<impl ToString>) -> Self {
        Field {
            value: value.map(|value| value.to_string()).unwrap_or_default(),
            optional: true,
            ..self
        }
    }

    /// The lines of a value.
    pub fn written(mut self, value: &Value) -> Self {
        if let Kind::Written(_, write) = self.kind {
            self.value = write(value);
        }
        self
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::NewSecret)
    }

    pub fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number | Kind::Limit)
    }

    /// What a browser may fill in.
    pub fn autocomplete(&self) -> &'static str {
        match (&self.kind, self.name) {
            (Kind::Secret, _) => "current-password",
            (Kind::NewSecret, _) => "new-password",
            (_, "username") => "username",
            (_, "code") => "one-time-code",
            _ => "off",
        }
    }

    pub fn input_type(&self) -> &'static str {
        if self.is_secret() { "password" } else { "text" }
    }

    /// None: as if the field had not been sent, so that the API's rule says that it is required.
    fn json(&self) -> Result<Option<Value>, String> {
        if let Kind::Written(read, _) = self.kind {
            return read(&self.value).map(Some);
        }
        let text = if self.is_secret() {
            &self.value
        } else {
            self.value.trim()
        };
        let is_number = match &self.kind {
            Kind::Number | Kind::Limit => true,
            Kind::Choice(choices) => choices
                .iter()
                .all(|(value, _)| value.is_empty() || value.parse::<i64>().is_ok()),
            _ => false,
        };
        Ok(match (text.is_empty(), self.optional) {
            (true, true) => Some(Value::Null),
            (true, false) => None,
            _ if is_number => Some(text.parse::<i64>().map_or_else(|_| text.into(), Value::from)),
            // As it was sent: passwords may begin with a blank.
            _ => Some(self.value.replace("\r\n", "\n").into()),
        })
    }

    /// A value of the object as it is now, as people read it.
    fn says(&self, value: &Value) -> String {
        let text = match value {
            Value::Null => match &self.kind {
                Kind::Choice(_) => String::new(),
                _ => return "empty".into(),
            },
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match &self.kind {
            Kind::Limit if text == "0" => bar::CLOSED.into(),
            Kind::Written(_, write) => write(value).trim().replace('\n', "; "),
            Kind::Choice(choices) => {
                let choice = choices.iter().find(|(value, _)| *value == text);
                choice.map_or(text, |(_, name)| name.clone())
            }
            _ => text,
        }
    }
}

/// As many faulty lines as one field tells.
const TOLD: usize = 5;

/// What is wrong with a field, at whatever depth the API has it: a text, or texts by line.
pub fn fault_of(errors: &Value, name: &str) -> Option<String> {
    let errors = errors.as_object()?;
    match errors.get(name) {
        Some(Value::Object(lines)) => {
            let mut lines: Vec<(u64, &str)> = lines
                .iter()
                .filter_map(|(line, texts)| Some((line.parse().ok()?, texts.get(0)?.as_str()?)))
                .collect();
            lines.sort_unstable();
            let told = lines.iter().take(TOLD);
            let told: Vec<String> = told.map(|(line, text)| format!("Line {line}: {text}")).collect();
            Some(told.join(" "))
        }
        Some(texts) => texts.get(0)?.as_str().map(str::to_owned),
        None => errors.values().find_map(|inner| fault_of(inner, name)),
    }
}

#[derive(Debug, Template)]
#[template(path = "form.html")]
pub struct Form {
    pub frame: Frame,
    pub title: String,
    /// What will happen.
    pub intro: String,
    pub back: String,
    pub submit: &'static str,
    pub is_danger: bool,
    pub fields: Vec<Field>,
    /// Whose password it is, for the browser that keeps passwords. Nobody reads it when it is sent.
    pub account: String,
    /// What the page's address says already.
    known: Map<String, Value>,
    pub message: String,
    pub version: String,
    pub key: String,
}

impl Form {
    pub fn new(
        frame: Frame,
        title: impl Into<String>,
        back: impl Into<String>,
        submit: &'static str,
    ) -> ApiResult<Self> {
        Ok(Form {
            frame,
            title: title.into(),
            intro: String::new(),
            back: back.into(),
            submit,
            is_danger: false,
            fields: Vec::new(),
            account: String::new(),
            known: Map::new(),
            message: String::new(),
            version: String::new(),
            key: secret::random().map_err(|error| ApiError::internal(error.to_string()))?,
        })
    }

    pub fn intro(self, intro: impl Into<String>) -> Self {
        Form {
            intro: intro.into(),
            ..self
        }
    }

    pub fn danger(self) -> Self {
        Form {
            is_danger: true,
            ..self
        }
    }

    pub fn version(self, version: impl ToString) -> Self {
        Form {
            version: version.to_string(),
            ..self
        }
    }

    pub fn account(self, account: impl Into<String>) -> Self {
        Form {
            account: account.into(),
            ..self
        }
    }

    pub fn known(mut self, name: &str, value: Value) -> Self {
        self.known.insert(name.to_owned(), value);
        self
    }

    pub fn fields(self, fields: Vec<Field>) -> Self {
        Form { fields, ..self }
    }

    pub fn show(&self) -> ApiResult<Response> {
        page_with(StatusCode::OK, self)
    }

    /// By the rules of the API for the same fields.
    pub fn parse<T: Input>(&mut self, sent: &Sent) -> ApiResult<T> {
        let (mut map, mut errors) = (self.known.clone(), Map::new());
        for field in &mut self.fields {
            field.value = sent.text(field.name).to_owned();
            match field.json() {
                Ok(value) => map.extend(value.map(|value| (field.name.to_owned(), value))),
                Err(fault) => {
                    errors.insert(field.name.to_owned(), json!([fault]));
                }
            }
        }
        if !errors.is_empty() {
            return Err(ApiError::fields(errors));
        }
        Fields::parse(&map, T::UNKNOWN)
    }

    /// What `work` makes of the fields.
    pub async fn save<T: Input>(
        mut self,
        app: &AppState,
        by: &Identity,
        sent: &Sent,
        work: impl AsyncFnOnce(&Tx, T) -> ApiResult<String>,
    ) -> ApiResult<Response> {
        let done = match self.parse::<T>(sent) {
            Ok(given) => sent.once(app, by, async |tx| work(tx, given).await).await,
            Err(error) => Err(error),
        };
        self.answer(done)
    }

    /// The same of a form without fields, which asks whether to go on.
    pub async fn go_on(
        self,
        app: &AppState,
        by: &Identity,
        sent: &Sent,
        work: impl AsyncFnOnce(&Tx) -> ApiResult<String>,
    ) -> ApiResult<Response> {
        self.answer(sent.once(app, by, work).await)
    }

    /// On to where it leads; or the same form once more, with what was typed and what is wrong with it.
    pub fn answer(mut self, done: ApiResult<String>) -> ApiResult<Response> {
        let problem = match done {
            Ok(target) => return see_other(&target),
            Err(error) => error.0,
        };
        // Whoever typed them may type others.
        let is_typed = [
            "wrong_login",
            "wrong_password",
            "wrong_code",
            "account_inactive",
            "throttled",
        ]
        .contains(&problem.code);
        if !is_typed && !matches!(problem.status.as_u16(), 400 | 409 | 412 | 422) {
            return Err(ApiError(problem));
        }
        for field in &mut self.fields {
            let errors = problem.errors.as_ref();
            field.error = errors
                .and_then(|errors| fault_of(&Value::Object(errors.clone()), field.name))
                .unwrap_or_default();
            let present = problem.present.as_ref().and_then(|object| object.get(field.name));
            field.present = present.map(|value| field.says(value)).unwrap_or_default();
        }
        self.message = if problem.present.is_some() {
            "Somebody has saved another version meanwhile. Beside each field is what is saved now; sending this form again \
             saves yours."
                .into()
        } else if problem.code == "key_reused" {
            "This form was sent already, with other values, and those are saved. Sending it again saves these.".into()
        } else {
            problem.message.clone()
        };
        if let Some(tag) = &problem.etag {
            self.version = tag.trim_matches('"').to_owned();
        }
        page_with(problem.status, &self)
    }
}
