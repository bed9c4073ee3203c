//! Rows that a statement gives, as structs whose fields are the select list.

use std::cell::Cell;

use pgrx::{FromDatum, pg_sys};

/// Columns of a result, each with the expression that it is read by.
pub type SelectList = &'static [(&'static str, &'static str)];

/// A row of a result. Its fields are the select list: see `selected`.
pub trait Selected: Sized {
    const LIST: SelectList;
    fn read(row: &Fields) -> Self;
}

/// Declares a row by its columns, each with the expression that gives it:
/// `selected! { struct Held { link_id: i64 = "l.link_id" } }`.
macro_rules! selected {
    ($(#[$doc:meta])* $visible:vis struct $name:ident {
        $($(#[$field_doc:meta])* $field_visible:vis $field:ident: $type:ty = $sql:expr),+ $(,)?
    }) => {
        $(#[$doc])*
        $visible struct $name {
            $($(#[$field_doc])* $field_visible $field: $type),+
        }

        impl $crate::postgres::rows::Selected for $name {
            const LIST: $crate::postgres::rows::SelectList = &[$((stringify!($field), $sql)),+];

            fn read(row: &$crate::postgres::rows::Fields) -> Self {
                $name { $($field: row.next(stringify!($field))),+ }
            }
        }
    };
}
pub(crate) use selected;

/// The result of one statement: rows read or rows changed. It is gone with SPI's memory, so nobody but `spi` has it.
pub(super) struct Rows {
    pub(super) table: *mut pg_sys::SPITupleTable,
    pub(super) count: usize,
}

impl Rows {
    pub(super) fn read<R: Selected>(&self, row: usize) -> R {
        R::read(&Fields {
            rows: self,
            row,
            next: Cell::new(1),
        })
    }

    pub(super) fn column<T: FromColumn>(&self, row: usize, number: i32) -> Option<T> {
        // SAFETY: row and column lie within the table; T is the column's type, as the SQL beside it says.
        unsafe {
            let table = self.table;
            let tuple = *(*table).vals.add(row);
            let mut is_null = false;
            let datum = pg_sys::SPI_getbinval(tuple, (*table).tupdesc, number, &mut is_null);
            T::from_column(datum, is_null)
        }
    }
}

/// One row on its way into a struct, whose fields are its columns in their order.
pub struct Fields<'a> {
    rows: &'a Rows,
    row: usize,
    next: Cell<i32>,
}

impl Fields<'_> {
    pub fn next<T: FromColumn>(&self, name: &str) -> T {
        let number = self.next.replace(self.next.get() + 1);
        self.rows
            .column(self.row, number)
            .unwrap_or_else(|| panic!("column {name} is NULL"))
    }
}

/// What can be read of a result's column.
pub trait FromColumn: Sized {
    /// `None`: it is NULL, and cannot be.
    ///
    /// # Safety
    /// The datum is of the type's own in PostgreSQL, or NULL.
    unsafe fn from_column(datum: pg_sys::Datum, is_null: bool) -> Option<Self>;
}

impl<T: FromColumn> FromColumn for Option<T> {
    unsafe fn from_column(datum: pg_sys::Datum, is_null: bool) -> Option<Self> {
        // SAFETY: as the caller's.
        Some(unsafe { T::from_column(datum, is_null) })
    }
}

macro_rules! from_column {
    ($($type:ty),*) => {$(
        impl FromColumn for $type {
            unsafe fn from_column(datum: pg_sys::Datum, is_null: bool) -> Option<Self> {
                // SAFETY: as the caller's.
                unsafe { <$type>::from_datum(datum, is_null) }
            }
        }
    )*};
}
// An i64 is also a timestamp, in PostgreSQL's microseconds.
from_column!(bool, i32, i64, String, Vec<i64>, pg_sys::Oid);
