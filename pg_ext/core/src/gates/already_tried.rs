//! The call was offered to this link before.

use crate::gate::{FreedBy, Gate, Rule, Told, no_figures};
use crate::reason::Reject;

pub static GATE: Gate = Gate {
    name: "already_tried",
    // Never told: a new call has tried no link, and `next_target` says itself whether one was busy.
    says: Reject::NoMoreTargets { any_busy: false },
    freed_by: FreedBy::Nothing,
    is_told: Told::Always,
    rule: Rule::Link {
        stops: |link, _| link.already_tried,
        figures: no_figures,
    },
};
