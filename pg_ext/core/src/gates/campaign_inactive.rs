//! The number is in campaigns, and none of them takes calls: each is inactive, or another seller's.

use crate::gate::{FreedBy, Gate, Rule, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "campaign_inactive",
    says: Reject::NoActiveCampaignForDid,
    freed_by: FreedBy::Change,
    rule: Rule::Call {
        stops: |dialled, _| dialled.campaign.is_none(),
        figures: no_figures,
    },
};
