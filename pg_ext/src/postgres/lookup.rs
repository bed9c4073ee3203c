//! Rows by one key, without the executor: everything that a decision reads, and the hot rows that it changes, go this
//! way. A join of nine tables spends most of its time on starting itself, and its plan pushes everything else out of
//! the processor's caches.

use std::cell::RefCell;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::rc::Rc;

use pgrx::pg_sys;

use crate::postgres::argument::Argument;
use crate::postgres::catalogue::{READING, WRITING};
use crate::postgres::column::AnyColumn;
use crate::postgres::key::Key;
use crate::postgres::look::At;
use crate::postgres::remembered::Remembered;
use crate::postgres::scan::{MISSING, Open, Resolved, Row, Scan};
use crate::postgres::transaction::refuse_read_only;
use crate::postgres::{access, catalogue, index_scan};

/// A B-tree index and the columns wanted of its table `T`; one `static` each, in the module that owns it.
pub struct Lookup<T> {
    any: AnyLookup,
    of: PhantomData<fn() -> T>,
}

struct AnyLookup {
    table: &'static CStr,
    index: &'static CStr,
    key: Key,
    columns: &'static [AnyColumn],
    writes_next: bool,
    remembers: bool,
    resolved: RefCell<Option<Rc<Resolved>>>,
}

// SAFETY: a backend has one thread.
unsafe impl<T> Sync for Lookup<T> {}

/// Says what is wanted of a table by one of its indexes: `lookup!(dids by dids_number_key (Text): id, user_id)`.
macro_rules! lookup {
    ($table:ident by $index:ident ($key:ident): $($column:ident),* $(,)?) => {
        $crate::postgres::lookup::Lookup::<$crate::postgres::tables::$table::Of>::new(
            $crate::postgres::tables::$table::NAME,
            $crate::postgres::column::c_name(concat!(stringify!($index), "\0")),
            $crate::postgres::key::Key::$key,
            &[$($crate::postgres::tables::$table::$column.any()),*],
        )
    };
}
pub(crate) use lookup;

impl<T> Lookup<T> {
    pub const fn new(
        table: &'static CStr,
        index: &'static CStr,
        key: Key,
        columns: &'static [AnyColumn],
    ) -> Self {
        Lookup {
            any: AnyLookup {
                table,
                index,
                key,
                columns,
                writes_next: false,
                remembers: false,
                resolved: RefCell::new(None),
            },
            of: PhantomData,
        }
    }

    /// Whoever decides by it writes to the table next, and locks it for that at once: `reindex table` holds the table against
    /// writers and waits for its indexes' readers, so a lock that is raised later could deadlock with it.
    pub const fn before_write(mut self) -> Self {
        self.any.writes_next = true;
        self
    }

    /// Rows of a unique index of this one column, that are asked for again and again.
    pub const fn remembering(mut self) -> Self {
        self.any.remembers = true;
        self
    }

    /// The first row with this key.
    pub fn first<V>(&self, at: At, key: Argument, read: impl FnOnce(Row<'_, T>) -> V) -> Option<V> {
        self.open(at).get(key, read)
    }

    pub fn open<'a>(&self, at: At<'a>) -> Scan<'a, T> {
        // SAFETY: reads variables of this backend.
        let writes_next =
            || at.decides() && unsafe { !pg_sys::RecoveryInProgress() && !pg_sys::XactReadOnly };
        let lock = if self.any.writes_next && writes_next() {
            WRITING
        } else {
            READING
        };
        Scan::new(self.any.open(lock, at))
    }

    pub fn open_to_write<'a>(&self, at: At<'a>) -> Scan<'a, T> {
        refuse_read_only(c"UPDATE");
        Scan::new(self.any.open(WRITING, at))
    }
}

impl AnyLookup {
    fn open<'a>(&self, lock: pg_sys::LOCKMODE, at: At<'a>) -> Open<'a> {
        loop {
            let resolved = self.resolve(lock);
            let generation = resolved.examined.generation;
            // SAFETY: relations, scan and slot live until `Scan` is dropped, or until the abort.
            let raw = unsafe {
                index_scan::open(
                    generation,
                    resolved.examined.oid,
                    lock,
                    index_scan::Wanted {
                        index: resolved.index.oid,
                        comparison: self.key.comparison(),
                        snapshot: at.snapshot(resolved.index),
                    },
                )
            };
            // Taking the locks is when the backend hears of changes.
            if let Some(raw) = raw
                && generation == catalogue::generation()
            {
                at.note_read();
                return Open { raw, resolved, at };
            }
            pgrx::check_for_interrupts!();
        }
    }

    /// What was found last, as long as nothing has changed; else the table is locked first and looked at then.
    fn resolve(&self, lock: pg_sys::LOCKMODE) -> Rc<Resolved> {
        let known = self.resolved.borrow().clone();
        if let Some(known) = known
            && known.examined.generation == catalogue::generation()
        {
            return known;
        }
        let examined = access::enter(self.table, lock);
        let index = examined.index(self.index);
        // SAFETY: columns of a table that is locked, by C strings.
        let numbers: Vec<i16> = unsafe {
            let numbers = self.columns.iter();
            numbers
                .map(|column| pg_sys::get_attnum(examined.oid, column.name.as_ptr()))
                .collect()
        };
        let declared = examined.table.columns.len() + examined.table.optional.len();
        let mut last = numbers.iter().copied().max().unwrap_or(0);
        // SAFETY: as above.
        let remembered = self.remembers.then(|| unsafe {
            let key = examined.key_of(self.index);
            let number = pg_sys::get_attnum(examined.oid, key.as_ptr());
            last = last.max(number);
            (number, Remembered::new(self.key))
        });
        let mut columns = vec![0; declared];
        for (column, number) in self.columns.iter().zip(&numbers) {
            columns[column.place] = if *number > 0 { *number } else { MISSING };
        }
        let resolved = Rc::new(Resolved {
            last,
            remembered,
            examined,
            index,
            columns,
        });
        self.resolved.replace(Some(Rc::clone(&resolved)));
        resolved
    }
}
