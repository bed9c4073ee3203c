//! The door of every function that writes for calls. Behind it the function's four duties are done, or the code does not compile:
//! the isolation level is READ COMMITTED; SPI is connected, with the owner's search path once something looks a name up;
//! nothing is written before the commit is armed (`early_lock_release`); and no answer is given before it is said what it
//! rests on: what was written, what was seen, or nothing that must outlive a crash.

use crate::calls::locks::{enter_live_calls, lock_call};
use crate::postgres::armed::Armed;
use crate::postgres::early_lock_release::{arm, flush_what_was_seen};
use crate::postgres::spi::{Connected, connected};
use crate::postgres::transaction::require_read_committed;

/// Before the door, where arguments are looked at.
#[must_use]
pub struct Door(());

/// Behind it.
pub struct Inside<'a>(&'a Connected);

/// An answer that may be given: it is known what it rests on.
#[must_use]
pub struct Answered<T>(T);

impl Door {
    pub fn of(function: &str) -> Self {
        require_read_committed(function);
        Door(())
    }

    /// For a function whose first statement, or first look, locks `live_calls`.
    pub fn open<T>(self, work: impl FnOnce(&Inside) -> Answered<T>) -> T {
        connected(|spi| work(&Inside(spi)).0)
    }

    /// Everything about one call happens one after the other.
    pub fn call<T>(self, uniqueid: &str, work: impl FnOnce(&Inside) -> Answered<T>) -> T {
        self.open(|inside| {
            lock_call(uniqueid);
            work(inside)
        })
    }

    /// The same for a call that is in flight.
    pub fn call_in_flight<T>(self, uniqueid: &str, work: impl FnOnce(&Inside) -> Answered<T>) -> T {
        self.call(uniqueid, |inside| {
            enter_live_calls();
            work(inside)
        })
    }

    /// For a function that writes in any case, to any calls.
    pub fn calls<T>(self, work: impl FnOnce(Armed) -> Answered<T>) -> T {
        self.open(|inside| {
            enter_live_calls();
            work(inside.arm())
        })
    }
}

impl Inside<'_> {
    /// Before the first write.
    pub fn arm(&self) -> Armed<'_> {
        arm(self.0)
    }

    /// The answer rests on rows that this transaction did not write: they may be committed, and not yet be on disk.
    pub fn seen<T>(&self, answer: T) -> Answered<T> {
        flush_what_was_seen();
        Answered(answer)
    }
}

impl<T> Answered<T> {
    /// It rests on what this transaction wrote: its commit makes it durable.
    pub fn written(_armed: Armed, answer: T) -> Self {
        Answered(answer)
    }

    /// With more that is read before the door closes.
    pub fn map<U>(self, more: impl FnOnce(T) -> U) -> Answered<U> {
        Answered(more(self.0))
    }

    /// It says nothing that must still be true after a crash: a reject.
    pub fn passing(answer: T) -> Self {
        Answered(answer)
    }
}
