//! Columns by their names: which table one belongs to and what type it has are known where the code is compiled.

use std::ffi::CStr;
use std::marker::PhantomData;

use pgrx::pg_sys::{
    self, BOOLOID, Datum, INT4OID, INT8ARRAYOID, INT8OID, JSONBOID, Oid, TEXTOID, TIMESTAMPTZOID, XID8OID,
};
use pgrx::{FromDatum, JsonB, varlena};

use crate::postgres::argument::Argument;

/// A type of PostgreSQL, and what is read of it.
pub trait Kind {
    const TYPE: Oid;
    type Value<'a>;

    /// # Safety
    /// The value is of this type, and lives as long as what is made of it.
    unsafe fn read<'a>(value: Datum, is_null: bool) -> Option<Self::Value<'a>>;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $type:ident => $value:ty),* $(,)?) => {$(
        $(#[$doc])*
        pub enum $kind {}

        impl Kind for $kind {
            const TYPE: Oid = $type;
            type Value<'a> = $value;

            unsafe fn read<'a>(value: Datum, is_null: bool) -> Option<Self::Value<'a>> {
                // SAFETY: the value is of this type.
                unsafe { <$value>::from_datum(value, is_null) }
            }
        }
    )*};
}

kinds! {
    Bool: BOOLOID => bool,
    Int4: INT4OID => i32,
    Int8: INT8OID => i64,
    Int8s: INT8ARRAYOID => Vec<i64>,
    /// In PostgreSQL's microseconds.
    Time: TIMESTAMPTZOID => i64,
    /// A transaction's number, its epoch included.
    Xid8: XID8OID => i64,
    Json: JSONBOID => JsonB,
}

pub enum Text {}

impl Kind for Text {
    const TYPE: Oid = TEXTOID;
    type Value<'a> = &'a str;

    /// As it lies in the row where it lies there plainly.
    unsafe fn read<'a>(value: Datum, is_null: bool) -> Option<&'a str> {
        if is_null {
            return None;
        }
        // SAFETY: only what is neither compressed nor kept elsewhere is read in its place.
        unsafe {
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
}

/// A column of table `T`.
pub struct Column<T, K> {
    any: AnyColumn,
    of: PhantomData<fn() -> (T, K)>,
}

impl<T, K> Clone for Column<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for Column<T, K> {}

/// A column whose table is known from elsewhere.
#[derive(Clone, Copy)]
pub struct AnyColumn {
    /// Among the columns that are declared of its table.
    pub place: usize,
    pub name: &'static CStr,
}

impl<T, K> Column<T, K> {
    /// The name ends with a NUL.
    pub const fn new(place: usize, name: &'static str) -> Self {
        Column {
            any: AnyColumn {
                place,
                name: c_name(name),
            },
            of: PhantomData,
        }
    }

    pub const fn name(self) -> &'static CStr {
        self.any.name
    }

    pub const fn any(self) -> AnyColumn {
        self.any
    }

    /// It gets this value.
    pub fn to(self, value: Argument<'_>) -> Set<'_, T> {
        Set {
            column: self.any,
            value,
            of: PhantomData,
        }
    }
}

impl<T, K: Kind> Column<T, K> {
    pub const fn kind(self) -> Oid {
        K::TYPE
    }
}

/// A column of table `T` and its new value.
pub struct Set<'a, T> {
    pub column: AnyColumn,
    pub value: Argument<'a>,
    of: PhantomData<fn() -> T>,
}

pub const fn c_name(name: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a name that ends with a NUL"),
    }
}
