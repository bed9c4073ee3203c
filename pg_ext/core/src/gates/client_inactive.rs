//! The client takes no calls, of any campaign.

use crate::gate::{FreedBy, Gate, Rule, Told, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "client_inactive",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Change,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, _| !link.client_active,
        figures: no_figures,
    },
};
