//! Caps of a link, beside the two that each link has, and of its client, over all links of that one: one gate for each subject and
//! window, since that is what a reason tells.

use crate::cap::{Cap, Meter, Over, Use};
use crate::facts::Link;
use crate::gate::{Asked, Figure, Figures, FreedBy, Gate, Rule};
use crate::reason::Reject;

/// Caps of one subject, and what they go by.
#[derive(Clone, Copy)]
pub struct Capped<'a> {
    caps: &'a [Cap],
    meter: Option<&'a Meter>,
}

pub fn of_link(link: &Link) -> Capped<'_> {
    Capped {
        caps: &link.caps,
        meter: link.meter.as_deref(),
    }
}

pub fn of_client(link: &Link) -> Capped<'_> {
    Capped {
        caps: &link.client_caps,
        meter: link.client_meter.as_deref(),
    }
}

macro_rules! gates {
    ($($gate:ident: $name:literal, $of:ident, $over:ident, $freed_by:ident;)*) => {
        $(pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::NoEligibleClientsAvailable,
            freed_by: FreedBy::$freed_by,
            rule: Rule::Link {
                stops: |link, asked| $of(link).stopping(asked, Over::$over).is_some(),
                figures: |link, asked| $of(link).figures(asked, Over::$over),
            },
        };)*
    };
}

gates! {
    CLIENT_TOTAL: "client_total_cap", of_client, Total, Outcome;
    CLIENT_MONTH: "client_month_cap", of_client, Month, Outcome;
    CLIENT_WEEK: "client_week_cap", of_client, Week, Outcome;
    CLIENT_DAY: "client_day_cap", of_client, Day, Outcome;
    CLIENT_HOUR: "client_hour_cap", of_client, Hour, Outcome;
    CLIENT_CONCURRENT: "client_concurrent_cap", of_client, Concurrent, CallEnd;
    LINK_TOTAL: "link_total_cap", of_link, Total, Outcome;
    LINK_MONTH: "link_month_cap", of_link, Month, Outcome;
    LINK_WEEK: "link_week_cap", of_link, Week, Outcome;
    LINK_DAY: "link_day_cap", of_link, Day, Outcome;
    LINK_HOUR: "link_hour_cap", of_link, Hour, Outcome;
    LINK_CONCURRENT: "link_concurrent_cap", of_link, Concurrent, CallEnd;
}

const UNKNOWN: Use = Use {
    used: i64::MAX,
    in_flight: 0,
    resets_at: None,
};

impl<'a> Capped<'a> {
    /// Each with what is used of it.
    pub fn all(self, asked: &Asked<'_>) -> impl Iterator<Item = (Cap, Use)> + use<'a> {
        let at = asked.at;
        // Without a meter nothing is known of it, and nothing lets a call through that a cap is to stop.
        self.caps.iter().map(move |cap| match self.meter {
            Some(meter) => (*cap, meter.used(cap, at)),
            None => (*cap, UNKNOWN),
        })
    }

    fn over(self, asked: &Asked<'_>, window: Over) -> impl Iterator<Item = (Cap, Use)> + use<'a> {
        self.all(asked).filter(move |(cap, _)| cap.over == window)
    }

    /// Whether each has room.
    pub fn let_through(self, asked: &Asked<'_>) -> bool {
        self.all(asked).all(|(cap, used)| !cap.stops(used))
    }

    fn stopping(self, asked: &Asked<'_>, window: Over) -> Option<(Cap, Use)> {
        if self.caps.is_empty() {
            return None;
        }
        self.over(asked, window).find(|(cap, used)| cap.stops(*used))
    }

    /// Of the cap that stops, or else of the one with the least room; one that only warns comes last.
    fn figures(self, asked: &Asked<'_>, window: Over) -> Figures {
        let least = || {
            self.over(asked, window)
                .min_by_key(|(cap, used)| (!cap.is_enforced, cap.room(*used)))
        };
        let Some((cap, used)) = self.stopping(asked, window).or_else(least) else {
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
        assert!(stops(&LINK_DAY, &link, &asked) && !stops(&LINK_HOUR, &link, &asked));
        assert_eq!(judge(&link, &asked).token(), "link_day_cap");
        assert_eq!(
            figures(&LINK_DAY, &link, &asked),
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
        assert!(!stops(&LINK_DAY, &warned, &asked));
        assert_eq!(figures(&LINK_HOUR, &warned, &asked), []);
    }

    #[test]
    fn what_holds_longest_is_told_first() {
        let asked = Asked::default();
        let closed = |over| cap(Counted::Offered, over, 0);
        let all = Over::ALL.map(closed).to_vec();
        let mut link = Link {
            client_caps: all.clone(),
            client_meter: Some(Box::new(meter())),
            ..capped(all)
        };
        for over in Over::ALL {
            assert_eq!(
                judge(&link, &asked).token(),
                format!("client_{}_cap", over.name())
            );
            link.client_caps.remove(0);
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
        assert!(stops(&LINK_HOUR, &link, &Asked::default()));
        let link = Link {
            client_caps: link.caps.clone(),
            ..capped(Vec::new())
        };
        assert!(
            stops(&CLIENT_HOUR, &link, &Asked::default()) && !of_client(&link).let_through(&Asked::default())
        );
    }
}
