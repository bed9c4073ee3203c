//! `call_answered`: stores the answer time at once, so that a call whose end is never heard still counts.

use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::door::{Answered, Door};
use crate::calls::nodes;
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::rows::selected;
use crate::postgres::spi::Returning;

selected! {
    struct AnsweredCall {
        node: Option<String> = "node",
    }
}

/// The first answer stays: the switch may tell it twice.
static ANSWER: Returning<AnsweredCall> = Returning::new(
    "update capconduit.live_calls set answered_at = coalesce(answered_at, now()) where uniqueid = $1 returning",
    &[TEXTOID],
);

/// One column alone is a value to PostgreSQL, not a row.
#[pg_extern(sql = false)]
fn call_answered(uniqueid: Option<&str>) -> &'static str {
    let door = Door::of("call_answered");
    let uniqueid = arguments::uniqueid(uniqueid);
    door.open(|inside| {
        let armed = inside.arm();
        let Some(answered) = ANSWER.first(armed, &[arg(uniqueid)]) else {
            // Its record may be committed and not yet on disk: a crash must not put back in flight what this one says is not.
            return inside.seen("not_in_flight");
        };
        if let Some(node) = answered.node {
            nodes::note_call(armed, &node);
        }
        Answered::written(armed, "ok")
    })
}
