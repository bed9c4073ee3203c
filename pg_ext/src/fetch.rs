//! Rows by one key, without the executor: everything that a decision reads, and the hot rows that it changes, go this
//! way. A join of nine tables spends most of its time on starting itself, and its plan pushes everything else out of
//! the processor's caches.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::{FromDatum, pg_sys, varlena};

use crate::held::{self, Holder, Wait};
use crate::path;
use crate::raw;
use crate::server::server;
use crate::spi::Argument;
use crate::target::Target;
use crate::write::{has_checks, has_computed_indexes, refuse_read_only};

server! {
    fn CommandCounterIncrement();
    fn GetTransactionSnapshot() -> pg_sys::Snapshot;
    fn GetActiveSnapshot() -> pg_sys::Snapshot;
    fn PushActiveSnapshot(snapshot: pg_sys::Snapshot);
}

/// How fresh a look must be.
#[derive(Clone, Copy)]
pub enum View {
    /// A snapshot of its own, own writes included: for everything that decides or writes.
    Fresh,
    /// The snapshot of the calling query: for explain, which works read-only and on a standby.
    Calling,
}

/// One snapshot: all that is read at it belongs together. And how many transactions had ended before it.
#[derive(Clone, Copy)]
pub struct At(pg_sys::Snapshot, u64);

impl At {
    /// Two moments with the same number see the same, but for what this transaction itself has written in between.
    pub fn ended_before(self) -> u64 {
        self.1
    }
}

impl View {
    /// Everything that `read` fetches is of one moment.
    pub fn look<T>(self, read: impl FnOnce(At) -> T) -> T {
        // SAFETY: push and pop are paired; on an error PostgreSQL's abort pops.
        unsafe {
            match self {
                View::Calling => read(At(pg_sys::GetActiveSnapshot(), 0)),
                View::Fresh => {
                    let (snapshot, ended_before) = pg_guard_ffi_boundary(|| {
                        CommandCounterIncrement();
                        let latest = GetTransactionSnapshot();
                        PushActiveSnapshot(latest);
                        (GetActiveSnapshot(), (*latest).snapXactCompletionCount)
                    });
                    let result = read(At(snapshot, ended_before));
                    pg_sys::PopActiveSnapshot();
                    result
                }
            }
        }
    }
}

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
    resolved: RefCell<Option<Resolved>>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Lookup {}

/// Names turned into numbers, for as long as no table changes.
struct Resolved {
    generation: u64,
    table: pg_sys::Oid,
    index: pg_sys::Oid,
    columns: Rc<[i16]>,
}

thread_local! {
    /// Counts the changes of tables that this backend was told of.
    static GENERATION: Cell<u64> = const { Cell::new(0) };
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
unsafe extern "C-unwind" fn at_change(_arg: pg_sys::Datum, _relation: pg_sys::Oid) {
    GENERATION.set(GENERATION.get() + 1);
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
            resolved: RefCell::new(None),
        }
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
            resolved: RefCell::new(None),
        }
    }

    /// Whether there is such an index, complete, and it may be read alone. Not with the snapshot of a whole transaction: it
    /// may be older than the index, and a serializable one's reads are noted where the table is asked.
    pub fn is_usable(&self) -> bool {
        // SAFETY: reads a variable of this backend.
        let level = unsafe { pg_sys::XactIsoLevel };
        level <= pg_sys::XACT_READ_COMMITTED as i32 && self.resolve().2 != pg_sys::Oid::INVALID
    }

    /// The first row with this key.
    pub fn first<T>(&self, at: At, key: Argument, read: impl FnOnce(&Row) -> T) -> Option<T> {
        self.open(at).get(key, read)
    }

    pub fn open(&self, at: At) -> Scan {
        self.open_for(READING, at)
    }

    pub fn open_to_write(&self, at: At) -> Scan {
        refuse_read_only(c"UPDATE");
        self.open_for(WRITING, at)
    }

    fn open_for(&self, lock: pg_sys::LOCKMODE, at: At) -> Scan {
        loop {
            let (generation, table, index, columns) = self.resolve();
            // SAFETY: relations, scan and slot live until `Scan` is dropped, or until the abort.
            let raw = unsafe {
                raw::open(
                    table,
                    index,
                    lock,
                    self.key.comparison(),
                    self.key.columns(),
                    at.0,
                    self.covering,
                )
            };
            let scan = Scan {
                raw,
                last: columns.iter().copied().max().unwrap_or(0),
                columns,
            };
            // Taking the locks is when the backend hears of changes.
            if generation == GENERATION.get() {
                return scan;
            }
        }
    }

    fn resolve(&self) -> (u64, pg_sys::Oid, pg_sys::Oid, Rc<[i16]>) {
        let generation = GENERATION.get();
        let mut resolved = self.resolved.borrow_mut();
        let known = match resolved.take() {
            Some(known) if known.generation == generation => known,
            _ => self.look_up(generation),
        };
        let known = resolved.insert(known);
        (generation, known.table, known.index, Rc::clone(&known.columns))
    }

    fn look_up(&self, generation: u64) -> Resolved {
        // SAFETY: columns of a table that exists, by C strings.
        unsafe {
            let table = relation(self.table);
            let index = relation(self.index);
            // One that is being built, or was not built to its end, does not have all rows.
            if self.covering && (index == pg_sys::Oid::INVALID || !pg_sys::get_index_isvalid(index)) {
                return Resolved {
                    generation,
                    table,
                    index: pg_sys::Oid::INVALID,
                    columns: Rc::default(),
                };
            }
            assert_eq!(
                pg_sys::IndexGetRelation(index, false),
                table,
                "{:?} is no index of {:?}",
                self.index,
                self.table
            );
            let owner = if self.covering { index } else { table };
            let columns = self.columns.iter().map(|name| {
                let number = pg_sys::get_attnum(owner, name.as_ptr());
                assert!(number > 0, "{:?} has no column {name:?}", self.table);
                number
            });
            Resolved {
                generation,
                table,
                index,
                columns: columns.collect(),
            }
        }
    }
}

/// An open index: `seek` as often as there are keys, then `next` until there is no more.
pub struct Scan {
    raw: raw::Scan,
    columns: Rc<[i16]>,
    /// The last column wanted: a row is taken apart so far.
    last: i16,
}

impl Scan {
    pub fn seek(&mut self, key: Argument) {
        // SAFETY: the datum is of the key's type.
        unsafe { self.raw.seek(key.expect("keys are not null")) };
    }

    pub fn next(&mut self) -> Option<Row<'_>> {
        // SAFETY: the row's columns are there until the next fetch.
        unsafe { self.raw.next(self.last) }.then_some(Row(self))
    }

    /// Whatever is sought has this in the second column.
    pub fn within(mut self, second: i64) -> Self {
        self.raw.second(pg_sys::Datum::from(second));
        self
    }

    /// The first row with this key.
    pub fn get<T>(&mut self, key: Argument, read: impl FnOnce(&Row) -> T) -> Option<T> {
        // SAFETY: see `seek` and `next`.
        let found = unsafe { self.raw.seek_first(key.expect("keys are not null"), self.last) };
        found.then(|| read(&Row(self)))
    }
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Done,
    /// Somebody else changed or deleted the row since the look. Nothing is locked.
    Overtaken,
}

impl Scan {
    /// Whom a change of the row fetched last would have to wait for.
    pub fn holder(&self) -> Option<Holder> {
        // SAFETY: the slot holds the row, pinned.
        unsafe { held::holder(self.raw.slot) }
    }

    /// Waits for the holder of a row of this table; `false`: not to its end.
    pub fn wait(&self, holder: &Holder, wait: Wait) -> bool {
        held::wait(self.raw.table, holder, wait)
    }

    /// Writes columns of the row that `next` gave last, none of them NULL; neither the key nor a trigger may depend on them,
    /// and checks and generated columns of the table are not asked. Waits for whoever is changing the row now.
    pub fn change(&mut self, columns: &[(usize, Argument)]) -> Change {
        // SAFETY: the version is of this table's shape.
        unsafe {
            let version = self.version(columns);
            self.replace(version)
        }
    }

    /// The same with checks and generated columns, if there are any.
    pub fn change_checked(&mut self, columns: &[(usize, Argument)]) -> Change {
        // SAFETY: as in `change`.
        unsafe {
            let mut version = self.version(columns);
            if has_checks(self.raw.table) {
                path::pin();
                version = Target::open(self.raw.table).complete(version);
            }
            self.replace(version)
        }
    }

    /// The row with these columns, in SPI's memory.
    unsafe fn version(&self, columns: &[(usize, Argument)]) -> pg_sys::HeapTuple {
        // SAFETY: the slot holds the row, pinned; arrays are as long as the row.
        unsafe {
            let shape = (*self.raw.table).rd_att;
            let width = (*shape).natts as usize;
            let mut values = vec![pg_sys::Datum::from(0); width];
            let mut nulls = vec![false; width];
            let mut replace = vec![false; width];
            for (column, value) in columns {
                let place = self.columns[*column] as usize - 1;
                values[place] = value.expect("what is written is not null");
                replace[place] = true;
            }
            let old = pg_sys::ExecFetchSlotHeapTuple(self.raw.slot, false, std::ptr::null_mut());
            pg_sys::heap_modify_tuple(
                old,
                shape,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
                replace.as_mut_ptr(),
            )
        }
    }

    unsafe fn replace(&mut self, version: pg_sys::HeapTuple) -> Change {
        // SAFETY: the slot holds the row.
        unsafe {
            let mut place = (*self.raw.slot).tts_tid;
            let (result, indexes) = update_heap(self.raw.table, &raw mut place, version);
            match result {
                pg_sys::TM_Result::TM_Ok => {}
                pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => return Change::Overtaken,
                other => panic!("heap_update: {other}"),
            }
            // Nearly every version stays on its page, where the indexes find it by the one before.
            if let Some(only_summarizing) = indexes {
                if has_computed_indexes(self.raw.table) {
                    path::pin();
                }
                Target::open(self.raw.table).index_version(version, only_summarizing);
            }
            Change::Done
        }
    }

    /// Deletes the row that `next` gave last. Waits for whoever is changing the row now.
    pub fn delete(&mut self) -> Change {
        // SAFETY: the slot holds the row.
        let result = unsafe {
            let mut place = (*self.raw.slot).tts_tid;
            let mut failure = pg_sys::TM_FailureData::default();
            pg_sys::heap_delete(
                self.raw.table,
                &raw mut place,
                pg_sys::GetCurrentCommandId(true),
                std::ptr::null_mut(),
                true,
                &raw mut failure,
                false,
            )
        };
        match result {
            pg_sys::TM_Result::TM_Ok => Change::Done,
            pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => Change::Overtaken,
            other => panic!("heap_delete: {other}"),
        }
    }
}

/// heap_update, which waits for the row's present writer and then says that it was overtaken. And which indexes must hear
/// of the new version: none, or all, or (true) those that summarize whole pages.
unsafe fn update_heap(
    table: pg_sys::Relation,
    place: pg_sys::ItemPointer,
    new: pg_sys::HeapTuple,
) -> (pg_sys::TM_Result::Type, Option<bool>) {
    unsafe {
        let command = pg_sys::GetCurrentCommandId(true);
        let mut failure = pg_sys::TM_FailureData::default();
        let mut lock = pg_sys::LockTupleMode::LockTupleExclusive;
        #[cfg(not(feature = "pg15"))]
        let mut indexes = pg_sys::TU_UpdateIndexes::TU_None;
        let result = pg_sys::heap_update(
            table,
            place,
            new,
            command,
            std::ptr::null_mut(),
            true,
            &raw mut failure,
            &raw mut lock,
            #[cfg(not(feature = "pg15"))]
            &raw mut indexes,
        );
        #[cfg(not(feature = "pg15"))]
        let indexes = match indexes {
            pg_sys::TU_UpdateIndexes::TU_None => None,
            indexes => Some(indexes == pg_sys::TU_UpdateIndexes::TU_Summarizing),
        };
        #[cfg(feature = "pg15")]
        let indexes = {
            let is_on_its_page = u32::from((*(*new).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0;
            (!is_on_its_page).then_some(false)
        };
        (result, indexes)
    }
}

/// A row fetched; columns are counted as in the look-up.
pub struct Row<'a>(&'a Scan);

impl Row<'_> {
    /// `None` is NULL.
    pub fn get<T: FromDatum>(&self, column: usize) -> Option<T> {
        // SAFETY: the attribute was fetched by `next`; T is the column's type, as the schema says.
        unsafe {
            let (value, is_null) = self.0.raw.column(self.0.columns[column]);
            T::from_datum(value, is_null)
        }
    }

    /// A column that the schema declares not null.
    pub fn need<T: FromDatum>(&self, column: usize) -> T {
        self.get(column)
            .unwrap_or_else(|| panic!("column {column} is NULL"))
    }

    /// A text, as it lies in the row where it lies there plainly.
    pub fn text(&self, column: usize) -> Option<&str> {
        // SAFETY: as in `get`; only what is neither compressed nor kept elsewhere is read in its place.
        unsafe {
            let (value, is_null) = self.0.raw.column(self.0.columns[column]);
            if is_null {
                return None;
            }
            let stored = value.cast_mut_ptr::<pg_sys::varlena>();
            let is_plain = varlena::varatt_is_4b_u(stored)
                || (varlena::varatt_is_1b(stored) && !varlena::varatt_is_1b_e(stored));
            match is_plain.then(|| varlena::text_to_rust_str(stored)) {
                Some(Ok(text)) => Some(text),
                // Also where the database's encoding is not UTF-8.
                _ => FromDatum::from_datum(value, is_null),
            }
        }
    }

    pub fn owned_text(&self, column: usize) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    /// A text that the schema declares not null.
    pub fn need_text(&self, column: usize) -> &str {
        self.text(column)
            .unwrap_or_else(|| panic!("column {column} is NULL"))
    }

    /// Whether a column holds this text.
    pub fn is(&self, column: usize, text: &str) -> bool {
        self.text(column) == Some(text)
    }
}
