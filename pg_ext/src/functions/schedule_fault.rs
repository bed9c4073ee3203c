//! `schedule_fault`: what keeps a zone, weekly intervals and exceptions from being a schedule.

use capconduit_core::schedule_json::{self, Fault};
use pgrx::{JsonB, pg_extern};

/// The column and what is wrong with it; NULL: nothing is.
#[pg_extern(sql = false)]
fn schedule_fault(
    time_zone: Option<&str>,
    weekly: Option<JsonB>,
    exceptions: Option<JsonB>,
) -> Option<Vec<String>> {
    let (weekly, exceptions) = (weekly?, exceptions?);
    let Fault { list, text } = schedule_json::read(time_zone?, &weekly.0, &exceptions.0).err()?;
    Some(vec![list.to_owned(), text])
}
