//! Tests of what a purge may be asked for.

use super::*;

#[test]
fn a_date_is_the_beginning_of_its_day_in_utc() {
    let midnight = Before::At("2026-01-31T00:00:00Z".parse().unwrap());
    for text in ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01:00"] {
        assert_eq!(text.parse(), Ok(midnight), "{text}");
    }
    assert_eq!("400d".parse(), Ok(Before::DaysAgo(400)));
}

#[test]
fn nonsense_is_refused() {
    for text in [
        "",
        "d",
        "-1d",
        "1.5d",
        "99999d",
        "400",
        "400 d",
        "yesterday",
        "2026-02-30",
        "2026-13-01",
        "31.01.2026",
        "2026-01-31T00:00:00",
        "2026-01-31 x",
        "now",
        "infinity",
        "'; --",
    ] {
        assert!(text.parse::<Before>().is_err(), "{text}");
    }
}
