//! The client can be reached nowhere: it has no address of its own, and no registration that lasts until then.

use crate::facts::Contact;
use crate::gate::{Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "no_contact",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Change,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, asked| !link.contact.lasts(asked.at),
        figures: |link, _| match link.contact {
            Contact::Registered { until } => vec![("registered_until", Figure::Instant(until))],
            Contact::None | Contact::Fixed => Figures::new(),
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
    fn a_registration_lasts_until_its_end() {
        let registered = Link {
            contact: Contact::Registered { until: 10 },
            ..link(1)
        };
        let at = |at| Asked {
            at,
            ..Asked::default()
        };
        assert!(!stops(&GATE, &registered, &at(9)));
        assert!(stops(&GATE, &registered, &at(10)));
        assert_eq!(
            figures(&GATE, &registered, &at(9)),
            [("registered_until", Figure::Instant(10))]
        );
    }

    #[test]
    fn an_address_that_is_set_lasts_for_ever() {
        let asked = Asked {
            at: i64::MAX,
            ..Asked::default()
        };
        assert!(!stops(&GATE, &link(1), &asked));
        assert!(stops(
            &GATE,
            &Link {
                contact: Contact::None,
                ..link(1)
            },
            &asked
        ));
    }
}
