//! The seller whose number it is takes no calls.

use crate::gate::{FreedBy, Gate, Rule};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "owner_inactive",
    says: Reject::OwnerInactive,
    freed_by: FreedBy::Change,
    rule: Rule::Call {
        stops: |dialled, _| !dialled.owner_active,
    },
};
