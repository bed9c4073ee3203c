//! The link is switched off.

use crate::gate::{FreedBy, Gate, Rule, Told, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "link_inactive",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Change,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, _| !link.link_active,
        figures: no_figures,
    },
};
