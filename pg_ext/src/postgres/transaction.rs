//! The transaction that a call function runs in: its isolation level, its times, and whether it may write. Times are
//! PostgreSQL's microseconds.

use std::ffi::CStr;

use pgrx::{PgSqlErrorCode, pg_sys};

use crate::postgres::error::raise;

/// Rows are re-checked on their newest version only under READ COMMITTED; above it, two callers for one slot would
/// get serialization failures instead of answers.
pub fn require_read_committed(function: &str) {
    // SAFETY: reading a backend-local integer.
    let level = unsafe { pg_sys::XactIsoLevel };
    if level > pg_sys::XACT_READ_COMMITTED as i32 {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_TRANSACTION_STATE,
            format!("{function} needs the isolation level READ COMMITTED"),
        );
    }
}

/// Whether the transaction sees all at its first snapshot, whatever is changed since.
pub fn has_one_snapshot() -> bool {
    // SAFETY: reads a variable of this backend.
    unsafe { pg_sys::XactIsoLevel > pg_sys::XACT_READ_COMMITTED as i32 }
}

/// What the executor asks, which is not there.
pub fn refuse_read_only(command: &CStr) {
    // SAFETY: a variable of this backend; raises where nothing may be written.
    unsafe {
        if pg_sys::XactReadOnly {
            pg_sys::PreventCommandIfReadOnly(command.as_ptr());
        }
    }
}

/// The clock's, not the transaction's, in PostgreSQL's microseconds.
pub fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// When the current transaction began: SQL's `now()`.
pub fn began() -> i64 {
    // SAFETY: reads the start of the current transaction.
    unsafe { pg_sys::GetCurrentTransactionStartTimestamp() }
}

/// Its number, epoch included: SQL's `pg_current_xact_id()`.
pub fn full_id() -> i64 {
    // SAFETY: numbers the current transaction if it has no number yet.
    unsafe { pg_sys::GetTopFullTransactionId().value.cast_signed() }
}

/// PostgreSQL counts microseconds from the year 2000, Asterisk seconds from 1970. What lies beyond PostgreSQL's calendar is infinite.
pub fn of_unix_seconds(seconds: i64) -> i64 {
    const EPOCHS_APART: i64 = 946_684_800;
    const MIN_TIMESTAMP: i64 = -211_813_488_000_000_000;
    const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
    let micros = seconds.saturating_sub(EPOCHS_APART).saturating_mul(1_000_000);
    if micros < MIN_TIMESTAMP {
        i64::MIN
    } else if micros < END_TIMESTAMP {
        micros
    } else {
        i64::MAX
    }
}
