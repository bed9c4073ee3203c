//! The number is switched off.

use crate::gate::{FreedBy, Gate, Rule, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "did_inactive",
    says: Reject::DidInactive,
    freed_by: FreedBy::Change,
    rule: Rule::Call {
        stops: |dialled, _| !dialled.did_active,
        figures: no_figures,
    },
};
