//! The locks of a call, of a caller, of a campaign, and of the table that every function on calls locks first.

use pgrx::{direct_function_call, pg_sys};

use crate::postgres::access;
use crate::postgres::catalogue::WRITING;
use crate::postgres::transaction::refuse_read_only;

/// The two-integer key space of campaigns; calls use the one-bigint space, so they never meet.
const CAMPAIGN_SPACE: i32 = 0x_0CA9;
/// And of callers.
const CALLER_SPACE: i32 = 0x_0CAA;

// SAFETY: exported by every PostgreSQL server since 13; pure, raises nothing.
unsafe extern "C" {
    fn hash_bytes_extended(bytes: *const u8, length: i32, seed: u64) -> u64;
}

/// Every function that works on calls locks `live_calls` before any other table: most look there first anyway, the others
/// begin with this. So a migration that takes ACCESS EXCLUSIVE on `live_calls` first cannot deadlock with a call.
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

/// Calls of one caller, as marks have it, are reserved one after the other, where its last one matters.
pub fn lock_caller(caller: &str) {
    // SAFETY: hashing a valid slice.
    let hash = unsafe { hash_bytes_extended(caller.as_ptr(), caller.len() as i32, 0) };
    // Two callers that share 32 bits share a lock, too.
    lock_in(CALLER_SPACE, hash as i32);
}

/// Turns of a round robin are taken one after the other.
pub fn lock_campaign(campaign_id: i64) {
    // Two campaigns that share 32 bits share a lock: slower, never wrong.
    let key = campaign_id as i32;
    lock_in(CAMPAIGN_SPACE, key);
}

fn lock_in(space: i32, key: i32) {
    // SAFETY: the lock function takes two int4 and returns void.
    unsafe {
        direct_function_call::<()>(
            pg_sys::pg_advisory_xact_lock_int4,
            &[Some(pg_sys::Datum::from(space)), Some(pg_sys::Datum::from(key))],
        );
    }
}
