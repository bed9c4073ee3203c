//! Pauses. Calls of a paused campaign go to no other: who pauses it wants none of them meanwhile.

use crate::gate::{Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::pause::{Pause, lasts};
use crate::reason::Reject;

pub static CAMPAIGN: Gate = Gate {
    name: "campaign_paused",
    says: Reject::CampaignPaused,
    freed_by: FreedBy::Date,
    is_told: Told::WhereSet,
    rule: Rule::Call {
        stops: |dialled, asked| lasts(dialled.pause(), asked.at),
        figures: |dialled, asked| figures(dialled.pause(), asked.at),
    },
};

macro_rules! of_links {
    ($gate:ident, $name:literal, $pause:ident) => {
        pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::NoActiveClientsInCampaign,
            freed_by: FreedBy::Date,
            is_told: Told::WhereSet,
            rule: Rule::Link {
                stops: |link, asked| lasts(link.$pause.as_ref(), asked.at),
                figures: |link, asked| figures(link.$pause.as_ref(), asked.at),
            },
        };
    };
}

of_links!(LINK, "link_paused", pause);
of_links!(CLIENT, "client_paused", client_pause);

/// None of one that has ended.
fn figures(pause: Option<&Pause>, at: i64) -> Figures {
    let Some(pause) = pause.filter(|_| lasts(pause, at)) else {
        return Figures::new();
    };
    vec![
        ("until", Figure::Instant(pause.until)),
        ("reason", Figure::Text(pause.reason.clone())),
        ("by", Figure::Text(pause.by.name().to_owned())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Link;
    use crate::facts::tests::link;
    use crate::gate::Asked;
    use crate::gates::tests::{figures, stops};
    use crate::pause::tests::pause;

    #[test]
    fn a_link_is_told_until_when_and_why() {
        let paused = Link {
            pause: Some(pause(10)),
            ..link(1)
        };
        let at = |at| Asked {
            at,
            ..Asked::default()
        };
        assert!(stops(&LINK, &paused, &at(9)) && !stops(&LINK, &paused, &at(10)));
        assert!(!stops(&CLIENT, &paused, &at(9)));
        assert!(figures(&LINK, &paused, &at(10)).is_empty());
        assert_eq!(
            figures(&LINK, &paused, &at(9)),
            [
                ("until", Figure::Instant(10)),
                ("reason", Figure::Text("holidays".to_owned())),
                ("by", Figure::Text("seller".to_owned()))
            ]
        );
    }
}
