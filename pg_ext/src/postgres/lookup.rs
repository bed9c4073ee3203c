//! Rows by one key, without the executor: everything that a decision reads, and the hot rows that it changes, go this
//! way. A join of nine tables spends most of its time on starting itself, and its plan pushes everything else out of
//! the processor's caches.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::{FromDatum, pg_sys, varlena};

use crate::postgres::access::{Examined, FoundIndex};
use crate::postgres::held_rows::{Holder, Wait};
use crate::postgres::insert::{has_computed_indexes, refuse_read_only};
use crate::postgres::row_writer::Target;
use crate::postgres::server::server;
use crate::postgres::spi::Argument;
use crate::postgres::tables::Operation;
use crate::postgres::{access, by_statement, held_rows, index_scan, search_path};

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

/// One snapshot: all that is read at it belongs together.
#[derive(Clone, Copy)]
pub struct At(*const Look);

/// A snapshot is older than the locks of the tables that are read at it: whoever waited for a table that was written anew
/// meanwhile would find it empty. So it is replaced then.
struct Look {
    /// Not a look of explain's, which writes nothing, whichever snapshot it was given in the end.
    decides: bool,
    snapshot: Cell<pg_sys::Snapshot>,
    /// How many transactions had ended before it.
    ended_before: Cell<u64>,
    pushed: Cell<u32>,
    /// Changes of tables that the snapshot was taken after.
    changes: Cell<u64>,
    has_read: Cell<bool>,
    /// Read at two snapshots.
    is_mixed: Cell<bool>,
    has_written: Cell<bool>,
}

impl View {
    /// Everything that `read` fetches is of one moment: it is run again where a table changed while it read.
    pub fn look<T>(self, read: impl Fn(At) -> T) -> T {
        let mut view = self;
        loop {
            let look = Look::begin(view, matches!(self, View::Fresh));
            let result = read(At(&raw const look));
            look.end();
            if !look.is_mixed.get() || look.has_written.get() {
                return result;
            }
            pgrx::check_for_interrupts!();
            // The calling query's is too old for what is there now.
            view = View::Fresh;
        }
    }
}

impl Look {
    fn begin(view: View, decides: bool) -> Self {
        let look = Look {
            decides,
            snapshot: Cell::new(std::ptr::null_mut()),
            ended_before: Cell::new(0),
            pushed: Cell::new(0),
            changes: Cell::new(access::changes()),
            has_read: Cell::new(false),
            is_mixed: Cell::new(false),
            has_written: Cell::new(false),
        };
        match view {
            // SAFETY: whoever calls a function has a snapshot.
            View::Calling => look.snapshot.set(unsafe { pg_sys::GetActiveSnapshot() }),
            View::Fresh => look.renew(),
        }
        look
    }

    fn renew(&self) {
        // SAFETY: pushed here, popped in `end`; on an error PostgreSQL's abort pops.
        let (snapshot, ended_before) = unsafe {
            pg_guard_ffi_boundary(|| {
                CommandCounterIncrement();
                let latest = GetTransactionSnapshot();
                PushActiveSnapshot(latest);
                (GetActiveSnapshot(), (*latest).snapXactCompletionCount)
            })
        };
        self.snapshot.set(snapshot);
        self.ended_before.set(ended_before);
        self.pushed.set(self.pushed.get() + 1);
    }

    fn end(&self) {
        for _ in 0..self.pushed.get() {
            // SAFETY: as many as were pushed.
            unsafe { pg_sys::PopActiveSnapshot() };
        }
    }
}

impl At {
    fn look(&self) -> &Look {
        // SAFETY: `View::look` hands it to what it runs, and outlives that.
        unsafe { &*self.0 }
    }

    /// Two moments with the same number see the same, but for what this transaction itself has written in between.
    pub fn ended_before(self) -> u64 {
        self.look().ended_before.get()
    }

    fn decides(&self) -> bool {
        self.look().decides
    }

    /// The snapshot for a table that is locked, or that nobody has changed since the last look at it.
    fn snapshot(&self, index: FoundIndex) -> pg_sys::Snapshot {
        let look = self.look();
        let is_older = look.changes.get() != access::changes()
            || index
                .not_before
                // SAFETY: reads a variable of this backend.
                .is_some_and(|xid| {
                    look.pushed.get() == 0
                        && !unsafe { pg_sys::TransactionIdPrecedes(xid, pg_sys::TransactionXmin) }
                });
        if is_older {
            self.replace();
        }
        look.snapshot.get()
    }

    #[cold]
    fn replace(&self) {
        let look = self.look();
        look.changes.set(access::changes());
        if has_one_snapshot() {
            return;
        }
        look.renew();
        look.is_mixed.set(look.has_read.get());
    }
}

/// Whether the transaction sees all at its first snapshot, whatever is changed since.
fn has_one_snapshot() -> bool {
    // SAFETY: reads a variable of this backend.
    unsafe { pg_sys::XactIsoLevel > pg_sys::XACT_READ_COMMITTED as i32 }
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
    writes_next: bool,
    resolved: RefCell<Option<Rc<Resolved>>>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Lookup {}

/// Names turned into numbers, for as long as no table changes.
struct Resolved {
    examined: Rc<Examined>,
    index: FoundIndex,
    columns: Vec<i16>,
    names: &'static [&'static CStr],
    /// The last column wanted: a row is taken apart so far.
    last: i16,
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
unsafe extern "C-unwind" fn at_change(_arg: pg_sys::Datum, relation: pg_sys::Oid) {
    GENERATION.set(GENERATION.get() + 1);
    access::heard_of(relation);
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
                && generation == GENERATION.get()
            {
                at.look().has_read.set(true);
                return Some(Scan { raw, resolved, at });
            }
            pgrx::check_for_interrupts!();
        }
    }

    /// What was found last, as long as nothing has changed; else the table is locked first and looked at then.
    fn resolve(&self, lock: pg_sys::LOCKMODE) -> Option<Rc<Resolved>> {
        let known = self.resolved.borrow().clone();
        if let Some(known) = known
            && known.examined.generation == GENERATION.get()
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

/// An open index: `seek` as often as there are keys, then `next` until there is no more.
pub struct Scan {
    raw: index_scan::Scan,
    resolved: Rc<Resolved>,
    at: At,
}

impl Scan {
    pub fn seek(&mut self, key: Argument) {
        // SAFETY: the datum is of the key's type.
        unsafe { self.raw.seek(key.expect("keys are not null")) };
    }

    pub fn next(&mut self) -> Option<Row<'_>> {
        // SAFETY: the row's columns are there until the next fetch.
        unsafe { self.raw.next(self.resolved.last) }.then_some(Row(self))
    }

    /// Whatever is sought has this in the second column.
    pub fn within(mut self, second: i64) -> Self {
        self.raw.second(pg_sys::Datum::from(second));
        self
    }

    /// The first row with this key.
    pub fn get<T>(&mut self, key: Argument, read: impl FnOnce(&Row) -> T) -> Option<T> {
        // SAFETY: see `seek` and `next`.
        let found = unsafe {
            self.raw
                .seek_first(key.expect("keys are not null"), self.resolved.last)
        };
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
        unsafe { held_rows::holder(self.raw.slot) }
    }

    /// Waits for the holder of a row of this table; `false`: not to its end.
    pub fn wait(&self, holder: &Holder, wait: Wait) -> bool {
        held_rows::wait(self.raw.table, holder, wait)
    }

    /// Writes columns of the row that `next` gave last, none of them NULL. Waits for whoever is changing the row now.
    pub fn change(&mut self, columns: &[(usize, Argument)]) -> Change {
        let change = if self.resolved.examined.needs_statement(Operation::Update) {
            self.change_by_statement(columns)
        } else {
            // SAFETY: the version is of this table's shape.
            unsafe {
                let version = self.version(columns);
                self.replace(version)
            }
        };
        self.note(change)
    }

    /// Deletes the row that `next` gave last. Waits for whoever is changing the row now.
    pub fn delete(&mut self) -> Change {
        let change = if self.resolved.examined.needs_statement(Operation::Delete) {
            self.delete_by_statement()
        } else {
            self.remove()
        };
        self.note(change)
    }

    fn note(&self, change: Change) -> Change {
        if change == Change::Done {
            self.at.look().has_written.set(true);
        }
        change
    }

    fn change_by_statement(&mut self, columns: &[(usize, Argument)]) -> Change {
        let table = self.resolved.examined.table;
        let locked = self.lock_row(pg_sys::LockTupleMode::LockTupleNoKeyExclusive);
        if let Some(place) = locked {
            let named: Vec<_> = columns
                .iter()
                .map(|(column, value)| (self.resolved.names[*column], *value))
                .collect();
            by_statement::update(table, &named, place);
        }
        locked.map_or(Change::Overtaken, |_| Change::Done)
    }

    fn delete_by_statement(&mut self) -> Change {
        let locked = self.lock_row(pg_sys::LockTupleMode::LockTupleExclusive);
        if let Some(place) = locked {
            by_statement::delete(self.resolved.examined.table, place);
        }
        locked.map_or(Change::Overtaken, |_| Change::Done)
    }

    /// Where the row lies, if it is still the newest version. Nothing is locked where it is not: so a statement, which would
    /// lock whatever is the newest, finds this one.
    fn lock_row(&mut self, mode: pg_sys::LockTupleMode::Type) -> Option<pg_sys::ItemPointerData> {
        // SAFETY: the slot holds the row; the page's pin is given back.
        let (result, place) = unsafe {
            let mut row = pg_sys::HeapTupleData {
                t_self: (*self.raw.slot).tts_tid,
                ..Default::default()
            };
            let mut failure = pg_sys::TM_FailureData::default();
            let mut page: pg_sys::Buffer = 0;
            let result = pg_sys::heap_lock_tuple(
                self.raw.table,
                &raw mut row,
                pg_sys::GetCurrentCommandId(true),
                mode,
                pg_sys::LockWaitPolicy::LockWaitBlock,
                false,
                &raw mut page,
                &raw mut failure,
            );
            pg_sys::ReleaseBuffer(page);
            (result, row.t_self)
        };
        match result {
            pg_sys::TM_Result::TM_Ok => Some(place),
            pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => None,
            other => panic!("heap_lock_tuple: {other}"),
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
                let place = self.resolved.columns[*column] as usize - 1;
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
                    search_path::pin();
                }
                Target::open(self.raw.table).index_version(version, only_summarizing);
            }
            Change::Done
        }
    }

    fn remove(&mut self) -> Change {
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
            let (value, is_null) = self.0.raw.column(self.0.resolved.columns[column]);
            T::from_datum(value, is_null)
        }
    }

    /// A column that the schema declares not null.
    pub fn need<T: FromDatum>(&self, column: usize) -> T {
        self.get(column).unwrap_or_else(|| self.refuse_null(column))
    }

    /// A text, as it lies in the row where it lies there plainly.
    pub fn text(&self, column: usize) -> Option<&str> {
        // SAFETY: as in `get`; only what is neither compressed nor kept elsewhere is read in its place.
        unsafe {
            let (value, is_null) = self.0.raw.column(self.0.resolved.columns[column]);
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
        self.text(column).unwrap_or_else(|| self.refuse_null(column))
    }

    /// Somebody has dropped the column's `not null`.
    #[cold]
    fn refuse_null(&self, column: usize) -> ! {
        let resolved = &self.0.resolved;
        let name = resolved.names[column].to_string_lossy();
        access::refuse(resolved.examined.table.name, &format!("a row has no {name}"))
    }

    /// Whether a column holds this text.
    pub fn is(&self, column: usize, text: &str) -> bool {
        self.text(column) == Some(text)
    }
}
