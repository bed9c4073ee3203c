//! Windows of a calendar, which caps count in: the hour, day, week and month of a zone that an instant lies in. The windows of a
//! zone follow each other without a gap, and each contains its start.
//!
//! `date_trunc` of PostgreSQL and jiff's `start_of_day` of an instant are no such rule: where a zone's clock steps back over midnight
//! both answer with a window that was left already, and hours of zones whose clock steps by half an hour overlap.

use jiff::civil::{Date, time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Begins at each full local hour and at each change of the zone's offset: the hour that autumn repeats is two.
    Hour,
    /// Begins when the local date first reaches a day; it is not left when the date steps back over midnight. A day that
    /// a zone skips has none.
    Day,
    /// Begins with the day window of a Monday.
    Week,
    /// Begins with the day window of the first of a month.
    Month,
}

/// From its start, which belongs to it, to its end, which does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Window {
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}

impl Span {
    pub const ALL: [Span; 4] = [Span::Hour, Span::Day, Span::Week, Span::Month];

    pub fn name(self) -> &'static str {
        match self {
            Span::Hour => "hour",
            Span::Day => "day",
            Span::Week => "week",
            Span::Month => "month",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Span::ALL.into_iter().find(|span| span.name() == name)
    }

    /// The window that this instant lies in. Instants and windows beyond the years that jiff knows (-9999 to 9999) end
    /// there.
    pub fn window(self, zone: &TimeZone, instant: Timestamp) -> Window {
        match self {
            Span::Hour => hour(zone, instant),
            Span::Day => {
                let day = day(zone, instant);
                between(zone, day, next(day, 1))
            }
            Span::Week => {
                let day = day(zone, instant);
                let monday = next(day, -i32::from(day.weekday().to_monday_zero_offset()));
                between(zone, monday, next(monday, 7))
            }
            Span::Month => {
                let first = day(zone, instant).first_of_month();
                let following = first.checked_add(1.month()).unwrap_or(Date::MAX);
                between(zone, first, following)
            }
        }
    }

    /// The first boundary of this zone's windows at or after an instant: where a window ends that was begun in another zone.
    pub fn boundary(self, zone: &TimeZone, instant: Timestamp) -> Timestamp {
        let window = self.window(zone, instant);
        if window.start == instant {
            instant
        } else {
            window.end
        }
    }
}

fn next(day: Date, days: i32) -> Date {
    let bound = if days < 0 { Date::MIN } else { Date::MAX };
    day.checked_add(days.days()).unwrap_or(bound)
}

fn between(zone: &TimeZone, from: Date, until: Date) -> Window {
    Window {
        start: reached(zone, from),
        end: reached(zone, until),
    }
}

fn hour(zone: &TimeZone, instant: Timestamp) -> Window {
    let offset = zone.to_offset(instant);
    let Steady { since, until } = Steady::around(zone, instant, offset);
    let local = instant.as_second().saturating_add(i64::from(offset.seconds()));
    let start = local.div_euclid(3600) * 3600 - i64::from(offset.seconds());
    Window {
        start: second(start).max(since),
        end: second(start + 3600).min(until),
    }
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The time around an instant in which a zone's offset stays what it is. A new name of the zone, or of its summer time, is
/// no change.
struct Steady {
    since: Timestamp,
    until: Timestamp,
}

impl Steady {
    fn around(zone: &TimeZone, instant: Timestamp, offset: Offset) -> Self {
        const NEAREST: SignedDuration = SignedDuration::from_nanos(1);
        // More than any hour: what lies beyond is not asked for.
        const FAR: SignedDuration = SignedDuration::from_hours(2);
        let nearby = |at: &Timestamp| (at.duration_since(instant)).abs() <= FAR;
        let since = zone
            .preceding(instant.saturating_add(NEAREST).unwrap_or(instant))
            .map(|change| change.timestamp())
            .take_while(nearby)
            .find(|at| zone.to_offset(at.saturating_sub(NEAREST).unwrap_or(*at)) != offset);
        let until = zone
            .following(instant)
            .take_while(|change| nearby(&change.timestamp()))
            .find(|change| change.offset() != offset)
            .map(|change| change.timestamp());
        Steady {
            since: since.unwrap_or(Timestamp::MIN),
            until: until.unwrap_or(Timestamp::MAX),
        }
    }
}

/// The latest day that the zone's local date has reached by then.
fn day(zone: &TimeZone, instant: Timestamp) -> Date {
    let mut day = zone.to_datetime(instant).date();
    while let Ok(later) = day.checked_add(1.day())
        && reached(zone, later) <= instant
    {
        day = later;
    }
    day
}

/// When the zone's local date was first on this day or after it.
fn reached(zone: &TimeZone, day: Date) -> Timestamp {
    // No zone is further from UTC, and none ever stepped back by more than a day.
    const BEFORE: SignedDuration = SignedDuration::from_hours(40);
    let Ok(midnight) = Offset::UTC.to_timestamp(day.to_datetime(time(0, 0, 0, 0))) else {
        return if day < Date::ZERO {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
    };
    let mut from = midnight.saturating_sub(BEFORE).unwrap_or(Timestamp::MIN);
    let mut offset = zone.to_offset(from);
    let until = midnight.saturating_add(BEFORE).unwrap_or(Timestamp::MAX);
    let mut changes = zone
        .following(from)
        .take_while(|change| change.timestamp() < until);
    loop {
        let seconds = SignedDuration::from_secs(i64::from(offset.seconds()));
        let reached = midnight.saturating_sub(seconds).unwrap_or(midnight).max(from);
        match changes.next() {
            Some(change) if change.timestamp() <= reached => {
                (from, offset) = (change.timestamp(), change.offset());
            }
            _ => return reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::tz;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Each distinct zone of the system, of those with many names one.
    fn zones() -> Vec<TimeZone> {
        let mut seen = HashSet::new();
        let from = instant("2009-12-01T00:00:00Z");
        tz::db()
            .available()
            .filter_map(|name| TimeZone::get(name.as_str()).ok())
            .filter(|zone| {
                let mut changes: Vec<(i64, i32)> = changes(zone)
                    .map(|change| (change.timestamp().as_second(), change.offset().seconds()))
                    .collect();
                changes.push((0, zone.to_offset(from).seconds()));
                seen.insert(changes)
            })
            .collect()
    }

    /// Thirty years of changes.
    fn changes(zone: &TimeZone) -> impl Iterator<Item = jiff::tz::TimeZoneTransition<'_>> {
        zone.following(instant("2009-12-01T00:00:00Z"))
            .take_while(|change| change.timestamp() < instant("2040-02-01T00:00:00Z"))
    }

    fn minutes(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
        (from.as_second() / 60..until.as_second() / 60)
            .map(|minute| Timestamp::from_second(minute * 60).unwrap())
    }

    /// What the rules say, by looking at the clock of each minute.
    fn boundaries(span: Span, zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let mut offset = zone.to_offset(from);
        let mut latest = zone.to_datetime(from).date();
        for minute in minutes(from, until).skip(1) {
            let (before, last) = (offset, latest);
            offset = zone.to_offset(minute);
            let local = zone.to_datetime(minute);
            latest = latest.max(local.date());
            let begun = last.tomorrow().unwrap();
            let begins = match span {
                Span::Hour => offset != before || local.minute() == 0,
                Span::Day => latest > last,
                Span::Week => {
                    latest > last && has(begun, latest, |day| day.weekday().to_monday_zero_offset() == 0)
                }
                Span::Month => latest > last && has(begun, latest, |day| day.day() == 1),
            };
            if begins {
                found.push(minute);
            }
        }
        found
    }

    fn has(from: Date, until: Date, wanted: impl Fn(Date) -> bool) -> bool {
        let mut days = from.series(1.day()).take_while(|day| *day <= until);
        days.any(wanted)
    }

    /// Three days around each change of each zone in thirty years: the boundaries, and that each window follows the one before.
    #[test]
    fn windows_begin_as_the_clock_of_each_zone_says() {
        for zone in zones() {
            for change in changes(&zone) {
                let day = SignedDuration::from_hours(24);
                let (from, until) = (change.timestamp() - day, change.timestamp() + day * 2);
                for span in Span::ALL {
                    let mut walked = Vec::new();
                    let mut window = span.window(&zone, from);
                    while window.end < until {
                        let following = span.window(&zone, window.end);
                        assert_eq!(following.start, window.end, "{span:?} {zone:?}");
                        assert!(following.end > following.start, "{span:?} {zone:?}");
                        window = following;
                        walked.push(window.start);
                    }
                    walked.retain(|start| *start > from);
                    assert_eq!(walked, boundaries(span, &zone, from, until), "{span:?} {zone:?}");
                }
            }
        }
    }

    /// A walk through thirty years, window by window, and any instant within lies in the window walked through.
    #[test]
    fn windows_follow_each_other_for_thirty_years() {
        for zone in zones() {
            for span in [Span::Day, Span::Week, Span::Month] {
                let mut window = span.window(&zone, instant("2010-01-01T00:00:00Z"));
                while window.start < instant("2040-01-01T00:00:00Z") {
                    let length = window.end.duration_since(window.start);
                    for part in 0..4 {
                        let within = window.start + length * part / 4;
                        assert_eq!(span.window(&zone, within), window, "{span:?} {zone:?} {within}");
                    }
                    let last = window.end - SignedDuration::from_micros(1);
                    assert_eq!(span.window(&zone, last), window, "{span:?} {zone:?}");
                    assert_eq!(span.boundary(&zone, last), window.end);
                    assert_eq!(span.boundary(&zone, window.end), window.end);
                    window = span.window(&zone, window.end);
                }
            }
        }
    }

    #[track_caller]
    fn is(span: Span, zone: &str, at: &str, start: &str, end: &str) {
        let window = span.window(&TimeZone::get(zone).unwrap(), instant(at));
        assert_eq!(
            (window.start, window.end),
            (instant(start), instant(end)),
            "{zone} {at}"
        );
    }

    #[test]
    fn days_of_odd_clocks() {
        // The date steps back over midnight, one minute after it began: the day goes on.
        is(
            Span::Day,
            "America/St_Johns",
            "2010-11-07T02:45:00Z",
            "2010-11-07T02:30:00Z",
            "2010-11-08T03:30:00Z",
        );
        // Midnight comes twice.
        is(
            Span::Day,
            "America/Havana",
            "2026-11-01T05:30:00Z",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
        );
        // Samoa had no 30 December: the 29th ends where the 31st begins.
        is(
            Span::Day,
            "Pacific/Apia",
            "2011-12-30T09:00:00Z",
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
        );
        // Beirut's clock went from 23:59 to 1:00.
        is(
            Span::Day,
            "Asia/Beirut",
            "2026-03-28T22:00:00Z",
            "2026-03-28T22:00:00Z",
            "2026-03-29T21:00:00Z",
        );
    }

    #[test]
    fn hours_of_odd_clocks() {
        // The hour that is repeated is two, also where it is half a one.
        is(
            Span::Hour,
            "Europe/Berlin",
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
        );
        is(
            Span::Hour,
            "Australia/Lord_Howe",
            "2026-04-04T15:10:00Z",
            "2026-04-04T15:00:00Z",
            "2026-04-04T15:30:00Z",
        );
        is(
            Span::Hour,
            "Asia/Kathmandu",
            "2026-06-01T00:10:00Z",
            "2026-05-31T23:15:00Z",
            "2026-06-01T00:15:00Z",
        );
    }

    #[test]
    fn weeks_and_months_begin_with_their_first_day() {
        is(
            Span::Week,
            "UTC",
            "2027-01-01T12:00:00Z",
            "2026-12-28T00:00:00Z",
            "2027-01-04T00:00:00Z",
        );
        is(
            Span::Month,
            "Asia/Kolkata",
            "2028-02-29T18:00:00Z",
            "2028-01-31T18:30:00Z",
            "2028-02-29T18:30:00Z",
        );
    }
}
