//! The campaign is paused. Its numbers' calls go to no other: who pauses a campaign wants none of them meanwhile.

use crate::gate::{FreedBy, Gate, Rule};
use crate::pause;
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "campaign_paused",
    says: Reject::CampaignPaused,
    freed_by: FreedBy::Date,
    rule: Rule::Call {
        stops: |dialled, asked| pause::lasts(dialled.pause(), asked.at),
        figures: |dialled, asked| pause::figures(dialled.pause(), asked.at),
    },
};
