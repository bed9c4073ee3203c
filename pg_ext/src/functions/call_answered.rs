//! `call_answered`: stores the answer time at once, so that a call whose end is never heard still counts.

use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::nodes;
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::early_lock_release;
use crate::postgres::rows::selected;
use crate::postgres::spi::{Query, connected};
use crate::postgres::transaction::require_read_committed;

selected! {
    struct Answered {
        node: Option<String> = "node",
    }
}

/// The first answer stays: the switch may tell it twice.
static ANSWER: Query<Answered> = Query::new(
    "update capconduit.live_calls set answered_at = coalesce(answered_at, now()) where uniqueid = $1 returning",
    "",
    &[TEXTOID],
);

/// One column alone is a value to PostgreSQL, not a row.
#[pg_extern(sql = false)]
fn call_answered(uniqueid: Option<&str>) -> &'static str {
    require_read_committed("call_answered");
    let uniqueid = arguments::uniqueid(uniqueid);
    early_lock_release::arm();
    let is_in_flight = connected(|| {
        let answered = ANSWER.first(&[arg(uniqueid)]);
        if let Some(node) = answered.as_ref().and_then(|call| call.node.as_deref()) {
            nodes::note_call(node);
        }
        answered.is_some()
    });
    if is_in_flight {
        return "ok";
    }
    // Its record may be committed and not yet on disk: a crash must not put back in flight what this one says is not.
    early_lock_release::flush_what_was_seen();
    "not_in_flight"
}
