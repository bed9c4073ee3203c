//! Rows by one key, without the executor: everything that a decision reads, and the hot rows that it changes, go this
//! way. A join of nine tables spends most of its time on starting itself, and its plan pushes everything else out of
//! the processor's caches.

use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys;

use crate::postgres::catalogue::{READING, WRITING};
use crate::postgres::look::At;
use crate::postgres::scan::{Resolved, Row, Scan};
use crate::postgres::spi::Argument;
use crate::postgres::transaction::{has_one_snapshot, refuse_read_only};
use crate::postgres::{access, catalogue, index_scan};

/// What an index's first column is compared with.
#[derive(Clone, Copy)]
pub enum Key {
    /// An equal int8.
    Int8,
    /// Two of them, in the first two columns.
    Int8s,
    /// An equal text.
    Text,
    /// A later timestamptz.
    Before,
}

impl Key {
    fn comparison(self) -> (u32, pg_sys::Oid) {
        let (strategy, function) = match self {
            Key::Int8 | Key::Int8s => (pg_sys::BTEqualStrategyNumber, pg_sys::F_INT8EQ),
            Key::Text => (pg_sys::BTEqualStrategyNumber, pg_sys::F_TEXTEQ),
            Key::Before => (pg_sys::BTLessStrategyNumber, pg_sys::F_TIMESTAMPTZ_LT),
        };
        (strategy, function.into())
    }

    fn columns(self) -> usize {
        match self {
            Key::Int8s => 2,
            _ => 1,
        }
    }
}

/// A B-tree index and the columns wanted of its table; one `static` each, in the module that owns it.
pub struct Lookup {
    table: &'static CStr,
    index: &'static CStr,
    key: Key,
    columns: &'static [&'static CStr],
    /// The columns are the index's own.
    covering: bool,
    writes_next: bool,
    resolved: RefCell<Option<Rc<Resolved>>>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Lookup {}

impl Lookup {
    pub const fn new(
        table: &'static CStr,
        index: &'static CStr,
        key: Key,
        columns: &'static [&'static CStr],
    ) -> Self {
        Lookup {
            table,
            index,
            key,
            columns,
            covering: false,
            writes_next: false,
            resolved: RefCell::new(None),
        }
    }

    /// Whoever decides by it writes to the table next, and locks it for that at once: `reindex table` holds the table against
    /// writers and waits for its indexes' readers, so a lock that is raised later would close a circle.
    pub const fn before_write(mut self) -> Self {
        self.writes_next = true;
        self
    }

    /// Reads what it wants from the index alone, wherever the table's page need not be asked for who may see a row. An
    /// index of a later schema: ask first whether it is there.
    pub const fn covering(
        table: &'static CStr,
        index: &'static CStr,
        key: Key,
        columns: &'static [&'static CStr],
    ) -> Self {
        Lookup {
            table,
            index,
            key,
            columns,
            covering: true,
            writes_next: false,
            resolved: RefCell::new(None),
        }
    }

    /// The first row with this key.
    pub fn first<T>(&self, at: At, key: Argument, read: impl FnOnce(&Row) -> T) -> Option<T> {
        self.open(at).get(key, read)
    }

    pub fn open(&self, at: At) -> Scan {
        // SAFETY: reads variables of this backend.
        let writes_next =
            || at.decides() && unsafe { !pg_sys::RecoveryInProgress() && !pg_sys::XactReadOnly };
        let lock = if self.writes_next && writes_next() {
            WRITING
        } else {
            READING
        };
        self.open_for(lock, at).expect("an index that is needed")
    }

    /// `None` where there is no such index, complete, that may be read alone. Not with the snapshot of a whole transaction: it
    /// may be older than the index, and a serializable one's reads are noted where the table is asked.
    pub fn open_covering(&self, at: At) -> Option<Scan> {
        if has_one_snapshot() {
            return None;
        }
        self.open_for(READING, at)
    }

    pub fn open_to_write(&self, at: At) -> Scan {
        refuse_read_only(c"UPDATE");
        self.open_for(WRITING, at).expect("an index that is needed")
    }

    fn open_for(&self, lock: pg_sys::LOCKMODE, at: At) -> Option<Scan> {
        loop {
            let resolved = self.resolve(lock)?;
            let generation = resolved.examined.generation;
            // SAFETY: relations, scan and slot live until `Scan` is dropped, or until the abort.
            let raw = unsafe {
                index_scan::open(
                    generation,
                    resolved.examined.oid,
                    resolved.index.oid,
                    lock,
                    self.key.comparison(),
                    self.key.columns(),
                    at.snapshot(resolved.index),
                    self.covering,
                )
            };
            // Taking the locks is when the backend hears of changes.
            if let Some(raw) = raw
                && generation == catalogue::generation()
            {
                at.note_read();
                return Some(Scan { raw, resolved, at });
            }
            pgrx::check_for_interrupts!();
        }
    }

    /// What was found last, as long as nothing has changed; else the table is locked first and looked at then.
    fn resolve(&self, lock: pg_sys::LOCKMODE) -> Option<Rc<Resolved>> {
        let known = self.resolved.borrow().clone();
        if let Some(known) = known
            && known.examined.generation == catalogue::generation()
        {
            return Some(known);
        }
        let examined = access::enter(self.table, lock);
        let index = examined.index(self.index)?;
        // SAFETY: columns of a table that is locked, by C strings; the index is one of its own.
        let columns: Vec<i16> = unsafe {
            let numbers = self
                .columns
                .iter()
                .map(|name| pg_sys::get_attnum(examined.oid, name.as_ptr()));
            if self.covering {
                index_scan::places_in_index(index.oid, numbers)?
            } else {
                numbers.collect()
            }
        };
        let resolved = Rc::new(Resolved {
            last: columns.iter().copied().max().unwrap_or(0),
            examined,
            index,
            columns,
            names: self.columns,
        });
        self.resolved.replace(Some(Rc::clone(&resolved)));
        Some(resolved)
    }
}
