//! What rows are looked for by.

use pgrx::pg_sys;

/// What an index's first column is compared with.
#[derive(Clone, Copy)]
pub enum Key {
    /// An equal int8.
    Int8,
    /// An equal text.
    Text,
    /// A later timestamptz.
    Before,
}

impl Key {
    pub fn comparison(self) -> (u32, pg_sys::Oid) {
        let (strategy, function) = match self {
            Key::Int8 => (pg_sys::BTEqualStrategyNumber, pg_sys::F_INT8EQ),
            Key::Text => (pg_sys::BTEqualStrategyNumber, pg_sys::F_TEXTEQ),
            Key::Before => (pg_sys::BTLessStrategyNumber, pg_sys::F_TIMESTAMPTZ_LT),
        };
        (strategy, function.into())
    }
}
