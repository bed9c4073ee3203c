//! A cap: how many calls a subject may have over one window. All caps of a call's subjects must have room for it; each call in
//! flight takes room too, since it may still count.
//!
//! Instants are PostgreSQL's microseconds.

use jiff::tz::TimeZone;

use crate::meter::{self, Calendar, Counts, Mark};
use crate::window::Span;

/// What a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A slot was reserved.
    Offered,
    /// And the call was answered.
    Answered,
    /// And talked long enough to be a good one.
    Qualified,
}

impl Counted {
    pub const ALL: [Counted; 3] = [Counted::Offered, Counted::Answered, Counted::Qualified];
    pub const NAMES: [&'static str; 3] = ["offered", "answered", "qualified"];

    pub fn name(self) -> &'static str {
        Counted::NAMES[self as usize]
    }

    pub fn parse(name: &str) -> Option<Self> {
        Counted::ALL.into_iter().find(|counted| counted.name() == name)
    }
}

/// Over what a cap counts, what holds longest first: so reasons are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Total,
    Month,
    Week,
    Day,
    Hour,
    /// At one time.
    Concurrent,
}

impl Over {
    pub const ALL: [Over; 6] = [
        Over::Total,
        Over::Month,
        Over::Week,
        Over::Day,
        Over::Hour,
        Over::Concurrent,
    ];
    pub const NAMES: [&'static str; 6] = ["total", "month", "week", "day", "hour", "concurrent"];

    pub fn name(self) -> &'static str {
        Over::NAMES[self as usize]
    }

    pub fn parse(name: &str) -> Option<Self> {
        Over::ALL.into_iter().find(|over| over.name() == name)
    }

    fn span(self) -> Option<Span> {
        match self {
            Over::Month => Some(Span::Month),
            Over::Week => Some(Span::Week),
            Over::Day => Some(Span::Day),
            Over::Hour => Some(Span::Hour),
            Over::Total | Over::Concurrent => None,
        }
    }
}

/// As people set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    pub id: i64,
    pub counts: Counted,
    pub over: Over,
    /// 0 is closed.
    pub max_calls: i64,
    /// `false`: it is shown, and stops nothing.
    pub is_enforced: bool,
}

/// Caps of one subject, and what they go by.
#[derive(Clone, Debug)]
pub struct Capped {
    pub caps: Vec<Cap>,
    /// Where there are caps. Without one they let nothing through.
    pub meter: Option<Box<Meter>>,
    /// When the last of the subject's present windows began: no call belongs to an instant before.
    pub windows_from: i64,
}

impl Capped {
    pub const NOT: Capped = Capped {
        caps: Vec::new(),
        meter: None,
        windows_from: i64::MIN,
    };
}

/// What is used of a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub used: i64,
    /// Calls that may still count.
    pub in_flight: i64,
    /// When its window ends. `None`: it has no end.
    pub resets_at: Option<i64>,
}

impl Cap {
    /// For how many calls more; below nothing where more than the limit were let through before it was lowered.
    pub fn room(&self, used: Use) -> i64 {
        self.max_calls
            .saturating_sub(used.used.saturating_add(used.in_flight))
    }

    pub fn has_room(&self, used: Use) -> bool {
        self.room(used) > 0
    }

    pub fn stops(&self, used: Use) -> bool {
        self.is_enforced && !self.has_room(used)
    }
}

/// What a subject has used, by the zone that its windows go by.
#[derive(Clone, Debug)]
pub struct Meter {
    pub life: Counts,
    /// None where no call was reserved yet.
    pub marks: Vec<Mark>,
    pub zone_name: String,
    pub zone: TimeZone,
}

impl Meter {
    /// What is used of a cap at an instant, in the window that a call reserved then would belong to.
    pub fn used(&self, cap: &Cap, at: i64) -> Use {
        let (counts, resets_at) = self.counts(cap.over, at);
        let (used, in_flight) = match (cap.over, cap.counts) {
            (Over::Concurrent, _) => (i64::from(self.life.active), 0),
            (_, Counted::Offered) => (counts.offered, 0),
            (_, Counted::Answered) => (counts.answered, counts.in_flight()),
            (_, Counted::Qualified) => (counts.qualified, counts.in_flight()),
        };
        Use {
            used,
            in_flight,
            resets_at,
        }
    }

    fn counts(&self, over: Over, at: i64) -> (Counts, Option<i64>) {
        let Some(span) = over.span() else {
            return (self.life, None);
        };
        let calendar = Calendar {
            name: &self.zone_name,
            zone: &self.zone,
        };
        match self.marks.iter().find(|mark| mark.span == span) {
            // Its windows begin with its first call.
            None => (Counts::NONE, Some(meter::bounds(span, at, calendar).1)),
            Some(mark) if mark.is_over(at) => {
                let mark = mark.turned(self.life, at, calendar);
                (mark.used(self.life), Some(mark.end))
            }
            Some(mark) => (mark.used(self.life), Some(mark.end)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// Ten offered, of these six answered, of these three good; two are in flight, one of them unheard of. In its day, which began at
    /// zero: four, three, two, and both in flight.
    pub(crate) fn meter() -> Meter {
        let life = Counts {
            active: 1,
            unsettled: 1,
            offered: 10,
            answered: 6,
            qualified: 3,
        };
        Meter {
            life,
            marks: vec![Mark {
                span: Span::Day,
                start: 0,
                end: 24 * HOUR,
                counts: Counts {
                    offered: 6,
                    answered: 3,
                    qualified: 1,
                    ..Counts::NONE
                },
                zone: "UTC".to_owned(),
            }],
            zone_name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    pub(crate) fn cap(counts: Counted, over: Over, max_calls: i64) -> Cap {
        Cap {
            id: 1,
            counts,
            over,
            max_calls,
            is_enforced: true,
        }
    }

    #[test]
    fn each_has_room_below_its_limit_with_those_in_flight() {
        use Counted::{Answered, Offered, Qualified};
        for (counts, over, taken) in [
            (Offered, Over::Total, 10),
            (Answered, Over::Total, 8),
            (Qualified, Over::Total, 5),
            (Offered, Over::Day, 4),
            (Answered, Over::Day, 5),
            (Qualified, Over::Day, 4),
            (Offered, Over::Concurrent, 1),
            // No call of the month is known: its window begins with the next.
            (Answered, Over::Month, 0),
        ] {
            let has_room = |max_calls| {
                let cap = cap(counts, over, max_calls);
                cap.has_room(meter().used(&cap, HOUR))
            };
            assert!(!has_room(taken), "{counts:?} {over:?}");
            assert!(has_room(taken + 1), "{counts:?} {over:?}");
        }
        let closed = cap(Answered, Over::Month, 0);
        assert!(!closed.has_room(meter().used(&closed, HOUR)));
    }

    #[test]
    fn a_window_that_is_over_has_used_nothing() {
        let day = cap(Counted::Answered, Over::Day, 5);
        let used = |at| meter().used(&day, at);
        assert_eq!(used(24 * HOUR - 1).resets_at, Some(24 * HOUR));
        let next = Use {
            used: 0,
            in_flight: 0,
            resets_at: Some(48 * HOUR),
        };
        assert_eq!(used(24 * HOUR), next);
    }

    #[test]
    fn names_are_read_back() {
        for over in Over::ALL {
            assert_eq!(Over::parse(over.name()), Some(over));
        }
        for counted in Counted::ALL {
            assert_eq!(Counted::parse(counted.name()), Some(counted));
        }
    }
}
