//! Where rows were found by a key that no two rows have: this backend looks there first, and needs no index then. What is
//! remembered is a guess: a row counts if it is there, visible at the look's snapshot, and has the key. Then it is the one row that
//! the index would have led to, whatever was vacuumed, moved or written anew meanwhile.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::pg_sys::{self, Datum};

use crate::postgres::column::{Int8, Kind, Text};
use crate::postgres::key::Key;

/// Too few: keys drive each other out. Too many: a backend keeps 24 bytes of each, for each of eight look-ups.
const PLACES: usize = 1024;

/// The page in shared memory, and the beginning of the row's versions on it.
#[derive(Clone, Copy, Default)]
pub struct Place {
    pub first: pg_sys::ItemPointerData,
    pub buffer: pg_sys::Buffer,
}

pub struct Remembered {
    key: Key,
    places: RefCell<Vec<(u64, Place)>>,
}

impl Remembered {
    pub fn new(key: Key) -> Self {
        let places = RefCell::default();
        Remembered { key, places }
    }

    pub fn place(&self, key: Datum) -> Option<Place> {
        let hash = self.hash(key);
        let places = self.places.borrow();
        let (of, place) = places.get(hash as usize % PLACES)?;
        (*of == hash && place.buffer != 0).then_some(*place)
    }

    pub fn note(&self, key: Datum, place: Place) {
        let hash = self.hash(key);
        let mut places = self.places.borrow_mut();
        if places.is_empty() {
            places.resize(PLACES, (0, Place::default()));
        }
        places[hash as usize % PLACES] = (hash, place);
    }

    fn hash(&self, key: Datum) -> u64 {
        match self.key {
            Key::Text => {
                let mut hasher = DefaultHasher::new();
                read::<Text>(key).hash(&mut hasher);
                hasher.finish()
            }
            _ => key.value() as u64,
        }
    }

    /// Whether a column's value is this key.
    pub fn is_key(&self, key: Datum, (value, is_null): (Datum, bool)) -> bool {
        !is_null
            && match self.key {
                Key::Text => read::<Text>(key) == read::<Text>(value),
                _ => read::<Int8>(key) == read::<Int8>(value),
            }
    }
}

fn read<'a, K: Kind>(value: Datum) -> Option<K::Value<'a>> {
    // SAFETY: the key of a look-up is of its type, as is the index's column, and both live longer than the comparison.
    unsafe { K::read(value, false) }
}
