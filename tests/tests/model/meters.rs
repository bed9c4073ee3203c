//! The model's windows: what each subject of caps has used, by counters of their own for life and for each window. The database keeps
//! counters for life and marks instead; so nothing here subtracts. Zones are those that have no summer: a shift of UTC.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::rows::{Micros, Record};
use super::seats::Seats;
use super::world::SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Link(i64),
    Client(i64),
    Did(i64),
    Campaign(i64),
    Seller(i64),
}

impl Subject {
    pub fn id(self) -> i64 {
        let (Subject::Link(id)
        | Subject::Client(id)
        | Subject::Did(id)
        | Subject::Campaign(id)
        | Subject::Seller(id)) = self;
        id
    }

    pub fn kind(self) -> &'static str {
        match self {
            Subject::Link(_) => "link",
            Subject::Client(_) => "client",
            Subject::Did(_) => "did",
            Subject::Campaign(_) => "campaign",
            Subject::Seller(_) => "seller",
        }
    }
}

pub const SPANS: [&str; 4] = ["hour", "day", "week", "month"];
pub const ZONES: [(&str, Micros); 2] = [("UTC", 0), ("Asia/Kathmandu", 20_700 * SECOND)];

/// What calls come to, or by how much that changes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    pub active: i64,
    /// Closed as LOST, and nobody knows what it counts.
    pub unsettled: i64,
    pub offered: i64,
    pub answered: i64,
    pub qualified: i64,
}

impl Tally {
    pub const OFFER: Tally = Tally {
        active: 1,
        unsettled: 0,
        offered: 1,
        answered: 0,
        qualified: 0,
    };

    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            active: self.active + other.active,
            unsettled: self.unsettled + other.unsettled,
            offered: self.offered + other.offered,
            answered: self.answered + other.answered,
            qualified: self.qualified + other.qualified,
        }
    }

    pub fn negative(self) -> Tally {
        Tally {
            active: -self.active,
            unsettled: -self.unsettled,
            offered: -self.offered,
            answered: -self.answered,
            qualified: -self.qualified,
        }
    }

    /// What a record comes to.
    pub fn of(record: &Record) -> Tally {
        let is_open = record.status == "LOST" && record.reserved_at.is_some();
        if is_open && !(record.counted && record.qualified) {
            return Tally {
                unsettled: 1,
                ..Tally::default()
            };
        }
        Tally {
            answered: i64::from(record.counted),
            qualified: i64::from(record.qualified),
            ..Tally::default()
        }
    }

    /// Its slot returns.
    pub fn without_slot(self, held: bool) -> Tally {
        Tally {
            active: self.active - i64::from(held),
            ..self
        }
    }

    pub fn sum(of: impl Iterator<Item = Tally>) -> Tally {
        of.fold(Tally::default(), Tally::plus)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub start: Micros,
    pub end: Micros,
    pub zone: Micros,
    pub used: Tally,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meter {
    pub life: Tally,
    /// None before the first call.
    pub windows: BTreeMap<&'static str, Window>,
    /// Of what is above links; theirs is a counter.
    pub reserved_at: Option<Micros>,
    /// Of a client.
    pub seats: Option<Seats>,
}

impl Meter {
    /// No call is reserved before.
    pub fn from(&self) -> Option<Micros> {
        self.windows.values().map(|window| window.start).max()
    }

    pub fn add(&mut self, change: Tally, reserved: Micros) {
        self.life = self.life.plus(change);
        for window in self.windows.values_mut() {
            if reserved >= window.start {
                window.used = window.used.plus(change);
            }
        }
    }
}

/// Where the window of an instant begins and ends.
pub fn bounds(span: &str, at: Micros, zone: Micros) -> (Micros, Micros) {
    const HOUR: Micros = 3_600 * SECOND;
    const DAY: Micros = 24 * HOUR;
    let local = at + zone;
    let day = local.div_euclid(DAY);
    let (start, end) = match span {
        "hour" => (local.div_euclid(HOUR) * HOUR, (local.div_euclid(HOUR) + 1) * HOUR),
        "day" => (day * DAY, (day + 1) * DAY),
        // The first day was a Thursday.
        "week" => {
            let monday = day - (day + 3).rem_euclid(7);
            (monday * DAY, (monday + 7) * DAY)
        }
        _ => {
            let epoch = Date::constant(1970, 1, 1);
            let date = epoch + jiff::Span::new().days(day);
            let days = |date: Date| Micros::from((date - epoch).get_days());
            let first = days(date.first_of_month());
            (first * DAY, (first + Micros::from(date.days_in_month())) * DAY)
        }
    };
    (start - zone, end - zone)
}

/// The window that a call of this instant belongs to: this one, or the one that begins when it is over.
pub fn present(span: &str, window: &Window, at: Micros, zone: Micros) -> Window {
    if window.end > at {
        return window.clone();
    }
    let goes_on = if window.zone == zone {
        // Its end was no boundary: the clock was moved, as a law moves it.
        bounds(span, window.start + (window.end - window.start) / 2, zone).1
    } else {
        // The first one of the new zone.
        match bounds(span, window.end, zone) {
            (start, _) if start == window.end => start,
            (_, end) => end,
        }
    };
    if goes_on > at {
        return Window {
            end: goes_on,
            zone,
            ..window.clone()
        };
    }
    let (start, end) = bounds(span, at, zone);
    Window {
        start: start.max(window.end),
        end,
        zone,
        used: Tally::default(),
    }
}
