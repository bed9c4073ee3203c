//! A bound for commits that wait for a synchronous standby. PostgreSQL's own has none: no time limit of a statement holds
//! in its commit, and whoever calls would hear nothing until the standby is back. Here a commit with a call in it
//! waits as long as the session's statement_timeout allows a statement to take. Then the connection ends without an
//! answer, as pg_terminate_backend ends it: nobody is told what no standby has, and whoever asked may ask again.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_uint, c_void};

use pgrx::pg_sys;

use crate::postgres::transaction::now;

// utils/timeout.h, the same from 15 to 18; pgrx has no bindings for it.
unsafe extern "C-unwind" {
    fn RegisterTimeout(id: c_uint, handler: unsafe extern "C" fn()) -> c_uint;
    fn enable_timeout_every(id: c_uint, first: pg_sys::TimestampTz, delay_ms: c_int);
    fn disable_timeout(id: c_uint, keep_indicator: bool);
}

/// Any number from USER_TIMEOUT on asks for a timer of one's own; which it is differs between versions.
const ONE_OF_OUR_OWN: c_uint = 1000;

thread_local! {
    /// Registered at the first use: a backend forgets those of the process that it was forked from.
    static TIMER: Cell<Option<c_uint>> = const { Cell::new(None) };
    /// Raised while the current transaction has a call in it.
    static BOUNDED: Cell<bool> = const { Cell::new(false) };
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

pub fn register() {
    // SAFETY: the callback lives as long as the backend; it is registered once, at load.
    unsafe { pg_sys::RegisterXactCallback(Some(at_transaction), std::ptr::null_mut()) };
}

/// The commit of this transaction will not wait for ever.
pub fn bound() {
    BOUNDED.set(true);
}

pub fn has_synchronous_standbys() -> bool {
    // SAFETY: reading a backend-local setting; the pointer is NULL or a C string.
    unsafe {
        let standbys = pg_sys::SyncRepStandbyNames;
        !standbys.is_null() && !CStr::from_ptr(standbys).is_empty()
    }
}

fn start() {
    // SAFETY: plain reads of backend-local state; the timer's handler lives as long as the backend.
    unsafe {
        let limit_ms = pg_sys::StatementTimeout;
        if limit_ms <= 0 || !has_synchronous_standbys() {
            return;
        }
        let timer = TIMER
            .get()
            .unwrap_or_else(|| RegisterTimeout(ONE_OF_OUR_OWN, end_the_wait));
        TIMER.set(Some(timer));
        RUNS.set(true);
        // Again and again: when it rings first, the commit may not have come to its wait.
        let first = now() + i64::from(limit_ms) * 1000;
        enable_timeout_every(timer, first, limit_ms);
    }
}

fn stop() {
    if RUNS.replace(false)
        && let Some(timer) = TIMER.get()
    {
        // SAFETY: it was registered and started by this backend.
        unsafe { disable_timeout(timer, false) };
    }
}

/// Runs in a signal handler: looks and raises flags, nothing else. PostgreSQL has set the latch that wakes the wait.
unsafe extern "C" fn end_the_wait() {
    // SAFETY: this backend's own entry, which is there as long as a transaction is; flags made for signal handlers.
    unsafe {
        if (*pg_sys::MyProc).syncRepState == pg_sys::SYNC_REP_WAITING as c_int {
            pg_sys::InterruptPending = 1;
            pg_sys::ProcDiePending = 1;
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_transaction(event: pg_sys::XactEvent::Type, _arg: *mut c_void) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT | pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => {
            if BOUNDED.get() {
                start();
            }
        }
        _ => {
            BOUNDED.set(false);
            stop();
        }
    }
}
