//! The one error type of the service, and its one body: application/problem+json with a stable `code` and a `message`.
//! A handler returns it; the outermost layer (`surround::render`) writes it, because only that layer knows the request id.

pub mod fault;
pub mod postgres;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use fault::Fault;

pub type ApiResult<T> = Result<T, ApiError>;

/// Boxed: an error is rare, and a `Result` should stay as small as its success.
#[derive(Debug, Clone)]
pub struct ApiError(pub Box<Problem>);

#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    /// Field errors by JSON key.
    pub errors: Option<Map<String, Value>>,
    pub retry_after_seconds: Option<u64>,
    /// The object as it is now, where a write was made for an earlier version, and its entity tag.
    pub present: Option<Value>,
    pub etag: Option<String>,
    /// Further members of the body, of this one `code`.
    pub members: Map<String, Value>,
    /// For the log only; never in an answer.
    pub cause: Option<String>,
    /// The constraint that the database named, for handlers that know a better text.
    pub constraint: Option<String>,
    /// Whose fault it was that the database refused a statement.
    pub fault: Option<Fault>,
    /// The connection remembered a schema that is no more, and nothing was done.
    pub stale: bool,
    /// log_call's contract: plain JSON with a textual status instead of a problem document.
    pub plain: bool,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError(Box::new(Problem {
            status,
            code,
            message: message.into(),
            errors: None,
            retry_after_seconds: None,
            present: None,
            etag: None,
            members: Map::new(),
            cause: None,
            constraint: None,
            fault: None,
            stale: false,
            plain: false,
        }))
    }

    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn fields(errors: Map<String, Value>) -> Self {
        let mut error = Self::bad_request("validation_failed", "Some fields are not valid.");
        error.0.errors = Some(errors);
        error
    }

    /// One faulty field, by its path of JSON keys; the text is the message as well.
    pub fn field(path: &[&str], text: impl Into<String>) -> Self {
        let text = text.into();
        let (last, outer) = path.split_last().unwrap_or((&"body", &[]));
        let mut errors = Map::from_iter([((*last).to_owned(), json!([text]))]);
        for key in outer.iter().rev() {
            errors = Map::from_iter([((*key).to_owned(), Value::Object(errors))]);
        }
        let mut error = Self::fields(errors);
        error.0.message = text;
        error
    }

    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Authentication required. Log in, or send a valid token.",
        )
    }

    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub fn unavailable(code: &'static str, message: impl Into<String>, cause: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
        error.0.retry_after_seconds = Some(2);
        error.0.cause = Some(cause.into());
        error
    }

    pub fn internal(cause: impl Into<String>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "The request failed inside the service. Tell the operator the request id.",
        );
        error.0.cause = Some(cause.into());
        error
    }

    /// One more member of the body.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// For a switch, which must not take a trouble of ours for a fault of its call: it is to try again.
    pub fn or_try_again(self) -> Self {
        if !matches!(self.0.fault, Some(Fault::Ours | Fault::Unread))
            || self.0.status == StatusCode::SERVICE_UNAVAILABLE
        {
            return self;
        }
        let problem = *self.0;
        let words = [Some(problem.message), problem.constraint].map(Option::unwrap_or_default);
        Self::unavailable(
            "try_again",
            "The platform cannot take this now. Keep it, and try again.",
            problem.cause.unwrap_or_else(|| words.join(" ")),
        )
    }

    /// A unique or check constraint that the caller knows a text for turns into that conflict.
    pub fn or_conflict(self, constraint: &str, code: &'static str, message: impl FnOnce() -> String) -> Self {
        if self.0.constraint.as_deref() == Some(constraint) {
            Self::conflict(code, message())
        } else {
            self
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl Problem {
    /// The body and its headers, once the request id is known.
    pub fn render(&self, request_id: &str) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut body = if self.plain {
            json!({"status": "error", "code": self.code, "message": self.message})
        } else {
            json!({
                "type": "about:blank",
                "title": title,
                "status": self.status.as_u16(),
                "code": self.code,
                "message": self.message,
            })
        };
        if let Some(errors) = &self.errors {
            body["errors"] = Value::Object(errors.clone());
        }
        if let Some(present) = &self.present {
            body["present"] = present.clone();
        }
        for (name, value) in &self.members {
            body[name] = value.clone();
        }
        if self.status.is_server_error() {
            body["requestId"] = json!(request_id);
        }
        let content_type = if self.plain {
            "application/json"
        } else {
            "application/problem+json"
        };
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(etag) = self
            .etag
            .as_deref()
            .and_then(|etag| HeaderValue::from_str(etag).ok())
        {
            headers.insert(header::ETAG, etag);
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
