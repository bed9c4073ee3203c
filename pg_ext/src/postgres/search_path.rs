//! The search path of what runs with the owner's rights: nothing on a caller's may stand for what the functions name.
//! PostgreSQL sets the path that a function declares at each of its calls and puts the caller's back afterwards, which is
//! a tenth of a call's time, and most calls find nothing by a name. So `route_call` and `log_call` declare none, and
//! here it is set before the first thing in a call that could look at it.

use std::cell::Cell;
use std::ffi::{CStr, c_int};

use pgrx::pg_sys;

/// What the other functions declare in their SQL.
const PATH: &CStr = c"pg_catalog, pg_temp";

thread_local! {
    /// The level of settings that the path was set at.
    static LEVEL: Cell<Option<c_int>> = const { Cell::new(None) };
}

/// As long as it lives, a path that is set stays; then the caller's is put back.
#[must_use]
pub struct Scope {
    outer: Option<c_int>,
}

impl Scope {
    pub fn begin() -> Self {
        Scope { outer: LEVEL.take() }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let level = LEVEL.replace(self.outer);
        // After an error the abort puts it back.
        if let Some(level) = level
            && !std::thread::panicking()
        {
            // SAFETY: the level was begun by `pin` within this scope, and what was begun since has ended.
            unsafe { pg_sys::AtEOXact_GUC(true, level) };
        }
    }
}

/// Call before anything that finds a name: a statement, and whatever others have added to a table (triggers, defaults, checks,
/// generated columns, computed indexes); and before a subtransaction, which would put back at its end what was set in it.
pub fn pin() {
    // SAFETY: the setting is a C string; set as SET does for the length of a function.
    unsafe {
        if CStr::from_ptr(pg_sys::namespace_search_path) == PATH {
            return;
        }
        let level = pg_sys::NewGUCNestLevel();
        // A trigger may have set another path since: closing the first level closes all above it.
        if LEVEL.get().is_none() {
            LEVEL.set(Some(level));
        }
        pg_sys::set_config_option(
            c"search_path".as_ptr(),
            PATH.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}
