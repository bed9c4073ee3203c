//! Moves a link's counters after a call: its slot returns, its record counts; what lies beyond the total is flagged.

use crate::calls::counters::Owed;
use crate::calls::{counters, excess};
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;

/// `records` are the calls just counted; those beyond the allowed total are flagged, never refused: they happened.
pub fn settle(armed: Armed, link_id: i64, owed: Owed<'_>, records: &[i64]) {
    settle_within(armed, Wait::Long, link_id, owed, records);
}

/// `false`: the counters are held, and nothing was moved.
pub fn settle_within(armed: Armed, wait: Wait, link_id: i64, owed: Owed<'_>, records: &[i64]) -> bool {
    if owed.is_nothing() {
        return true;
    }
    let Some(beyond) = counters::settle(armed, link_id, owed, wait) else {
        return false;
    };
    excess::flag(armed, link_id, beyond, owed.released(), records);
    true
}
