//! What is declared of a table that is reached without a plan: its columns with their types, its indexes, what is written.

use std::ffi::CStr;

use pgrx::pg_sys::Oid;

/// A column and its type.
pub type Declared = (&'static CStr, Oid);

pub struct Table {
    pub name: &'static CStr,
    pub columns: &'static [Declared],
    /// What an older schema has none of.
    pub optional: &'static [Declared],
    pub indexes: &'static [Index],
    pub written: &'static [Operation],
    /// Columns that are changed; no others ever are.
    pub changed: &'static [&'static CStr],
    /// Checks that the changes themselves hold.
    pub own_checks: &'static [&'static CStr],
}

/// Found by its columns, whatever its name; of several the one of this name.
pub struct Index {
    pub name: &'static CStr,
    /// Its first columns, in this order.
    pub columns: &'static [&'static CStr],
    pub kind: IndexKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// It keeps these columns single.
    Unique,
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Insert,
    Update,
    Delete,
}

impl Table {
    /// Whether an older schema has no such column.
    pub fn is_optional(&self, column: &CStr) -> bool {
        self.optional.iter().any(|(name, _)| *name == column)
    }

    /// A column's type.
    pub fn type_of(&self, column: &CStr) -> Oid {
        let columns = self.columns.iter().chain(self.optional);
        let mut found = columns.filter(|(name, _)| *name == column);
        let (_, kind) = found
            .next()
            .unwrap_or_else(|| panic!("column {column:?} of {:?} is not declared", self.name));
        *kind
    }
}

/// Declares tables: each is a module with its columns, and one of `TABLES`.
macro_rules! tables {
    ($(
        $table:ident {
            columns { $($column:ident: $kind:ident),* $(,)? }
            $(optional { $($later:ident: $later_kind:ident),* $(,)? })?
            indexes { $($index_kind:ident $index:ident: $($key:ident),+;)* }
            $(written: $($operation:ident),+;)?
            $(changed: $($changed:ident),+;)?
            $(own_checks: $($check:expr),+;)?
        }
    )*) => {
        $(
            #[allow(non_upper_case_globals, dead_code)]
            pub mod $table {
                use std::ffi::CStr;

                #[allow(unused_imports)]
                use $crate::postgres::column::{AnyColumn, Bool, Column, Int4, Int8, Int8s, Json, Kind, Text, Time, Xid8, c_name};
                use $crate::postgres::table::Declared;

                /// Marks what belongs to this table.
                pub enum Of {}

                #[allow(non_camel_case_types)]
                enum Place { $($column,)* $($($later,)*)? }

                pub const NAME: &CStr = c_name(concat!(stringify!($table), "\0"));
                $(pub const $column: Column<Of, $kind> =
                    Column::new(Place::$column as usize, concat!(stringify!($column), "\0"));)*
                $($(pub const $later: Column<Of, $later_kind> =
                    Column::new(Place::$later as usize, concat!(stringify!($later), "\0"));)*)?
                pub const COLUMNS: &[Declared] = &[$(($column.name(), $kind::TYPE)),*];
                pub const OPTIONAL: &[Declared] = &[$($(($later.name(), $later_kind::TYPE)),*)?];
                /// What calls change.
                pub const CHANGED: &[AnyColumn] = &[$($($changed.any()),+)?];
            }
        )*

        pub const TABLES: &[$crate::postgres::table::Table] = &[$(
            $crate::postgres::table::Table {
                name: $table::NAME,
                columns: $table::COLUMNS,
                optional: $table::OPTIONAL,
                indexes: &[$($crate::postgres::table::Index {
                    name: $crate::postgres::column::c_name(concat!(stringify!($index), "\0")),
                    columns: &[$($table::$key.name()),+],
                    kind: $crate::postgres::table::IndexKind::$index_kind,
                }),*],
                written: &[$($($crate::postgres::table::Operation::$operation),+)?],
                changed: &[$($($table::$changed.name()),+)?],
                own_checks: &[$($($check),+)?],
            }
        ),*];
    };
}
pub(crate) use tables;
