//! Texts of a row that is to be written, in PostgreSQL's form.

use std::cell::Cell;
use std::mem::MaybeUninit;

use pgrx::{pg_sys, varlena};

use crate::postgres::argument::{Argument, arg};

/// The texts of a row that is to be written, in one piece of memory and in PostgreSQL's form. Asked of the server one by one,
/// each is an allocation behind a guard. What `put` gives cannot outlive this.
pub struct Texts {
    room: Box<[MaybeUninit<Cell<u32>>]>,
    used: Cell<usize>,
}

/// In words of four bytes: what a usual call says fits.
const ROOM: usize = 256;

impl Texts {
    pub fn new() -> Self {
        Texts {
            room: Box::new_uninit_slice(ROOM),
            used: Cell::new(0),
        }
    }

    pub fn put<'a>(&self, text: impl Into<Option<&'a str>>) -> Argument<'_> {
        let Some(text) = text.into() else {
            return Argument::NULL;
        };
        let words = 1 + text.len().div_ceil(4);
        let used = self.used.get();
        if words > ROOM - used {
            return arg(text);
        }
        // SAFETY: there is room for the length and the bytes, which nobody else writes to; a text lies at a multiple of four.
        unsafe {
            let stored = self.room.as_ptr().add(used).cast_mut().cast::<u32>();
            varlena::set_varsize_4b(stored.cast(), (size_of::<u32>() + text.len()) as i32);
            std::ptr::copy_nonoverlapping(text.as_ptr(), stored.add(1).cast(), text.len());
            self.used.set(used + words);
            Argument::of(pg_sys::Datum::from(stored))
        }
    }
}
