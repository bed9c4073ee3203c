//! Moves a link's counters after a call: its slot returns, its record counts; what lies beyond the total is flagged.

use crate::calls::{counters, excess};
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;

/// Moves a link's counters: slots given back, calls counted (−1 where a correction takes one back). `records` are
/// the calls just counted; those beyond the allowed total are flagged, never refused: they happened.
pub fn settle(
    armed: Armed,
    link_id: i64,
    campaign_id: Option<i64>,
    released: i32,
    counted: i64,
    records: &[i64],
) {
    settle_within(
        armed,
        Wait::Long,
        link_id,
        campaign_id,
        released,
        counted,
        records,
    );
}

/// `false`: the counters are held, and nothing was moved.
pub fn settle_within(
    armed: Armed,
    wait: Wait,
    link_id: i64,
    campaign_id: Option<i64>,
    released: i32,
    counted: i64,
    records: &[i64],
) -> bool {
    if released == 0 && counted == 0 {
        return true;
    }
    let Some(beyond) = counters::settle(armed, link_id, campaign_id, released, counted, wait) else {
        return false;
    };
    excess::flag(armed, link_id, beyond, released, records);
    true
}
