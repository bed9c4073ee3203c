//! `caller_rules_fault`: what keeps a JSON value from being rules for callers that call again.

use capconduit_core::caller_rules::{self, Of};
use pgrx::{JsonB, pg_extern};

use crate::postgres::error;

/// Of a link or a client, or of a campaign or a seller. NULL: nothing is wrong.
#[pg_extern(sql = false)]
fn caller_rules_fault(of: Option<&str>, rules: Option<JsonB>) -> Option<String> {
    let of = match of? {
        "target" => Of::Target,
        "call" => Of::Call,
        _ => error::invalid("of must be target or call"),
    };
    caller_rules::read(of, &rules?.0).err()
}
