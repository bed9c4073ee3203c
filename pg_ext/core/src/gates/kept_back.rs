//! The link is where the campaign's calls overflow to: it is asked when there is nobody else.

use crate::gate::{Figure, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "kept_back",
    // Told only where a campaign has no other link.
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Nothing,
    is_told: Told::WhereSet,
    rule: Rule::Link {
        stops: |link, _| link.kept_back,
        figures: |link, _| {
            let figure = ("for", Figure::Text("overflow".to_owned()));
            Vec::from_iter(link.kept_back.then_some(figure))
        },
    },
};
