//! No campaign has the number.

use crate::gate::{FreedBy, Gate, Rule, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "no_campaign",
    says: Reject::NoActiveCampaignForDid,
    freed_by: FreedBy::Change,
    rule: Rule::Call {
        stops: |dialled, _| dialled.campaigns == 0,
        figures: no_figures,
    },
};
