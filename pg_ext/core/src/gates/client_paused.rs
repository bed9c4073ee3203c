//! The client is paused, in every campaign.

use crate::gate::{FreedBy, Gate, Rule};
use crate::pause;
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "client_paused",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Date,
    rule: Rule::Link {
        stops: |link, asked| pause::lasts(link.client_pause.as_ref(), asked.at),
        figures: |link, asked| pause::figures(link.client_pause.as_ref(), asked.at),
    },
};
