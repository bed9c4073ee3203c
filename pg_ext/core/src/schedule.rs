//! Schedules: when something is open, by the clock on the wall in a zone. Weekly intervals, and for dates that are other than usual
//! exceptions. An hour that autumn repeats is open twice; one that spring skips never.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How far ahead a change from closed to open, or back, is looked for.
const DAYS_AHEAD: i64 = 400;
const MINUTES: u16 = 24 * 60;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = MINUTES as i64 * MINUTE;

/// As people write it, Monday first.
pub const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// From `opens`, which belongs to it, to `closes`, which does not, in minutes of the day. Where it closes no later than it opens, it
/// closes on the day after, and belongs to the day on which it opens all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    opens: u16,
    closes: u16,
}

impl Interval {
    /// Of two times as people write them: 09:00, and 24:00 where it closes.
    pub fn parse(opens: &str, closes: &str) -> Option<Self> {
        Some(Interval {
            opens: parse_minute(opens).filter(|minute| *minute < MINUTES)?,
            closes: parse_minute(closes)?,
        })
    }

    pub fn opens(self) -> String {
        written(self.opens)
    }

    pub fn closes(self) -> String {
        written(self.closes)
    }

    /// Where it ends, in minutes since the midnight before it opens.
    fn end(self) -> u16 {
        match self.closes.cmp(&self.opens) {
            Ordering::Greater => self.closes,
            _ => self.closes + MINUTES,
        }
    }

    /// What of it falls on the day on which it opens.
    fn evening(self) -> (u16, u16) {
        (self.opens, self.end().min(MINUTES))
    }

    /// What of it falls on the day after.
    fn tail(self) -> Option<(u16, u16)> {
        (self.end() > MINUTES).then(|| (0, self.end() - MINUTES))
    }
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let whole = hours * 60 + minutes;
    (minutes < 60 && whole <= MINUTES).then_some(whole)
}

fn written(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// What is open on a date instead of everything that falls on it otherwise, the tail of the evening before included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Days since 1970.
    day: i64,
    /// None: closed.
    intervals: Vec<Interval>,
}

impl Exception {
    pub fn new(date: Date, intervals: Vec<Interval>) -> Self {
        Exception {
            day: days_since_1970(date),
            intervals,
        }
    }
}

fn days_since_1970(date: Date) -> i64 {
    let seconds = jiff::tz::Offset::UTC
        .to_timestamp(date.at(0, 0, 0, 0))
        .map_or(0, Timestamp::as_second);
    seconds.div_euclid(24 * 3600)
}

#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    /// By the day on which they open, Monday first.
    weekly: [Vec<Interval>; 7],
    /// By day.
    exceptions: Vec<Exception>,
}

/// Two intervals that overlap, or two exceptions of one date, in words that name both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    pub of_weekly: bool,
    pub text: String,
}

impl Overlap {
    fn of_exceptions(text: String) -> Self {
        Overlap {
            of_weekly: false,
            text,
        }
    }
}

impl Schedule {
    /// Of weekly intervals, each with the day on which it opens (0 is Monday), and of exceptions.
    pub fn new(
        zone: TimeZone,
        weekly: &[(usize, Interval)],
        mut exceptions: Vec<Exception>,
    ) -> Result<Self, Overlap> {
        refuse_overlaps_of_a_week(weekly)?;
        exceptions.sort_by_key(|exception| exception.day);
        for exception in &exceptions {
            refuse_overlaps_of_a_date(exception)?;
        }
        if let Some(pair) = exceptions.windows(2).find(|pair| pair[0].day == pair[1].day) {
            return Err(Overlap::of_exceptions(format!(
                "{} has two exceptions",
                date_of(pair[0].day)
            )));
        }
        let mut by_day: [Vec<Interval>; 7] = Default::default();
        for (day, interval) in weekly {
            by_day[*day].push(*interval);
        }
        Ok(Schedule {
            zone,
            weekly: by_day,
            exceptions,
        })
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = local(at, self.offset(at));
        let minute = local.rem_euclid(DAY) / MINUTE;
        let parts = self.open_on(local.div_euclid(DAY));
        parts
            .iter()
            .any(|(from, until)| (i64::from(*from)..i64::from(*until)).contains(&minute))
    }

    /// The first instant, this one included, at which it is open; None: none within 400 days.
    pub fn opens_at(&self, from: Timestamp) -> Option<Timestamp> {
        self.first(from, true)
    }

    /// The same at which it is closed.
    pub fn closes_at(&self, from: Timestamp) -> Option<Timestamp> {
        self.first(from, false)
    }

    fn first(&self, from: Timestamp, open: bool) -> Option<Timestamp> {
        let end = from.as_microsecond() + DAYS_AHEAD * DAY;
        let mut start = from.as_microsecond();
        let mut offset = self.offset(from);
        let mut changes = self.zone.following(from);
        // While the offset stays, the clock on the wall goes on like any other.
        loop {
            let change = changes.next();
            let until = change
                .as_ref()
                .map_or(end, |change| change.timestamp().as_microsecond().min(end));
            let found = self.first_local(start + offset, until + offset, open);
            if let Some(found) = found {
                return Timestamp::from_microsecond(found - offset).ok();
            }
            match change {
                Some(change) if until < end => {
                    start = until;
                    offset = i64::from(change.offset().seconds()) * 1_000_000;
                }
                _ => return None,
            }
        }
    }

    /// Of a clock on the wall that does not jump: the first instant from one to another at which it is open, or closed.
    fn first_local(&self, from: i64, until: i64, open: bool) -> Option<i64> {
        let mut at = from;
        while at < until {
            let midnight = at.div_euclid(DAY) * DAY;
            let parts = self.open_on(at.div_euclid(DAY));
            let mut inside = parts.iter().map(|(from, until)| {
                (
                    midnight + i64::from(*from) * MINUTE,
                    midnight + i64::from(*until) * MINUTE,
                )
            });
            if open {
                let found = inside.find(|(_, end)| at < *end).map(|(start, _)| at.max(start));
                if let Some(found) = found {
                    return (found < until).then_some(found);
                }
            } else {
                for (start, end) in inside {
                    if (start..end).contains(&at) {
                        at = end;
                    }
                }
                if at < midnight + DAY {
                    return (at < until).then_some(at);
                }
            }
            at = midnight + DAY;
        }
        None
    }

    /// When it is open on that day, in minutes of the day, in order.
    fn open_on(&self, day: i64) -> Vec<(u16, u16)> {
        let intervals = |day: i64| match self.exception(day) {
            Some(exception) => &exception.intervals,
            None => &self.weekly[(day + 3).rem_euclid(7) as usize],
        };
        let mut parts: Vec<(u16, u16)> = intervals(day).iter().map(|interval| interval.evening()).collect();
        if self.exception(day).is_none() {
            parts.extend(intervals(day - 1).iter().filter_map(|interval| interval.tail()));
        }
        parts.sort_unstable();
        parts
    }

    fn exception(&self, day: i64) -> Option<&Exception> {
        let found = self
            .exceptions
            .binary_search_by_key(&day, |exception| exception.day);
        found.ok().map(|place| &self.exceptions[place])
    }

    /// In microseconds.
    fn offset(&self, at: Timestamp) -> i64 {
        i64::from(self.zone.to_offset(at).seconds()) * 1_000_000
    }
}

fn local(at: Timestamp, offset: i64) -> i64 {
    at.as_microsecond() + offset
}

fn date_of(day: i64) -> Date {
    Date::constant(1970, 1, 1)
        .checked_add(day.days())
        .unwrap_or(Date::MAX)
}

fn refuse_overlaps_of_a_week(weekly: &[(usize, Interval)]) -> Result<(), Overlap> {
    const WEEK: u16 = 7 * MINUTES;
    // A tail of Sunday's lies on Monday.
    let part = |(day, interval): &(usize, Interval)| {
        let midnight = *day as u16 * MINUTES;
        (midnight + interval.opens, midnight + interval.end())
    };
    for (place, one) in weekly.iter().enumerate() {
        for other in &weekly[place + 1..] {
            let ((from, until), (start, end)) = (part(one), part(other));
            let meet = |shift: u16| from < end + shift && start + shift < until;
            if meet(0) || meet(WEEK) || (start < until + WEEK && from + WEEK < end) {
                return Err(Overlap {
                    of_weekly: true,
                    text: format!("{} and {} overlap", in_words(one), in_words(other)),
                });
            }
        }
    }
    Ok(())
}

fn refuse_overlaps_of_a_date(exception: &Exception) -> Result<(), Overlap> {
    for (place, one) in exception.intervals.iter().enumerate() {
        for other in &exception.intervals[place + 1..] {
            if one.opens < other.end() && other.opens < one.end() {
                let (date, one, other) = (date_of(exception.day), times(one), times(other));
                return Err(Overlap::of_exceptions(format!(
                    "{one} and {other} of {date} overlap"
                )));
            }
        }
    }
    Ok(())
}

fn in_words((day, interval): &(usize, Interval)) -> String {
    format!("{} {}", DAYS[*day], times(interval))
}

fn times(interval: &Interval) -> String {
    format!("{}–{}", interval.opens(), interval.closes())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::tz;
    use proptest::prelude::{Just, ProptestConfig, prop_assert_eq, prop_oneof, proptest};
    use proptest::strategy::Strategy;

    use super::*;

    fn interval(text: &str) -> Interval {
        let (opens, closes) = text.split_once('-').unwrap();
        Interval::parse(opens, closes).unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// Days and intervals such as `0 09:00-17:00`; dates and theirs such as `2026-12-25` and `2026-12-24 09:00-12:00`.
    fn schedule(zone_name: &str, weekly: &[&str], exceptions: &[&str]) -> Schedule {
        let weekly: Vec<(usize, Interval)> = weekly
            .iter()
            .map(|text| (text[..1].parse().unwrap(), interval(&text[2..])))
            .collect();
        let exceptions = exceptions.iter().map(|text| {
            let mut words = text.split(' ');
            let date = date(words.next().unwrap());
            Exception::new(date, words.map(interval).collect())
        });
        Schedule::new(zone(zone_name), &weekly, exceptions.collect()).unwrap()
    }

    #[track_caller]
    fn opens(schedule: &Schedule, from: &str, at: &str) {
        assert_eq!(schedule.opens_at(instant(from)), Some(instant(at)), "from {from}");
    }

    #[track_caller]
    fn closes(schedule: &Schedule, from: &str, at: &str) {
        assert_eq!(
            schedule.closes_at(instant(from)),
            Some(instant(at)),
            "from {from}"
        );
    }

    #[test]
    fn it_opens_and_closes_to_the_minute() {
        let office = schedule("UTC", &["0 09:00-12:00", "0 13:00-17:00"], &[]);
        // A Monday.
        opens(&office, "2026-11-30T08:59:59.999999Z", "2026-11-30T09:00:00Z");
        opens(&office, "2026-11-30T09:00:00Z", "2026-11-30T09:00:00Z");
        closes(&office, "2026-11-30T11:59:59.999999Z", "2026-11-30T12:00:00Z");
        closes(&office, "2026-11-30T12:00:00Z", "2026-11-30T12:00:00Z");
        opens(&office, "2026-11-30T12:00:00Z", "2026-11-30T13:00:00Z");
        opens(&office, "2026-11-30T17:00:00Z", "2026-12-07T09:00:00Z");
        assert!(office.is_open(instant("2026-11-30T16:59:59.999999Z")));
        assert!(!office.is_open(instant("2026-11-30T17:00:00Z")));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_opens() {
        let bar = schedule("UTC", &["4 22:00-06:00"], &[]);
        closes(&bar, "2026-12-04T23:00:00Z", "2026-12-05T06:00:00Z");
        opens(&bar, "2026-12-05T06:00:00Z", "2026-12-11T22:00:00Z");
        // Closed on that day it is closed to the end of its night; closed on the day after, from midnight on.
        let closed = schedule("UTC", &["4 22:00-06:00"], &["2026-12-04"]);
        opens(&closed, "2026-12-04T00:00:00Z", "2026-12-11T22:00:00Z");
        let closed = schedule("UTC", &["4 22:00-06:00"], &["2026-12-05"]);
        closes(&closed, "2026-12-04T23:00:00Z", "2026-12-05T00:00:00Z");
        // An exception has a night, too, and what is open after it as usual goes on from it.
        let party = schedule("UTC", &["5 04:00-09:00"], &["2026-12-04 20:00-05:00"]);
        closes(&party, "2026-12-04T20:00:00Z", "2026-12-05T09:00:00Z");
    }

    #[test]
    fn whole_days_join() {
        let always: Vec<String> = (0..7).map(|day| format!("{day} 00:00-24:00")).collect();
        let always: Vec<&str> = always.iter().map(String::as_str).collect();
        let shop = schedule("Europe/Berlin", &always, &[]);
        assert_eq!(shop.closes_at(instant("2026-12-04T23:00:00Z")), None);
        let shop = schedule("Europe/Berlin", &always, &["2026-12-25"]);
        closes(&shop, "2026-12-04T23:00:00Z", "2026-12-24T23:00:00Z");
        opens(&shop, "2026-12-25T12:00:00Z", "2026-12-25T23:00:00Z");
        // From eight to eight are 24 hours.
        let turn = schedule("UTC", &["0 08:00-08:00"], &[]);
        closes(&turn, "2026-11-30T08:00:00Z", "2026-12-01T08:00:00Z");
        let never = schedule("UTC", &[], &["2028-02-01 09:00-10:00"]);
        assert_eq!(never.opens_at(instant("2026-12-04T23:00:00Z")), None);
        opens(&never, "2026-12-29T09:00:00.000001Z", "2028-02-01T09:00:00Z");
    }

    #[test]
    fn a_repeated_hour_is_open_twice_and_a_skipped_one_never() {
        let night = schedule("Europe/Berlin", &["6 02:00-03:00"], &[]);
        opens(&night, "2026-10-24T22:00:00Z", "2026-10-25T00:00:00Z");
        closes(&night, "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z");
        opens(&night, "2026-03-28T23:00:00Z", "2026-04-05T00:00:00Z");
        let half = schedule("Europe/Berlin", &["6 02:15-02:45"], &[]);
        closes(&half, "2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z");
        opens(&half, "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z");
    }

    #[test]
    fn what_overlaps_is_refused_by_name() {
        let refused = |weekly: &[(usize, &str)]| {
            let weekly: Vec<(usize, Interval)> =
                weekly.iter().map(|(day, text)| (*day, interval(text))).collect();
            Schedule::new(TimeZone::UTC, &weekly, Vec::new())
                .map(|_| ())
                .map_err(|overlap| overlap.text)
        };
        assert_eq!(
            refused(&[(0, "09:00-12:00"), (0, "12:00-13:00"), (1, "09:00-12:00")]),
            Ok(())
        );
        assert_eq!(refused(&[(0, "22:00-06:00"), (1, "06:00-22:00")]), Ok(()));
        for (weekly, text) in [
            (
                [(0, "09:00-12:01"), (0, "12:00-13:00")],
                "monday 09:00–12:01 and monday 12:00–13:00 overlap",
            ),
            (
                [(0, "22:00-06:00"), (1, "05:00-12:00")],
                "monday 22:00–06:00 and tuesday 05:00–12:00 overlap",
            ),
            (
                [(6, "22:00-06:00"), (0, "05:00-12:00")],
                "sunday 22:00–06:00 and monday 05:00–12:00 overlap",
            ),
            (
                [(0, "05:00-12:00"), (6, "22:00-06:00")],
                "monday 05:00–12:00 and sunday 22:00–06:00 overlap",
            ),
            (
                [(2, "09:00-12:00"), (2, "09:00-12:00")],
                "wednesday 09:00–12:00 and wednesday 09:00–12:00 overlap",
            ),
        ] {
            assert_eq!(refused(&weekly), Err(text.to_owned()));
        }
        let of_dates = |dates: &[(&str, &[&str])]| {
            let exceptions = dates.iter().map(|(day, parts)| {
                Exception::new(date(day), parts.iter().map(|text| interval(text)).collect())
            });
            Schedule::new(TimeZone::UTC, &[], exceptions.collect())
                .map(|_| ())
                .map_err(|overlap| overlap.text)
        };
        assert_eq!(
            of_dates(&[
                ("2026-12-24", &["09:00-12:00", "22:00-06:00"]),
                ("2026-12-25", &[])
            ]),
            Ok(())
        );
        assert_eq!(
            of_dates(&[("2026-12-24", &["09:00-12:00", "11:00-13:00"])]),
            Err("09:00–12:00 and 11:00–13:00 of 2026-12-24 overlap".to_owned())
        );
        assert_eq!(
            of_dates(&[("2026-12-24", &[]), ("2026-12-24", &["09:00-12:00"])]),
            Err("2026-12-24 has two exceptions".to_owned())
        );
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        for (opens, closes, is_one) in [
            ("00:00", "24:00", true),
            ("09:00", "08:59", true),
            ("24:00", "09:00", false),
            ("9:00", "10:00", false),
            ("09:60", "10:00", false),
            ("09:00", "24:01", false),
            ("09:00", "+9:00", false),
            ("", "10:00", false),
        ] {
            let read = Interval::parse(opens, closes);
            assert_eq!(read.is_some(), is_one, "{opens} {closes}");
            if let Some(read) = read {
                assert_eq!((read.opens().as_str(), read.closes().as_str()), (opens, closes));
            }
        }
    }

    /// What the rules say, by asking the clock on the wall.
    fn says(
        zone: &TimeZone,
        weekly: &[(usize, Interval)],
        exceptions: &[(Date, Vec<Interval>)],
        at: Timestamp,
    ) -> bool {
        let clock = zone.to_datetime(at);
        let minute = clock.hour() as u16 * 60 + clock.minute() as u16;
        let on = |date: Date| -> (bool, Vec<Interval>) {
            match exceptions.iter().find(|(of, _)| *of == date) {
                Some((_, intervals)) => (true, intervals.clone()),
                None => {
                    let day = date.weekday().to_monday_zero_offset() as usize;
                    let of_day = weekly.iter().filter(|(of, _)| *of == day);
                    (false, of_day.map(|(_, interval)| *interval).collect())
                }
            }
        };
        let (is_exception, today) = on(clock.date());
        let began_today = today
            .iter()
            .any(|one| one.opens <= minute && (minute < one.closes || one.closes <= one.opens));
        let (_, yesterday) = on(clock.date().yesterday().unwrap());
        let goes_on = yesterday
            .iter()
            .any(|one| one.closes <= one.opens && minute < one.closes);
        began_today || (!is_exception && goes_on)
    }

    fn any_interval() -> impl Strategy<Value = Interval> {
        let minute = || {
            prop_oneof![
                3 => (0..96u16).prop_map(|quarter| quarter * 15),
                1 => 0..MINUTES,
                // Where clocks are changed.
                2 => (0..16u16).prop_map(|quarter| quarter * 15),
            ]
        };
        (minute(), prop_oneof![5 => minute(), 1 => Just(MINUTES)])
            .prop_map(|(opens, closes)| Interval { opens, closes })
    }

    /// A change of some zone's clock from 2010 to 2040.
    fn any_change() -> impl Strategy<Value = (String, Timestamp)> {
        let names: Vec<String> = tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        (proptest::sample::select(names), 0..60usize).prop_map(|(name, number)| {
            let zone = zone(&name);
            let from = instant("2010-01-01T00:00:00Z");
            let changes: Vec<Timestamp> = zone
                .following(from)
                .map(|change| change.timestamp())
                .take_while(|at| *at < instant("2040-01-01T00:00:00Z"))
                .collect();
            let at = match changes.len() {
                0 => from,
                many => changes[number % many],
            };
            (name, at)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// The days around a change of the clock, minute by minute.
        #[test]
        fn a_schedule_is_what_a_walk_from_minute_to_minute_finds(
            (name, change) in any_change(),
            weekly in proptest::collection::vec((0..7usize, any_interval()), 0..9),
            odd in proptest::collection::btree_map(-3..4i64, proptest::collection::vec(any_interval(), 0..3), 0..4),
            ahead in -2_880..1_440i64,
        ) {
            let zone = zone(&name);
            let middle = zone.to_datetime(change).date();
            let exceptions: Vec<(Date, Vec<Interval>)> = odd
                .into_iter()
                .map(|(days, intervals)| (middle.checked_add(days.days()).unwrap(), intervals))
                .collect();
            let made = exceptions
                .iter()
                .map(|(date, intervals)| Exception::new(*date, intervals.clone()));
            let Ok(schedule) = Schedule::new(zone.clone(), &weekly, made.collect()) else {
                return Ok(());
            };
            // Of full minutes, also where a zone's data end in the last second of a time.
            let from = Timestamp::from_second(change.as_second().div_euclid(60) * 60).unwrap();
            let from = from + SignedDuration::from_mins(ahead);
            let minutes = (0..4 * 24 * 60).map(|minute| from + SignedDuration::from_mins(minute));
            let said: Vec<(Timestamp, bool)> = minutes
                .map(|at| (at, says(&zone, &weekly, &exceptions, at)))
                .collect();
            for (at, open) in &said {
                prop_assert_eq!(schedule.is_open(*at), *open, "{} {}", name, at);
            }
            for open in [true, false] {
                let found = if open { schedule.opens_at(from) } else { schedule.closes_at(from) };
                let walked = said.iter().find(|(_, is)| *is == open).map(|(at, _)| *at);
                match walked {
                    Some(at) => prop_assert_eq!(found, Some(at), "{} {}", name, open),
                    None => {
                        let last = said.last().unwrap().0;
                        prop_assert_eq!(found.is_none_or(|at| at > last), true, "{} {:?}", name, found);
                    }
                }
            }
        }
    }
}
