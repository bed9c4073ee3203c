//! Values on their way to PostgreSQL.

use std::marker::PhantomData;

use pgrx::{IntoDatum, pg_sys};

/// A value for PostgreSQL, which lives as long as what it was made of.
#[derive(Clone, Copy)]
pub struct Argument<'a> {
    datum: Option<pg_sys::Datum>,
    of: PhantomData<&'a ()>,
}

impl Argument<'_> {
    pub const NULL: Argument<'static> = Argument {
        datum: None,
        of: PhantomData,
    };

    /// What it points to must live as long as it is used.
    pub fn of(datum: pg_sys::Datum) -> Self {
        Argument {
            datum: Some(datum),
            of: PhantomData,
        }
    }

    pub fn datum(&self) -> Option<pg_sys::Datum> {
        self.datum
    }
}

/// A value, copied into the current memory context where it does not fit into a datum; `None` is NULL.
pub fn arg<T: IntoDatum>(value: T) -> Argument<'static> {
    Argument {
        datum: value.into_datum(),
        of: PhantomData,
    }
}

/// A timestamp in PostgreSQL's microseconds.
pub fn instant(micros: impl Into<Option<i64>>) -> Argument<'static> {
    Argument {
        datum: micros.into().map(pg_sys::Datum::from),
        of: PhantomData,
    }
}
