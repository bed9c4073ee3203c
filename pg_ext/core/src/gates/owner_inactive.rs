//! The seller whose number it is takes no calls.

use crate::gate::{FreedBy, Gate, Rule, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "owner_inactive",
    says: Reject::OwnerInactive,
    freed_by: FreedBy::Change,
    rule: Rule::Call {
        stops: |dialled, _| !dialled.owner_active,
        figures: no_figures,
    },
};
