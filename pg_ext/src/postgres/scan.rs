//! Rows fetched by an index, and their columns. A row and its texts live until the next one is fetched, the scan as long as its
//! look: the compiler holds whoever uses them to it.

use std::marker::PhantomData;
use std::rc::Rc;

use crate::postgres::access::{self, Examined};
use crate::postgres::argument::Argument;
use crate::postgres::catalogue;
use crate::postgres::column::{AnyColumn, Column, Kind, Text};
use crate::postgres::index_choice::FoundIndex;
use crate::postgres::index_scan;
use crate::postgres::look::At;
use crate::postgres::remembered::Remembered;

/// Names turned into numbers, for as long as no table changes.
pub struct Resolved {
    pub examined: Rc<Examined>,
    pub index: FoundIndex,
    /// For each declared column its number, 0 if it is not wanted, or `MISSING`.
    pub columns: Vec<i16>,
    /// The last column wanted: a row is taken apart so far.
    pub last: i16,
    /// With the column that the key is compared with.
    pub remembered: Option<(i16, Remembered)>,
}

/// The number of an optional column that the table does not have.
pub const MISSING: i16 = -1;

impl Resolved {
    pub fn number(&self, column: AnyColumn) -> i16 {
        let number = self.columns[column.place];
        if number <= 0 {
            self.not_wanted(column);
        }
        number
    }

    /// Whether the table has a column that is wanted, and may be optional.
    pub fn has(&self, column: AnyColumn) -> bool {
        match self.columns[column.place] {
            0 => self.not_wanted(column),
            number => number != MISSING,
        }
    }

    #[cold]
    fn not_wanted(&self, column: AnyColumn) -> ! {
        panic!(
            "{:?} of {:?} is not looked up",
            column.name, self.examined.table.name
        )
    }
}

/// What a scan of any table is.
pub struct Open<'a> {
    pub raw: index_scan::IndexScan,
    pub resolved: Rc<Resolved>,
    pub at: At<'a>,
}

/// An open index of table `T`: `seek` as often as there are keys, then `next` until there is no more.
pub struct Scan<'a, T> {
    pub(super) open: Open<'a>,
    pub(super) of: PhantomData<fn() -> T>,
}

impl<'a, T> Scan<'a, T> {
    pub fn new(open: Open<'a>) -> Self {
        let of = PhantomData;
        Scan { open, of }
    }

    pub fn seek(&mut self, key: Argument) {
        self.open.seek(key);
    }

    pub fn next(&mut self) -> Option<Row<'_, T>> {
        self.open.next().then_some(Row(&self.open, PhantomData))
    }

    /// The first row with this key.
    pub fn get<V>(&mut self, key: Argument, read: impl FnOnce(Row<'_, T>) -> V) -> Option<V> {
        self.open.get(key).then(|| read(Row(&self.open, PhantomData)))
    }
}

impl Open<'_> {
    fn seek(&mut self, key: Argument) {
        self.begin();
        // SAFETY: begun; the datum is of the key's type.
        unsafe { self.raw.seek(key.datum().expect("keys are not null")) };
    }

    fn next(&mut self) -> bool {
        // SAFETY: the row's columns are there until the next fetch.
        unsafe { self.raw.next(self.resolved.last) }
    }

    fn get(&mut self, key: Argument) -> bool {
        let key = key.datum().expect("keys are not null");
        let resolved = Rc::clone(&self.resolved);
        let Some((column, remembered)) = &resolved.remembered else {
            self.begin();
            // SAFETY: see `seek` and `next`.
            return unsafe { self.raw.seek_first(key, resolved.last) }.is_some();
        };
        // SAFETY: the place is of this table; a row that is there was taken apart.
        let is_there = remembered.place(key).is_some_and(|place| unsafe {
            self.raw.fetch_at(place, resolved.last) && remembered.is_key(key, self.raw.column(*column))
        });
        if is_there {
            return true;
        }
        self.begin();
        // SAFETY: see `seek` and `next`.
        let found = unsafe { self.raw.seek_first(key, resolved.last) };
        found.map(|place| remembered.note(key, place)).is_some()
    }

    /// The index is opened for the first row that needs it.
    fn begin(&mut self) {
        if self.raw.is_begun() {
            return;
        }
        let before = catalogue::changes();
        // SAFETY: the table is locked, and the index is one of its own.
        unsafe { self.raw.begin() };
        // Whoever waits for an index may find one that its snapshot is too old for.
        if catalogue::changes() != before {
            self.at.note_overtaken();
        }
    }
}

/// A row of table `T`.
pub struct Row<'s, T>(&'s Open<'s>, PhantomData<fn() -> T>);

impl<'s, T> Row<'s, T> {
    /// `None` is NULL.
    pub fn get<K: Kind>(&self, column: Column<T, K>) -> Option<K::Value<'s>> {
        // SAFETY: the column was fetched with the row; that it is of this type is looked at before the table is read.
        unsafe {
            let (value, is_null) = self.0.raw.column(self.0.resolved.number(column.any()));
            K::read(value, is_null)
        }
    }

    /// A column that the schema of a release before has none of: NULL there.
    pub fn get_optional<K: Kind>(&self, column: Column<T, K>) -> Option<K::Value<'s>> {
        self.0
            .resolved
            .has(column.any())
            .then(|| self.get(column))
            .flatten()
    }

    /// A column that the schema declares not null.
    pub fn need<K: Kind>(&self, column: Column<T, K>) -> K::Value<'s> {
        self.get(column).unwrap_or_else(|| self.refuse_null(column.any()))
    }

    pub fn owned(&self, column: Column<T, Text>) -> Option<String> {
        self.get(column).map(str::to_owned)
    }

    /// Whether a column holds this text.
    pub fn is(&self, column: Column<T, Text>, text: &str) -> bool {
        self.get(column) == Some(text)
    }

    /// Somebody has dropped the column's `not null`.
    #[cold]
    fn refuse_null(&self, column: AnyColumn) -> ! {
        let table = self.0.resolved.examined.table.name;
        access::refuse(table, &format!("a row has no {}", column.name.to_string_lossy()))
    }
}
