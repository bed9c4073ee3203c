//! The client takes no calls, of any campaign.

use crate::gate::{FreedBy, Gate, Rule, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "client_inactive",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Change,
    rule: Rule::Link {
        stops: |link, _| !link.client_active,
        figures: no_figures,
    },
};
