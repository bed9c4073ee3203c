//! Misuse raises, with a SQLSTATE that callers can tell apart; business outcomes are rows, never errors.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode, function_name};

pub fn raise(code: PgSqlErrorCode, message: impl Into<String>) -> ! {
    ErrorReport::new(code, message.into(), function_name!()).report(PgLogLevel::ERROR);
    unreachable!("an error report does not return")
}

/// 22023: an argument that no caller in its right mind sends.
pub fn invalid(message: impl Into<String>) -> ! {
    raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}

/// P0002: an id that names nothing.
pub fn unknown(message: impl Into<String>) -> ! {
    raise(PgSqlErrorCode::ERRCODE_NO_DATA_FOUND, message)
}
