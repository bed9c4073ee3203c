//! Texts of a row that is to be written, in PostgreSQL's form.

use pgrx::{pg_sys, varlena};

use crate::postgres::spi::{Argument, arg};

/// The texts of a row that is to be written, in one piece of memory and in PostgreSQL's form. Asked of the server one by one,
/// each is an allocation behind a guard. What `put` gives is good as long as this lives.
pub struct Texts {
    /// Never grows: what was given points into it.
    room: Vec<u32>,
    used: usize,
}

/// In words of four bytes: what a usual call says fits.
const ROOM: usize = 256;

impl Texts {
    pub fn new() -> Self {
        Texts {
            room: Vec::with_capacity(ROOM),
            used: 0,
        }
    }

    pub fn put<'a>(&mut self, text: impl Into<Option<&'a str>>) -> Argument {
        let text = text.into()?;
        let words = 1 + text.len().div_ceil(4);
        if words > ROOM - self.used {
            return arg(text);
        }
        // SAFETY: there is room for the length and the bytes; a text lies at a multiple of four.
        unsafe {
            let stored = self.room.as_mut_ptr().add(self.used);
            varlena::set_varsize_4b(stored.cast(), (size_of::<u32>() + text.len()) as i32);
            std::ptr::copy_nonoverlapping(text.as_ptr(), stored.add(1).cast(), text.len());
            self.used += words;
            Some(pg_sys::Datum::from(stored))
        }
    }
}
