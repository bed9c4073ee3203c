//! The link has had all the calls that it may have for life. Each call in flight takes room too: it may still be counted.

use crate::gate::{Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;
use crate::total;

pub static GATE: Gate = Gate {
    name: "total_cap",
    says: Reject::NoEligibleClientsAvailable,
    // A call that ends unanswered gives its room back at once, closed as LOST too: unlike rows of `caps`, this total keeps no room for
    // a record that may come.
    freed_by: FreedBy::CallEnd,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, _| !total::has_room(link.counted, link.active, link.total_calls_allowed),
        figures: |link, _| match link.total_calls_allowed {
            Some(allowed) => vec![
                ("used", Figure::Count(link.counted)),
                ("in_flight", Figure::Count(i64::from(link.active))),
                ("limit", Figure::Count(allowed)),
            ],
            None => Figures::new(),
        },
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Link;
    use crate::facts::tests::link;
    use crate::gate::Asked;
    use crate::gates::tests::{figures, stops};

    #[test]
    fn a_call_in_flight_takes_room() {
        let asked = Asked::default();
        let capped = Link {
            total_calls_allowed: Some(5),
            counted: 4,
            ..link(1)
        };
        assert!(!stops(&GATE, &capped, &asked));
        let in_flight = Link { active: 1, ..capped };
        assert!(stops(&GATE, &in_flight, &asked));
        assert_eq!(
            figures(&GATE, &in_flight, &asked),
            [
                ("used", Figure::Count(4)),
                ("in_flight", Figure::Count(1)),
                ("limit", Figure::Count(5))
            ]
        );
    }

    #[test]
    fn nothing_is_closed_and_no_limit_never_stops() {
        let asked = Asked::default();
        assert!(stops(
            &GATE,
            &Link {
                total_calls_allowed: Some(0),
                ..link(1)
            },
            &asked
        ));
        let unlimited = Link {
            counted: i64::MAX,
            active: 1,
            ..link(1)
        };
        assert!(!stops(&GATE, &unlimited, &asked));
        assert_eq!(figures(&GATE, &unlimited, &asked), []);
        let huge = Link {
            total_calls_allowed: Some(i64::MAX),
            ..unlimited
        };
        assert!(stops(&GATE, &huge, &asked));
    }
}
