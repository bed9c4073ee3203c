//! Spacing: the link, or its client, got a call less than so many seconds ago. A failed attempt is a call, too: its call center was rung.

use std::ops::RangeInclusive;

use crate::facts::Link;
use crate::gate::{Asked, Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;

/// How many seconds people may set.
pub const SECONDS: RangeInclusive<i32> = 1..=86_400;

pub static LINK: Gate = Gate {
    name: "spacing",
    says: Reject::NoEligibleClientsAvailable,
    freed_by: FreedBy::Time,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, asked| of_link(link).stops(asked),
        figures: |link, _| of_link(link).figures("min_seconds_between", "reserved_at"),
    },
};

/// Over all its links.
pub static CLIENT: Gate = Gate {
    name: "client_spacing",
    says: Reject::NoEligibleClientsAvailable,
    freed_by: FreedBy::Time,
    is_told: Told::WhereSet,
    rule: Rule::Link {
        stops: |link, asked| of_client(link).stops(asked),
        figures: |link, _| of_client(link).figures("min_seconds_between", "reserved_at"),
    },
};

/// What is set, and when a call last got a slot, in PostgreSQL's microseconds.
#[derive(Clone, Copy, Default)]
pub struct Spacing {
    pub seconds: Option<i32>,
    pub last: Option<i64>,
}

pub fn of_link(link: &Link) -> Spacing {
    Spacing {
        seconds: link.min_seconds_between,
        last: link.reserved_at,
    }
}

pub fn of_client(link: &Link) -> Spacing {
    Spacing {
        seconds: link.client_min_seconds_between,
        last: link.client_reserved_at,
    }
}

impl Spacing {
    /// The last call's reservation, and the time that must have passed since. A clock that was set back by more than that has passed
    /// it, too: nobody is closed until a day that a wrong clock has told.
    fn pause(self) -> Option<(i64, i64)> {
        Some((self.last?, i64::from(self.seconds?) * 1_000_000))
    }

    pub fn stops(self, asked: &Asked<'_>) -> bool {
        self.pause()
            .is_some_and(|(last, pause)| (asked.at - last).abs() < pause)
    }

    /// Whether who asked has waited too long to be judged by the clock of then: it must ask again. Another call has come since (one that
    /// lies ahead of the clock has not: that was set back), or the shortest pause has passed.
    pub fn has_waited(self, asked: &Asked<'_>, now: i64) -> bool {
        let overtaken = self.last.is_some_and(|last| asked.at < last && last <= now);
        self.seconds.is_some() && (overtaken || now - asked.at >= 1_000_000)
    }

    pub fn figures(self, set: &'static str, since: &'static str) -> Figures {
        let Some(seconds) = self.seconds else {
            return Figures::new();
        };
        let mut figures = vec![(set, Figure::Count(i64::from(seconds)))];
        if let Some((last, pause)) = self.pause() {
            figures.push((since, Figure::Instant(last)));
            figures.push(("opens_at", Figure::Instant(last + pause)));
        }
        figures
    }
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
                &LINK,
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

    /// However long it has waited: longer than the pause it would pass for one whose clock was set back.
    #[test]
    fn who_waited_while_another_came_asks_again() {
        let spacing = Spacing {
            seconds: Some(1),
            last: Some(5 * SECOND),
        };
        let asked = |at| Asked {
            at,
            ..Asked::default()
        };
        assert!(spacing.has_waited(&asked(5 * SECOND - 1), 5 * SECOND));
        assert!(spacing.has_waited(&asked(6 * SECOND), 7 * SECOND));
        assert!(!spacing.has_waited(&asked(6 * SECOND), 7 * SECOND - 1));
        // Set back.
        assert!(!spacing.has_waited(&asked(3 * SECOND), 4 * SECOND - 1));
        let off = Spacing {
            seconds: None,
            ..spacing
        };
        assert!(!off.has_waited(&asked(3 * SECOND), 5 * SECOND));
    }

    /// Each goes by its own last call.
    #[test]
    fn a_client_has_its_pause_over_all_its_links() {
        let link = Link {
            client_min_seconds_between: Some(10),
            client_reserved_at: Some(100 * SECOND),
            ..link(1)
        };
        let asked = |at| Asked {
            at,
            ..Asked::default()
        };
        assert!(stops(&CLIENT, &link, &asked(110 * SECOND - 1)));
        assert!(!stops(&CLIENT, &link, &asked(110 * SECOND)));
        assert!(!stops(&LINK, &link, &asked(100 * SECOND)));
        assert_eq!(
            figures(&CLIENT, &link, &asked(0))[2],
            ("opens_at", Figure::Instant(110 * SECOND))
        );
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
        assert!(!stops(&LINK, &never, &asked) && !stops(&LINK, &off, &asked));
        assert_eq!(figures(&LINK, &off, &asked), []);
        assert_eq!(
            figures(&LINK, &never, &asked),
            [("min_seconds_between", Figure::Count(86_400))]
        );
        let waits = Link {
            reserved_at: Some(SECOND),
            ..never
        };
        assert_eq!(
            figures(&LINK, &waits, &asked)[2],
            ("opens_at", Figure::Instant(86_401 * SECOND))
        );
    }
}
