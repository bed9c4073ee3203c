//! Which names of time zones are accepted, and the one meaning that each has: jiff's. PostgreSQL is never asked what a name
//! means; it gets the offsets instead.

use jiff::Timestamp;
pub use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;

/// Everybody's, until another is set.
pub const UTC: &str = "UTC";

/// What is said to whoever gives another name.
pub const EXPECTED: &str = "IANA's name of a place such as Europe/Berlin is expected, or UTC";

/// The regions of IANA's names. A name with one of them is never an abbreviation to PostgreSQL, nor a string of POSIX.
const REGIONS: &[&str] = &[
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "US",
];

/// IANA's names without a region that PostgreSQL and jiff read alike. Missing are CET, EET, EST, HST, MET, MST and WET, which
/// PostgreSQL takes for abbreviations, a fixed offset, and what is no place: Factory, localtime, posixrules.
const WITHOUT_REGION: &[&str] = &[
    "CST6CDT",
    "Cuba",
    "EST5EDT",
    "Egypt",
    "Eire",
    "GB",
    "GB-Eire",
    "GMT",
    "GMT+0",
    "GMT-0",
    "GMT0",
    "Greenwich",
    "Hongkong",
    "Iceland",
    "Iran",
    "Israel",
    "Jamaica",
    "Japan",
    "Kwajalein",
    "Libya",
    "MST7MDT",
    "NZ",
    "NZ-CHAT",
    "Navajo",
    "PRC",
    "PST8PDT",
    "Poland",
    "Portugal",
    "ROC",
    "ROK",
    "Singapore",
    "Turkey",
    "UCT",
    "UTC",
    "Universal",
    "W-SU",
    "Zulu",
];

/// The zone of an accepted name. Only IANA's own spelling counts.
pub fn parse(name: &str) -> Option<TimeZone> {
    let accepted = match name.split_once('/') {
        Some((region, _)) => REGIONS.contains(&region) && name != "Etc/Unknown",
        None => WITHOUT_REGION.contains(&name),
    };
    if name == UTC {
        // Without a look at the system's data, which everybody's first call would wait for.
        return Some(TimeZone::UTC);
    }
    if !accepted {
        return None;
    }
    let of_bundle = || TimeZoneDatabase::bundled().get(name);
    let zone = TimeZone::get(name).or_else(|_| of_bundle()).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

/// A zone over a period as SQL takes it: the instants at which its offset changes, and the offsets, one more.
#[derive(Debug)]
pub struct Offsets {
    pub changes: Vec<Timestamp>,
    pub seconds: Vec<i32>,
}

impl Offsets {
    pub fn of(zone: &TimeZone, from: Timestamp, until: Timestamp) -> Self {
        let mut offsets = Offsets {
            changes: Vec::new(),
            seconds: vec![zone.to_offset(from).seconds()],
        };
        for change in zone
            .following(from)
            .take_while(|change| change.timestamp() < until)
        {
            offsets.changes.push(change.timestamp());
            offsets.seconds.push(change.offset().seconds());
        }
        offsets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_read_differently_are_refused() {
        for name in [
            "UTC",
            "GMT",
            "Europe/Berlin",
            "US/Eastern",
            "Etc/GMT+5",
            "PST8PDT",
            "Japan",
        ] {
            assert!(parse(name).is_some(), "{name}");
        }
        for name in [
            "",
            "CET",
            "EST",
            "HST",
            "Factory",
            "localtime",
            "posixrules",
            "posix/Europe/Berlin",
            "right/Europe/Berlin",
            "Etc/Unknown",
            "Europe",
            "Europe/",
            "Europe/../UTC",
            "Europe/Nowhere",
            "europe/berlin",
            "EUROPE/BERLIN",
            "utc",
            "Z",
            "CEST",
            "+02:00",
            "UTC+2",
            "<X>-2",
            "CET-1CEST",
            "EST5EDT4",
            " UTC",
        ] {
            assert!(parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn offsets_cover_the_period() {
        let zone = parse("Europe/Berlin").unwrap();
        let year = Offsets::of(
            &zone,
            "2026-01-01T00:00:00Z".parse().unwrap(),
            "2027-01-01T00:00:00Z".parse().unwrap(),
        );
        assert_eq!(year.seconds, [3600, 7200, 3600]);
        assert_eq!(year.changes[0].to_string(), "2026-03-29T01:00:00Z");
        let from = year.changes[0];
        assert_eq!(Offsets::of(&zone, from, from).seconds, [7200]);
    }
}
