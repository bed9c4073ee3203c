//! Rows fetched by an index, and their columns.

use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{FromDatum, pg_sys, varlena};

use crate::postgres::access::Examined;
use crate::postgres::index_choice::FoundIndex;
use crate::postgres::look::At;
use crate::postgres::spi::Argument;
use crate::postgres::{access, index_scan};

/// Names turned into numbers, for as long as no table changes.
pub struct Resolved {
    pub examined: Rc<Examined>,
    pub index: FoundIndex,
    pub columns: Vec<i16>,
    pub names: &'static [&'static CStr],
    /// The last column wanted: a row is taken apart so far.
    pub last: i16,
}

/// An open index: `seek` as often as there are keys, then `next` until there is no more.
pub struct Scan {
    pub raw: index_scan::IndexScan,
    pub resolved: Rc<Resolved>,
    pub at: At,
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
