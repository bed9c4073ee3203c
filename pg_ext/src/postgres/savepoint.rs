//! Savepoints that an error rolls back on its way out.

use std::ffi::c_void;

use pgrx::pg_sys;

use crate::postgres::search_path;

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
