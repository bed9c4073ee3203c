//! A meter: what one subject of caps has used, for life and in the present window of each calendar span.
//!
//! A window is a mark: its start and end, and the counts as they stood at its start. What was used since is the difference, so a
//! call moves the counts for life alone. What becomes of a call that was reserved in a window that is over moves the marks of the later
//! ones with them, and so changes nothing there.
//!
//! Instants are PostgreSQL's microseconds.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::window::Span;

/// What calls come to. Also by how much that changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Slots held now.
    pub active: i32,
    /// Calls that hold no slot any more and whose outcome nobody knows yet: each may still count.
    pub unsettled: i32,
    pub offered: i64,
    pub answered: i64,
    pub qualified: i64,
}

impl Counts {
    /// A slot is reserved.
    pub const OFFER: Counts = Counts {
        active: 1,
        offered: 1,
        ..Counts::NONE
    };
    /// And comes back, of an attempt that failed.
    pub const SLOT_BACK: Counts = Counts {
        active: -1,
        ..Counts::NONE
    };
    pub const NONE: Counts = Counts {
        active: 0,
        unsettled: 0,
        offered: 0,
        answered: 0,
        qualified: 0,
    };

    /// What a record comes to. `held`: it had a slot until its end. Of one that was closed as LOST its outcome is known where it counts
    /// whatever comes.
    pub fn of_record(lost: bool, held: bool, counted: bool, qualified: bool) -> Counts {
        if lost && held && !(counted && qualified) {
            return Counts {
                unsettled: 1,
                ..Counts::NONE
            };
        }
        Counts {
            answered: i64::from(counted),
            qualified: i64::from(counted && qualified),
            ..Counts::NONE
        }
    }

    pub fn in_flight(&self) -> i64 {
        i64::from(self.active) + i64::from(self.unsettled)
    }

    #[must_use]
    pub fn plus(self, more: Counts) -> Counts {
        Counts {
            active: self.active + more.active,
            unsettled: self.unsettled + more.unsettled,
            offered: self.offered.saturating_add(more.offered),
            answered: self.answered.saturating_add(more.answered),
            qualified: self.qualified.saturating_add(more.qualified),
        }
    }

    #[must_use]
    pub fn minus(self, less: Counts) -> Counts {
        Counts {
            active: self.active - less.active,
            unsettled: self.unsettled - less.unsettled,
            offered: self.offered - less.offered,
            answered: self.answered - less.answered,
            qualified: self.qualified - less.qualified,
        }
    }
}

/// The present window of a span: its bounds, the counts at its start, and the zone that it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub span: Span,
    pub start: i64,
    pub end: i64,
    pub counts: Counts,
    pub zone: String,
}

/// What windows go by.
#[derive(Clone, Copy)]
pub struct Calendar<'a> {
    pub name: &'a str,
    pub zone: &'a TimeZone,
}

/// Start and end of the window that an instant lies in.
pub fn bounds(span: Span, at: i64, calendar: Calendar) -> (i64, i64) {
    let window = span.window(calendar.zone, timestamp(at));
    (microseconds(window.start), microseconds(window.end))
}

/// Marks of each span that a subject's first reservation begins. What it had before is not theirs: they are of calls since.
pub fn first(life: Counts, at: i64, calendar: Calendar) -> [Mark; 4] {
    Span::ALL.map(|span| Mark {
        span,
        start: at,
        end: bounds(span, at, calendar).1,
        counts: life,
        zone: calendar.name.to_owned(),
    })
}

impl Mark {
    /// Whether it has ended by then: another window is to be begun, or the end to be set anew.
    pub fn is_over(&self, at: i64) -> bool {
        self.end <= at
    }

    /// The window that an instant after the end of this one lies in. That is this one still where the zone is another now: a window
    /// goes on to the new zone's next boundary, since a midnight that comes sooner is no reason to begin anew. Or where
    /// the zone's law has changed, and its middle lies in the same day still.
    #[must_use]
    pub fn turned(&self, life: Counts, at: i64, calendar: Calendar) -> Mark {
        let goes_on = if self.zone == calendar.name {
            let middle = self.start.midpoint(self.end);
            microseconds(self.span.window(calendar.zone, timestamp(middle)).end)
        } else {
            microseconds(self.span.boundary(calendar.zone, timestamp(self.end)))
        };
        let zone = calendar.name.to_owned();
        if goes_on > at {
            return Mark {
                end: goes_on,
                zone,
                ..self.clone()
            };
        }
        let window = self.span.window(calendar.zone, timestamp(at));
        Mark {
            span: self.span,
            start: microseconds(window.start).max(self.end),
            end: microseconds(window.end),
            counts: life,
            zone,
        }
    }

    /// What becomes of a call that was reserved before this window changes nothing in it.
    pub fn leaves_out(&self, reserved: i64) -> bool {
        reserved < self.start
    }

    /// What was used of it, and what of that is in flight.
    pub fn used(&self, life: Counts) -> Counts {
        life.minus(self.counts)
    }
}

const YEAR_2000: i64 = 946_684_800_000_000;

pub fn timestamp(microseconds: i64) -> Timestamp {
    let bound = if microseconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_microsecond(microseconds.saturating_add(YEAR_2000)).unwrap_or(bound)
}

pub fn microseconds(instant: Timestamp) -> i64 {
    instant.as_microsecond() - YEAR_2000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A subject's counts and marks, as rows hold them.
    #[derive(Clone, Default)]
    struct Meter {
        life: Counts,
        marks: Vec<Mark>,
    }

    impl Meter {
        /// No window begins after it, also where the clock was set back.
        fn instant(&self, clock: i64) -> i64 {
            self.marks.iter().map(|mark| mark.start).fold(clock, i64::max)
        }

        fn turn(&mut self, zone: &str, at: i64) {
            let calendar = Calendar {
                name: zone,
                zone: &TimeZone::get(zone).unwrap(),
            };
            self.turn_by(calendar, at);
        }

        fn turn_by(&mut self, calendar: Calendar, at: i64) {
            if self.marks.is_empty() {
                self.marks = first(self.life, at, calendar).to_vec();
            }
            for mark in self.marks.iter_mut().filter(|mark| mark.is_over(at)) {
                *mark = mark.turned(self.life, at, calendar);
            }
        }

        fn add(&mut self, change: Counts, reserved: i64) {
            self.life = self.life.plus(change);
            for mark in self.marks.iter_mut().filter(|mark| mark.leaves_out(reserved)) {
                mark.counts = mark.counts.plus(change);
            }
        }
    }

    /// A call as a list would keep it.
    #[derive(Clone, Copy, Debug)]
    struct Call {
        reserved: i64,
        counts: Counts,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Offer,
        /// Of the call that is the n-th in flight, what becomes of it.
        End(prop::sample::Index, Outcome),
        Wait(i64),
        SetBack(i64),
        Zone(usize),
    }

    #[derive(Clone, Copy, Debug)]
    enum Outcome {
        Failed,
        Answered,
        Qualified,
        Lost,
    }

    const ZONES: [&str; 6] = [
        "UTC",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Kiritimati",
        "America/Havana",
    ];

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let hours = |hours: i64| hours * 3_600_000_000;
        let outcome = prop_oneof![
            Just(Outcome::Failed),
            Just(Outcome::Answered),
            Just(Outcome::Qualified),
            Just(Outcome::Lost)
        ];
        let step = prop_oneof![
            5 => Just(Step::Offer),
            5 => (any::<prop::sample::Index>(), outcome).prop_map(|(call, outcome)| Step::End(call, outcome)),
            4 => (1..hours(2)).prop_map(Step::Wait),
            2 => (hours(2)..hours(24 * 12)).prop_map(Step::Wait),
            1 => (1..hours(30)).prop_map(Step::SetBack),
            1 => (0..ZONES.len()).prop_map(Step::Zone),
        ];
        prop::collection::vec(step, 1..120)
    }

    /// How a call in flight, or one that was lost, ends.
    fn end(call: &Call, outcome: Outcome) -> Counts {
        let slot = Counts {
            active: -call.counts.active,
            unsettled: -call.counts.unsettled,
            ..Counts::NONE
        };
        slot.plus(match outcome {
            Outcome::Failed => Counts::NONE,
            Outcome::Answered => Counts {
                answered: 1,
                ..Counts::NONE
            },
            Outcome::Qualified => Counts {
                answered: 1,
                qualified: 1,
                ..Counts::NONE
            },
            Outcome::Lost => Counts {
                unsettled: 1,
                ..Counts::NONE
            },
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Through hours, weeks, changes of zone and of the clock: what a window says is used is what its calls come to.
        #[test]
        fn a_window_has_used_what_its_calls_come_to(steps in steps(), begin in 0..820_000_000_000_000_i64) {
            let mut meter = Meter::default();
            let mut calls: Vec<Call> = Vec::new();
            let (mut clock, mut zone) = (begin, 0);
            for step in steps {
                match step {
                    Step::Offer => {
                        let before = meter.clone();
                        let reserved = meter.instant(clock);
                        meter.turn(ZONES[zone], reserved);
                        for new in &meter.marks {
                            prop_assert!(new.start <= reserved && reserved < new.end, "{new:?} {reserved}");
                        }
                        for (old, new) in before.marks.iter().zip(&meter.marks) {
                            // A window never ends before its time, and never begins anew.
                            prop_assert!(new.start >= old.end || (new.start == old.start && new.end >= old.end));
                        }
                        meter.add(Counts::OFFER, reserved);
                        calls.push(Call { reserved, counts: Counts::OFFER });
                    }
                    Step::End(which, outcome) => {
                        let mut open: Vec<&mut Call> =
                            calls.iter_mut().filter(|call| call.counts.in_flight() > 0).collect();
                        if !open.is_empty() {
                            let at = which.index(open.len());
                            let call = &mut open[at];
                            let change = end(call, outcome);
                            call.counts = call.counts.plus(change);
                            meter.add(change, call.reserved);
                        }
                    }
                    Step::Wait(microseconds) => clock += microseconds,
                    Step::SetBack(microseconds) => clock -= microseconds,
                    Step::Zone(other) => zone = other,
                }
                let come_to = |since: i64| {
                    let of_window = calls.iter().filter(|call| call.reserved >= since);
                    of_window.fold(Counts::NONE, |sum, call| sum.plus(call.counts))
                };
                prop_assert_eq!(meter.life, come_to(i64::MIN));
                for mark in &meter.marks {
                    prop_assert_eq!(mark.used(meter.life), come_to(mark.start), "{:?}", mark.span);
                }
            }
        }
    }

    fn at(text: &str) -> i64 {
        microseconds(text.parse().unwrap())
    }

    #[track_caller]
    fn day_is(meter: &Meter, start: &str, end: &str) {
        let mark = &meter.marks[Span::Day as usize];
        assert_eq!((mark.start, mark.end), (at(start), at(end)));
    }

    /// From Berlin to New York at eight in the evening: Berlin's midnight, two hours on, is none of New York's, so the day goes
    /// on to New York's. And back: New York's midnight passes, and the day ends with Berlin's next.
    #[test]
    fn a_new_zone_s_midnight_resets_nothing() {
        let mut meter = Meter::default();
        meter.turn("Europe/Berlin", at("2026-06-10T18:00:00Z"));
        day_is(&meter, "2026-06-10T18:00:00Z", "2026-06-10T22:00:00Z");
        meter.turn("America/New_York", at("2026-06-10T23:00:00Z"));
        day_is(&meter, "2026-06-10T18:00:00Z", "2026-06-11T04:00:00Z");
        meter.turn("America/New_York", at("2026-06-11T05:00:00Z"));
        day_is(&meter, "2026-06-11T04:00:00Z", "2026-06-12T04:00:00Z");
        meter.turn("Europe/Berlin", at("2026-06-12T05:00:00Z"));
        day_is(&meter, "2026-06-11T04:00:00Z", "2026-06-12T22:00:00Z");
    }

    /// A zone whose law moves midnight by an hour, to either side, after the day had begun: an hour later it is the next day, or
    /// the same still.
    #[test]
    fn a_zone_whose_rules_change_has_one_day_a_date() {
        for (law, day) in [
            ("XYZ-2", ["2026-06-10T23:00:00Z", "2026-06-11T22:00:00Z"]),
            ("XYZ-0", ["2026-06-10T10:00:00Z", "2026-06-11T00:00:00Z"]),
        ] {
            let mut meter = Meter::default();
            for (law, instant) in [("XYZ-1", "2026-06-10T10:00:00Z"), (law, "2026-06-10T23:10:00Z")] {
                let zone = TimeZone::posix(law).unwrap();
                meter.turn_by(
                    Calendar {
                        name: "X",
                        zone: &zone,
                    },
                    at(instant),
                );
            }
            day_is(&meter, day[0], day[1]);
        }
    }
}
