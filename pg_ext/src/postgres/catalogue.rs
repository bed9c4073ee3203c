//! Tables by their names, the locks that they are opened with, and what this backend hears of their changes.

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::pg_sys;

use crate::postgres::tables::TABLES;

thread_local! {
    /// Counts the changes of tables that this backend was told of.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
    /// The tables' numbers, for whoever hears that one has changed.
    static OIDS: [Cell<pg_sys::Oid>; TABLES.len()] = const { [const { Cell::new(pg_sys::Oid::INVALID) }; TABLES.len()] };
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Grows with each change of a table that this backend hears of.
pub fn generation() -> u64 {
    GENERATION.get()
}

pub fn register() {
    // SAFETY: the callback lives as long as the backend; it is registered once, at load.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(at_change), pg_sys::Datum::from(0)) };
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_change(_arg: pg_sys::Datum, relation: pg_sys::Oid) {
    GENERATION.set(GENERATION.get() + 1);
    heard_of(relation);
}

/// A table, index or sequence of ours by its name; an unknown one is 0, which nothing can open.
pub fn relation(name: &CStr) -> pg_sys::Oid {
    // SAFETY: catalogue look-ups by C strings.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"capconduit".as_ptr(), false);
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    }
}

pub const NO_LOCK: pg_sys::LOCKMODE = pg_sys::NoLock as _;
pub const READING: pg_sys::LOCKMODE = pg_sys::AccessShareLock as _;
pub const WRITING: pg_sys::LOCKMODE = pg_sys::RowExclusiveLock as _;

/// Grows with each change of one of our tables that this backend hears of: a snapshot of before it may not fit the table.
pub fn changes() -> u64 {
    CHANGES.get()
}

/// The table at this place among ours has this number.
pub fn watch(place: usize, oid: pg_sys::Oid) {
    if OIDS.with(|oids| oids[place].replace(oid)) != oid {
        CHANGES.set(CHANGES.get() + 1);
    }
}

/// The backend hears that a relation has changed; 0 stands for all.
fn heard_of(changed: pg_sys::Oid) {
    if changed == pg_sys::Oid::INVALID || OIDS.with(|oids| oids.iter().any(|oid| oid.get() == changed)) {
        CHANGES.set(CHANGES.get() + 1);
    }
}
