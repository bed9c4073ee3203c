//! `overflow_fault`: what keeps a JSON value from being where a campaign's calls overflow to.

use capconduit_core::overflow::Overflow;
use pgrx::{JsonB, pg_extern};

/// NULL: nothing is wrong with its form.
#[pg_extern(sql = false)]
fn overflow_fault(overflow: Option<JsonB>) -> Option<String> {
    Overflow::read(&overflow?.0).err()
}
