//! The link has as many calls at one time as it may have, ringing ones included.

use crate::gate::{Figure, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "concurrency_cap",
    says: Reject::NoEligibleClientsAvailable,
    freed_by: FreedBy::CallEnd,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, _| link.active >= link.max_concurrency,
        figures: |link, _| {
            vec![
                ("used", Figure::Count(i64::from(link.active))),
                ("limit", Figure::Count(i64::from(link.max_concurrency))),
            ]
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
    fn one_more_than_allowed_has_no_room() {
        let asked = Asked::default();
        assert!(!stops(&GATE, &Link { active: 1, ..link(1) }, &asked));
        let full = Link { active: 2, ..link(1) };
        assert!(stops(&GATE, &full, &asked));
        assert_eq!(
            figures(&GATE, &full, &asked),
            [("used", Figure::Count(2)), ("limit", Figure::Count(2))]
        );
        assert!(
            stops(&GATE, &Link { active: 3, ..link(1) }, &asked),
            "a cap that was lowered"
        );
    }
}
