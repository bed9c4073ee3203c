//! The link's own caps, beside the two that each link has: one gate for each window, since that is what a reason tells.

use crate::cap::{Cap, Over, Use};
use crate::facts::Link;
use crate::gate::{Asked, Figure, Figures, FreedBy, Gate, Rule};
use crate::reason::Reject;

macro_rules! gates {
    ($($gate:ident: $name:literal, $over:ident, $freed_by:ident;)*) => {
        $(pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::NoEligibleClientsAvailable,
            freed_by: FreedBy::$freed_by,
            rule: Rule::Link {
                stops: |link, asked| stopping(link, asked, Over::$over).is_some(),
                figures: |link, asked| figures(link, asked, Over::$over),
            },
        };)*
    };
}

gates! {
    TOTAL: "link_total_cap", Total, Outcome;
    MONTH: "link_month_cap", Month, Outcome;
    WEEK: "link_week_cap", Week, Outcome;
    DAY: "link_day_cap", Day, Outcome;
    HOUR: "link_hour_cap", Hour, Outcome;
    CONCURRENT: "link_concurrent_cap", Concurrent, CallEnd;
}

/// A link's caps with what is used of each.
pub fn all(link: &Link, asked: &Asked<'_>) -> impl Iterator<Item = (Cap, Use)> {
    let meter = link.meter.as_deref();
    // Without a meter nothing is known of it, and nothing lets a call through that a cap is to stop.
    link.caps.iter().map(move |cap| match meter {
        Some(meter) => (*cap, meter.used(cap, asked.at)),
        None => (*cap, UNKNOWN),
    })
}

fn over(link: &Link, asked: &Asked<'_>, window: Over) -> impl Iterator<Item = (Cap, Use)> {
    all(link, asked).filter(move |(cap, _)| cap.over == window)
}

const UNKNOWN: Use = Use {
    used: i64::MAX,
    in_flight: 0,
    resets_at: None,
};

fn stopping(link: &Link, asked: &Asked<'_>, window: Over) -> Option<(Cap, Use)> {
    if link.caps.is_empty() {
        return None;
    }
    over(link, asked, window).find(|(cap, used)| cap.stops(*used))
}

/// Of the cap that stops, or else of the one with the least room; one that only warns comes last.
fn figures(link: &Link, asked: &Asked<'_>, window: Over) -> Figures {
    let least = || over(link, asked, window).min_by_key(|(cap, used)| (!cap.is_enforced, cap.room(*used)));
    let Some((cap, used)) = stopping(link, asked, window).or_else(least) else {
        return Figures::new();
    };
    let mut figures = vec![
        ("cap_id", Figure::Count(cap.id)),
        ("used", Figure::Count(used.used)),
        ("in_flight", Figure::Count(used.in_flight)),
        ("limit", Figure::Count(cap.max_calls)),
    ];
    figures.extend(used.resets_at.map(|at| ("resets_at", Figure::Instant(at))));
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap::Counted;
    use crate::cap::tests::{cap, meter};
    use crate::facts::tests::link;
    use crate::gates::judge;
    use crate::gates::tests::{figures, stops};

    fn capped(caps: Vec<Cap>) -> Link {
        Link {
            caps,
            meter: Some(Box::new(meter())),
            ..link(1)
        }
    }

    #[test]
    fn a_full_cap_stops_and_one_that_only_warns_does_not() {
        let asked = Asked {
            at: 3_600_000_000,
            ..Asked::default()
        };
        let full = cap(Counted::Answered, Over::Day, 5);
        let link = capped(vec![cap(Counted::Offered, Over::Day, 9), full]);
        assert!(stops(&DAY, &link, &asked) && !stops(&HOUR, &link, &asked));
        assert_eq!(judge(&link, &asked).token(), "link_day_cap");
        assert_eq!(
            figures(&DAY, &link, &asked),
            [
                ("cap_id", Figure::Count(1)),
                ("used", Figure::Count(3)),
                ("in_flight", Figure::Count(2)),
                ("limit", Figure::Count(5)),
                ("resets_at", Figure::Instant(24 * 3_600_000_000)),
            ]
        );
        let warned = capped(vec![Cap {
            is_enforced: false,
            ..full
        }]);
        assert!(!stops(&DAY, &warned, &asked));
        assert_eq!(figures(&HOUR, &warned, &asked), []);
    }

    #[test]
    fn what_holds_longest_is_told_first() {
        let asked = Asked::default();
        let closed = |over| cap(Counted::Offered, over, 0);
        let mut link = capped(Over::ALL.map(closed).to_vec());
        for over in Over::ALL {
            assert_eq!(judge(&link, &asked).token(), format!("link_{}_cap", over.name()));
            link.caps.remove(0);
        }
        assert_eq!(judge(&link, &asked).token(), "eligible");
    }

    #[test]
    fn a_cap_without_a_meter_is_closed() {
        let link = Link {
            meter: None,
            ..capped(vec![cap(Counted::Offered, Over::Hour, 1000)])
        };
        assert!(stops(&HOUR, &link, &Asked::default()));
    }
}
