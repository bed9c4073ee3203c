//! The link is paused.

use crate::gate::{FreedBy, Gate, Rule};
use crate::pause;
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "link_paused",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Date,
    rule: Rule::Link {
        stops: |link, asked| pause::lasts(link.pause.as_ref(), asked.at),
        figures: |link, asked| pause::figures(link.pause.as_ref(), asked.at),
    },
};
