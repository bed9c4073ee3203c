//! Advisory locks, savepoints and the isolation level that the protocol rests on.

use std::ffi::c_void;

use pgrx::{PgSqlErrorCode, direct_function_call, pg_sys};

use crate::postgres::error::raise;
use crate::postgres::insert::refuse_read_only;
use crate::postgres::lookup::WRITING;
use crate::postgres::{access, search_path};

/// The two-integer key space of campaigns; calls use the one-bigint space, so they never meet.
const CAMPAIGN_SPACE: i32 = 0x_0CA9;

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

// SAFETY: exported by every PostgreSQL server since 13; pure, raises nothing.
unsafe extern "C" {
    fn hash_bytes_extended(bytes: *const u8, length: i32, seed: u64) -> u64;
}

/// Every function that works on calls locks `live_calls` before any other table: most look there first anyway, the others
/// begin with this. So whoever holds it against readers too finds none of them at work in the others, and closes no circle.
pub fn enter_live_calls() {
    refuse_read_only(c"UPDATE");
    access::enter(c"live_calls", WRITING);
}

/// Everything about one call happens one after the other, until the end of the transaction.
pub fn lock_call(uniqueid: &str) {
    // SAFETY: hashing a valid slice; the lock function takes one int8 and returns void.
    unsafe {
        let key = hash_bytes_extended(uniqueid.as_ptr(), uniqueid.len() as i32, 0) as i64;
        direct_function_call::<()>(
            pg_sys::pg_advisory_xact_lock_int8,
            &[Some(pg_sys::Datum::from(key))],
        );
    }
}

/// Turns of a round robin are taken one after the other.
pub fn lock_campaign(campaign_id: i64) {
    // Two campaigns that share 32 bits share a lock: slower, never wrong.
    let key = campaign_id as i32;
    // SAFETY: the lock function takes two int4 and returns void.
    unsafe {
        direct_function_call::<()>(
            pg_sys::pg_advisory_xact_lock_int4,
            &[
                Some(pg_sys::Datum::from(CAMPAIGN_SPACE)),
                Some(pg_sys::Datum::from(key)),
            ],
        );
    }
}

/// A subtransaction: rolling it back also gives back the row locks taken since. An error rolls it back too, on its way
/// out: PostgreSQL's own abort ends only the innermost subtransaction, and would leave the session in a failed
/// transaction that it never began, its locks held.
#[must_use]
pub struct Savepoint {
    context: pg_sys::MemoryContext,
    owner: *mut c_void,
    open: bool,
}

impl Savepoint {
    pub fn begin() -> Self {
        search_path::pin();
        Savepoint::begin_plain()
    }

    /// For what finds nothing by a name: see `search_path::pin`.
    pub fn begin_plain() -> Self {
        // SAFETY: the pattern of PL/pgSQL's exception blocks: context and owner are put back afterwards.
        unsafe {
            let context = pg_sys::CurrentMemoryContext;
            let owner = pg_sys::CurrentResourceOwner.cast();
            pg_sys::BeginInternalSubTransaction(std::ptr::null());
            pg_sys::MemoryContextSwitchTo(context);
            Savepoint {
                context,
                owner,
                open: true,
            }
        }
    }

    pub fn release(mut self) {
        // SAFETY: see begin.
        unsafe { pg_sys::ReleaseCurrentSubTransaction() };
        self.open = false;
    }

    pub fn rollback(self) {
        drop(self);
    }
}

impl Drop for Savepoint {
    fn drop(&mut self) {
        // SAFETY: see begin. Both were current when the subtransaction began, and it has ended.
        unsafe {
            if self.open {
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
            pg_sys::MemoryContextSwitchTo(self.context);
            pg_sys::CurrentResourceOwner = self.owner.cast();
        }
    }
}
