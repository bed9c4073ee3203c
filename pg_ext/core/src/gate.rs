//! What a gate is: one condition for a call to be taken now, with what it says where it stops. `gates` has them all.

use std::fmt;

use crate::callers::{self, Former};
use crate::facts::{Dialled, Link};
use crate::reason::Reject;

/// What is asked, beside the facts: when, and for whom.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// One reading of the clock for all gates, in PostgreSQL's microseconds.
    pub at: i64,
    /// The caller's number, as the switch gives it.
    pub caller: Option<&'a str>,
    /// It is a call's, or was asked for: without a number it has none. Else nobody in particular calls.
    pub knows_caller: bool,
    /// The switch.
    pub node: Option<&'a str>,
    /// Known once the caller's marks are.
    pub former: Option<Former>,
}

impl Asked<'_> {
    /// Without a number.
    pub fn is_anonymous(&self) -> bool {
        self.knows_caller && callers::canonical(self.caller).is_none()
    }

    /// Whether the client had the caller.
    pub fn is_former(&self, client_id: i64) -> bool {
        self.former.is_some_and(|former| former.client_id == client_id)
    }
}

/// One condition. It judges facts, the clock and the caller, and reads nothing itself.
pub struct Gate {
    /// The stable token.
    pub name: &'static str,
    /// Why a new call is rejected that this gate has stopped.
    pub says: Reject,
    pub freed_by: FreedBy,
    pub is_told: Told,
    pub rule: Rule,
}

/// Whether who asks for all gates is told of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Always,
    /// Where there is something that it goes by.
    WhereSet,
}

/// What a gate judges.
#[derive(Clone, Copy)]
pub enum Rule {
    /// The call, once, before any link is looked at.
    Call {
        stops: fn(&Dialled, &Asked<'_>) -> bool,
        figures: fn(&Dialled, &Asked<'_>) -> Figures,
    },
    /// Each link.
    Link {
        stops: fn(&Link, &Asked<'_>) -> bool,
        figures: fn(&Link, &Asked<'_>) -> Figures,
    },
}

/// What lets through again what a gate has stopped, the soonest last: of several gates that stopped, a reject tells the one that
/// opens soonest, and only where a call's end would do does a route look for calls that ended unheard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FreedBy {
    /// Nothing, for this call.
    Nothing,
    /// Somebody changes what is set, or a client registers.
    Change,
    /// An instant comes that somebody has set: a pause ends, a schedule opens.
    Date,
    /// A call in flight turns out not to count, or a window ends. A call that is closed as LOST may count still: closing it frees nothing.
    Outcome,
    /// A call in flight ends.
    CallEnd,
    /// Some seconds pass.
    Time,
}

impl FreedBy {
    pub fn name(self) -> &'static str {
        match self {
            FreedBy::Nothing => "nothing",
            FreedBy::Change => "change",
            FreedBy::Outcome => "outcome",
            FreedBy::CallEnd => "call_end",
            FreedBy::Date | FreedBy::Time => "time",
        }
    }
}

/// What a gate goes by, each under its name.
pub type Figures = Vec<(&'static str, Figure)>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figure {
    Count(i64),
    /// In PostgreSQL's microseconds.
    Instant(i64),
    Text(String),
}

/// Of a gate that judges by a yes or no.
pub fn no_figures<T>(_: &T, _: &Asked<'_>) -> Figures {
    Figures::new()
}

/// There is one value of each gate.
impl PartialEq for Gate {
    fn eq(&self, other: &Gate) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Gate {}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// What is found of one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Eligible,
    /// The first gate that stops it.
    Stopped(&'static Gate),
    /// It may have room, but another transaction holds its counters. No gate says so: whoever waited for them does.
    Held,
}

impl Verdict {
    /// The stable token in `explain_route` and in decisions.
    pub fn token(self) -> &'static str {
        match self {
            Verdict::Eligible => "eligible",
            Verdict::Stopped(gate) => gate.name,
            Verdict::Held => "held",
        }
    }

    pub fn stopped_by(self) -> Option<&'static Gate> {
        match self {
            Verdict::Stopped(gate) => Some(gate),
            Verdict::Eligible | Verdict::Held => None,
        }
    }

    /// The link would take the call as soon as one of its calls ends.
    pub fn is_freed_by_a_call(self) -> bool {
        self.stopped_by()
            .is_some_and(|gate| gate.freed_by == FreedBy::CallEnd)
    }
}
