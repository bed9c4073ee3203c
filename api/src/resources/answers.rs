//! Answers that many routes share, for the API description: the error body and the sets of statuses.

use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoResponses, ToSchema};

/// What every error looks like (RFC 9457). `code` is stable, `message` is for people.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what Problem::render writes")]
pub struct ProblemBody {
    #[schema(example = "about:blank")]
    r#type: String,
    #[schema(example = "Bad Request")]
    title: String,
    #[schema(example = 400)]
    status: u16,
    #[schema(example = "validation_failed")]
    code: String,
    #[schema(example = "Some fields are not valid.")]
    message: String,
    /// Field errors by JSON key; nested for nested objects.
    #[schema(example = json!({"name": ["This field is required."]}), required = false)]
    errors: Option<Value>,
    /// For 412: the object as it is now, whose version the write was not made for.
    #[schema(required = false, nullable = false)]
    present: Option<Value>,
    /// For number_taken: whether the number is one's own.
    #[schema(required = false, nullable = false)]
    own: Option<bool>,
    /// For number_taken: the own number's id.
    #[schema(required = false, nullable = false)]
    id: Option<i64>,
    /// For 5xx: what to tell the operator.
    #[schema(required = false, nullable = false)]
    request_id: Option<String>,
}

/// A success that has nothing to show but a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    pub message: String,
}

impl Message {
    pub fn new(message: impl Into<String>) -> Self {
        Message {
            message: message.into(),
        }
    }
}

macro_rules! answers {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $status:literal $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, IntoResponses)]
        #[expect(dead_code, reason = "describes answers that ApiError gives")]
        pub enum $name {
            $(
                #[response(status = $status, description = $text, content_type = "application/problem+json")]
                $variant(ProblemBody),
            )+
        }
    };
}

/// What is said with a code, for the examples in the description.
pub const MESSAGES: &[(&str, &str)] = &[
    ("already_exists", "Something with the same name exists already."),
    ("already_logged", "Duplicate Asterisk Unique ID: 1764441000.17"),
    ("body_too_large", "The body is larger than 262144 bytes."),
    ("body_too_slow", "The body did not arrive in time."),
    (
        "changed_meanwhile",
        "It has been changed meanwhile; `present` is how it is now. Decide again, and send its version in If-Match.",
    ),
    (
        "database_unavailable",
        "The database cannot be reached. Try again shortly.",
    ),
    (
        "in_progress",
        "A request with this Idempotency-Key is being worked on. Repeat it later for its answer.",
    ),
    (
        "internal_error",
        "The request failed inside the service. Tell the operator the request id.",
    ),
    (
        "key_reused",
        "This Idempotency-Key was used for another request within 24 hours. Take a new one.",
    ),
    ("malformed_json", "The body is not valid JSON (line 1, column 9)."),
    ("missing_did", "Missing 'did' query parameter"),
    ("not_found", "Link with ID 7 not found."),
    (
        "not_ready",
        "The database is not prepared for this service: run `capconduit migrate`.",
    ),
    (
        "start_anew",
        "This cursor is of another database, or of a past that the database no longer has. Drop the copy, and begin with an \
         empty changed_after.",
    ),
    ("throttled", "Too many failed attempts. Try again in 30 seconds."),
    (
        "try_again",
        "The platform cannot take this now. Keep it, and try again.",
    ),
    (
        "unauthenticated",
        "Authentication required. Log in, or send a valid token.",
    ),
    (
        "unsupported_media_type",
        "Send the body as JSON, with Content-Type: application/json.",
    ),
    ("validation_failed", "Some fields are not valid."),
    ("wrong_role", "Required role(s) ['user'] not met"),
];

answers! {
    /// Every route with a session.
    Denied {
        BadQuery 400 "validation_failed: a query parameter that is unknown here, given twice or not valid",
        Unauthenticated 401 "unauthenticated: no valid session or token",
        Forbidden 403 "wrong_role: the role does not admit; cross_site; session_required and the like",
        Internal 500 "internal_error",
        Unavailable 503 "database_unavailable, busy, try_again, too_slow: see Retry-After",
    }
}

answers! {
    /// Every route with a body.
    BadBody {
        BadRequest 400 "malformed_json, empty_body, not_an_object, validation_failed, nothing_to_update",
        TooSlow 408 "body_too_slow",
        TooLarge 413 "body_too_large",
        Unsupported 415 "unsupported_media_type",
    }
}

answers! {
    /// Lists with filters.
    BadFilter { BadRequest 400 "validation_failed: a filter is not valid" }
}

answers! {
    /// Cursors of a past that may be gone.
    Gone { Gone 410 "start_anew: the cursor is of another database, or of a past that this one no longer has" }
}

answers! {
    /// Writes that honour If-Match.
    Changed { Changed 412 "changed_meanwhile: If-Match names another version; `present` is the object as it is now" }
}

answers! {
    /// POSTs that honour Idempotency-Key.
    Repeated {
        InProgress 409 "in_progress: a request with this Idempotency-Key is being worked on, see Retry-After; \
                        or a conflict with what is there",
        OtherRequest 422 "key_reused: this Idempotency-Key was used for another request",
    }
}

answers! {
    /// Objects by id.
    NotFound { NotFound 404 "not_found: unknown, or somebody else's" }
}

answers! {
    /// Writes that can collide with what is there.
    Conflict { Conflict 409 "already_exists, in_use, calls_in_flight and the like" }
}

answers! {
    /// Where passwords are checked.
    TooMany { TooMany 429 "throttled: see Retry-After" }
}
