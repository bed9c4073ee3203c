//! The next number of a sequence, without a plan.

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::{PgSqlErrorCode, direct_function_call, pg_sys};

use crate::postgres::argument::arg;
use crate::postgres::catalogue::{WRITING, generation, relation};
use crate::postgres::error::raise;
use crate::postgres::spi::Statement;

/// The sequence of a column of identity; one `static` each.
pub struct Sequence {
    name: &'static CStr,
    /// Tells the sequence of the column itself, should nothing bear the name.
    find: Statement,
    /// With the state of the catalogue that it was found in.
    resolved: Cell<(u64, pg_sys::Oid)>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Sequence {}

impl Sequence {
    pub const fn new(name: &'static CStr, find: &'static str) -> Self {
        Sequence {
            name,
            find: Statement::new(find, &[]),
            resolved: Cell::new((u64::MAX, pg_sys::Oid::INVALID)),
        }
    }

    pub fn next(&self) -> i64 {
        let oid = loop {
            let (known, mut oid) = self.resolved.get();
            let generation = generation();
            if known != generation {
                oid = self.look_up();
                self.resolved.set((generation, oid));
            }
            // SAFETY: any number can be locked; the backend hears of changes then.
            unsafe { pg_sys::LockRelationOid(oid, WRITING) };
            if self.resolved.get().0 == crate::postgres::catalogue::generation() {
                break oid;
            }
            pgrx::check_for_interrupts!();
        };
        // SAFETY: nextval takes a sequence's number and gives an int8.
        unsafe { direct_function_call(pg_sys::nextval_oid, &[arg(oid).datum()]) }
            .expect("nextval is not null")
    }

    fn look_up(&self) -> pg_sys::Oid {
        let mut oid = relation(self.name);
        if oid == pg_sys::Oid::INVALID {
            oid = self.find.value(&[]).unwrap_or(oid);
        }
        // SAFETY: a look-up in the catalogue.
        if unsafe { pg_sys::get_rel_relkind(oid) } as u8 != pg_sys::RELKIND_SEQUENCE {
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("calls need sequence capconduit.{}", self.name.to_string_lossy()),
            );
        }
        oid
    }
}
