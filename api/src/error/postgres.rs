//! Turns a database error into an answer, by its SQLSTATE and some constraints' names. A resource that knows better what a constraint
//! means says so by `or_conflict`. The database's own words go to the log, never into an answer.

use std::time::Duration;

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::error::{DbError, SqlState};

use super::{ApiError, fault};

impl From<tokio_postgres::Error> for ApiError {
    fn from(error: tokio_postgres::Error) -> Self {
        let cause = describe(&error);
        match error.as_db_error() {
            Some(db) => from_db_error(db, cause),
            // No error of the server's own: the connection is gone, or an answer could not be read.
            None if error.is_closed() || is_io(&error) => database_down(cause),
            None => ApiError::internal(cause),
        }
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Timeout(which) => ApiError::unavailable(
                "busy",
                "The service is busy. Try again shortly.",
                format!("no database connection in time ({which:?})"),
            ),
            PoolError::Backend(error) => {
                let cause = describe(&error);
                database_down(cause)
            }
            // There is a connection, but the schema is not there yet.
            PoolError::PostCreateHook(HookError::Backend(error))
                if error.as_db_error().is_some_and(is_unprepared) =>
            {
                ApiError::unavailable(
                    "not_ready",
                    "The database is not prepared for this service: run `capconduit migrate`.",
                    describe(&error),
                )
            }
            other => database_down(other.to_string()),
        }
    }
}

fn database_down(cause: String) -> ApiError {
    ApiError::unavailable(
        "database_unavailable",
        "The database cannot be reached. Try again shortly.",
        cause,
    )
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    false
}

/// One line for the log: code, text, constraint. Never parameters or DETAIL, which hold callers' data.
pub fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!(
            "{} {}{}",
            db.code().code(),
            db.message(),
            db.constraint()
                .map(|c| format!(" (constraint {c})"))
                .unwrap_or_default()
        ),
        None => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(inner) = source {
                text = format!("{text}: {inner}");
                source = inner.source();
            }
            text
        }
    }
}

fn from_db_error(db: &DbError, cause: String) -> ApiError {
    let mut error = match db.code() {
        code if *code == SqlState::UNIQUE_VIOLATION => {
            ApiError::conflict("already_exists", "Something with the same name exists already.")
        }
        code if *code == SqlState::FOREIGN_KEY_VIOLATION => ApiError::conflict(
            "in_use",
            "The object is in use, or something that it refers to is gone.",
        ),
        code if *code == SqlState::RESTRICT_VIOLATION && db.constraint() == Some("caps_of_platform") => {
            ApiError::conflict(
                "capped_by_platform",
                "The platform has set caps there: staff must take them away first.",
            )
        }
        code if *code == SqlState::RESTRICT_VIOLATION && db.constraint() == Some("pause_of_platform") => {
            ApiError::conflict(
                "paused_by_platform",
                "The platform has paused it: staff must lift that first.",
            )
        }
        code if *code == SqlState::RESTRICT_VIOLATION => ApiError::conflict(
            "calls_in_flight",
            "Calls are in flight there. Let them end, then try again.",
        ),
        code if *code == SqlState::CHECK_VIOLATION || *code == SqlState::NOT_NULL_VIOLATION => field_of(db)
            .map_or_else(
                || ApiError::bad_request("not_valid", "The values contradict a rule of the platform."),
                |key| {
                    ApiError::field(
                        &[&key],
                        said_of_field(db).unwrap_or_else(|| "Not a valid value.".to_owned()),
                    )
                },
            ),
        // Raised by the platform's own functions, whose messages are written for callers.
        code if *code == SqlState::INVALID_PARAMETER_VALUE => {
            ApiError::bad_request("not_valid", db.message())
        }
        code if *code == SqlState::NO_DATA_FOUND => ApiError::not_found(db.message()),
        code if is_bad_value(code) => {
            ApiError::bad_request("not_valid", "A value cannot be stored as it was sent.")
        }
        code if is_contention(code) => ApiError::unavailable(
            "try_again",
            "Somebody else is changing the same thing. Try again shortly.",
            cause.clone(),
        ),
        code if *code == SqlState::QUERY_CANCELED => ApiError::unavailable(
            "too_slow",
            "The request took too long. Ask for less: a shorter range, or pages by `after`.",
            cause.clone(),
        ),
        code if is_outage(code) => database_down(cause.clone()),
        _ if is_changed(db) => ApiError::unavailable(
            "try_again",
            "The database was changed in this moment. Try again.",
            cause.clone(),
        ),
        _ => ApiError::internal(cause.clone()),
    };
    error.0.constraint = db.constraint().map(str::to_owned);
    error.0.fault = Some(fault::fault(db));
    error
}

/// What an error says about the connection on which it was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Connection {
    Good,
    /// It may remember a schema that is no more. Or a trigger that somebody added names something that does not exist.
    Doubtful,
    /// It is of no use, and neither are the others of its age: the server cannot write any more, or what is prepared is gone.
    Useless,
}

pub fn connection(error: &tokio_postgres::Error, age: Duration) -> Connection {
    match error.as_db_error() {
        Some(db) if is_changed(db) || *db.code() == SqlState::READ_ONLY_SQL_TRANSACTION => {
            Connection::Useless
        }
        Some(db) if fault::is_missing(db.code().code()) && age > YOUNG => Connection::Doubtful,
        _ => Connection::Good,
    }
}

/// Whether the same statement may well succeed on another connection.
pub fn is_stale(error: &tokio_postgres::Error, age: Duration) -> bool {
    match error.as_db_error() {
        Some(db) => is_changed(db) || connection(error, age) == Connection::Doubtful,
        None => false,
    }
}

/// A younger connection has seen the schema as it is. Too low: a statement that can never succeed closes connections that were
/// made a moment ago. Too high: connections that remember the schema of before are used on.
const YOUNG: Duration = Duration::from_secs(2);

/// Missing, or no right to use it yet: `migrate` grants rights last.
fn is_unprepared(db: &DbError) -> bool {
    fault::is_missing(db.code().code()) || *db.code() == SqlState::INSUFFICIENT_PRIVILEGE
}

/// A prepared statement is gone, or its result has other types than when it was prepared.
fn is_changed(db: &DbError) -> bool {
    match db.code().code() {
        "26000" => true,
        "0A000" => db.message().contains("cached plan must not change result type"),
        _ => false,
    }
}

/// Text with NUL or broken encoding, numbers and dates out of range, unknown time zones.
fn is_bad_value(code: &SqlState) -> bool {
    code.code().starts_with("22")
}

fn is_contention(code: &SqlState) -> bool {
    [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(code)
}

/// Connection trouble (08), resources (53), operator intervention (57P), a standby that cannot write.
/// 25P03: this process, or the server, stood still in the middle of a write.
fn is_outage(code: &SqlState) -> bool {
    let code = code.code();
    code.starts_with("08")
        || code.starts_with("53")
        || code.starts_with("57P")
        || ["25006", "25P03"].contains(&code)
}

/// What a trigger of the platform's says of the column that it names: `overflow: what is wrong`.
fn said_of_field(db: &DbError) -> Option<String> {
    let said = db.message().strip_prefix(db.column()?)?.strip_prefix(": ")?;
    Some(format!("{said}."))
}

/// `campaigns_dial_timeout_seconds_check` names the table and the column: the JSON key is dialTimeoutSeconds.
fn field_of(db: &DbError) -> Option<String> {
    let column = match db.column() {
        Some(column) => column,
        None => db
            .constraint()?
            .strip_suffix("_check")?
            .strip_prefix(db.table()?)?
            .strip_prefix('_')?,
    };
    let mut key = String::new();
    let mut upper = false;
    for c in column.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                key.extend(c.to_uppercase());
                upper = false;
            }
            c => key.push(c),
        }
    }
    Some(key)
}
