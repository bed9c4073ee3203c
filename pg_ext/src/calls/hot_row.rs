//! A hot row, of a link or a meter: what becomes of a change of its counters, and how it is waited for.

use capconduit_core::Subject;
use capconduit_core::meter::Counts;
use pgrx::PgSqlErrorCode;

use crate::postgres::error::raise;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::View;
use crate::postgres::lookup::Lookup;
use crate::postgres::scan::Scan;

/// What became of a change of counters.
pub enum Changed<T> {
    Done(T),
    /// The counters do not allow it, or the subject is gone. Not locked.
    Refused,
    /// Somebody holds the row, for longer than was to be waited. Not locked.
    Held(Subject),
    /// What the change rests on beside the counters is not so any more. Not locked.
    Outdated,
}

impl<T> Changed<T> {
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Changed<U> {
        match self {
            Changed::Done(done) => Changed::Done(with(done)),
            Changed::Refused => Changed::Refused,
            Changed::Held(subject) => Changed::Held(subject),
            Changed::Outdated => Changed::Outdated,
        }
    }

    pub fn and_then<U>(self, with: impl FnOnce(T) -> Changed<U>) -> Changed<U> {
        match self.map(with) {
            Changed::Done(next) => next,
            Changed::Refused => Changed::Refused,
            Changed::Held(subject) => Changed::Held(subject),
            Changed::Outdated => Changed::Outdated,
        }
    }
}

/// Waits until a row can be changed, and changes nothing. `false`: it is held still.
pub fn wait_for_row<T>(rows: &Lookup<T>, find: impl Fn(&mut Scan<'_, T>) -> bool, wait: Wait) -> bool {
    loop {
        let done = View::Fresh.look(|at| {
            let mut scan = rows.open_to_write(at);
            let holder = find(&mut scan).then(|| scan.holder()).flatten();
            match holder {
                None => Some(true),
                Some(holder) => (!scan.wait(&holder, wait)).then_some(false),
            }
        });
        if let Some(released) = done {
            return released;
        }
    }
}

/// What ends come to.
pub fn sum(ends: &[(Counts, i64)]) -> Counts {
    ends.iter()
        .fold(Counts::NONE, |sum, (change, _)| sum.plus(*change))
}

/// Not the record's fault: it is to be tried again when the counters are right.
pub fn refuse_release(whose: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("{whose} holds fewer slots than are given back: run reconcile_counters()"),
    )
}
