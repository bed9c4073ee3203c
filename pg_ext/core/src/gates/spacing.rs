//! Spacing: the link got a call less than so many seconds ago. A failed attempt is a call, too: its call center was rung.

use std::ops::RangeInclusive;

use crate::facts::Link;
use crate::gate::{Figure, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;

/// How many seconds people may set.
pub const SECONDS: RangeInclusive<i32> = 1..=86_400;

pub static GATE: Gate = Gate {
    name: "spacing",
    says: Reject::NoEligibleClientsAvailable,
    freed_by: FreedBy::Time,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, asked| pause(link).is_some_and(|(last, pause)| (asked.at - last).abs() < pause),
        figures: |link, _| {
            let Some(seconds) = link.min_seconds_between else {
                return Vec::new();
            };
            let mut figures = vec![("min_seconds_between", Figure::Count(i64::from(seconds)))];
            if let Some((last, pause)) = pause(link) {
                figures.push(("reserved_at", Figure::Instant(last)));
                figures.push(("opens_at", Figure::Instant(last + pause)));
            }
            figures
        },
    },
};

/// The last call's reservation, and the time that must have passed since. A clock that was set back by more than that has passed
/// it, too: a link is not closed until a day that a wrong clock has told.
fn pause(link: &Link) -> Option<(i64, i64)> {
    let seconds = link.min_seconds_between?;
    Some((link.reserved_at?, i64::from(seconds) * 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::link;
    use crate::gate::Asked;
    use crate::gates::tests::{figures, stops};

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_link_has_its_pause() {
        let spaced = |at: i64| {
            let link = Link {
                min_seconds_between: Some(10),
                reserved_at: Some(100 * SECOND),
                ..link(1)
            };
            stops(
                &GATE,
                &link,
                &Asked {
                    at,
                    ..Asked::default()
                },
            )
        };
        assert!(spaced(100 * SECOND) && spaced(110 * SECOND - 1));
        assert!(!spaced(110 * SECOND));
        // The clock was set back: by little, by much.
        assert!(spaced(90 * SECOND + 1));
        assert!(!spaced(90 * SECOND) && !spaced(0));
    }

    #[test]
    fn without_a_pause_or_a_call_before_nothing_stops() {
        let never = Link {
            min_seconds_between: Some(86_400),
            ..link(1)
        };
        let off = Link {
            reserved_at: Some(0),
            ..link(1)
        };
        let asked = Asked::default();
        assert!(!stops(&GATE, &never, &asked) && !stops(&GATE, &off, &asked));
        assert_eq!(figures(&GATE, &off, &asked), []);
        assert_eq!(
            figures(&GATE, &never, &asked),
            [("min_seconds_between", Figure::Count(86_400))]
        );
        let waits = Link {
            reserved_at: Some(SECOND),
            ..never
        };
        assert_eq!(
            figures(&GATE, &waits, &asked)[2],
            ("opens_at", Figure::Instant(86_401 * SECOND))
        );
    }
}
