//! `call_answered`: stores the answer time at once, so that a call whose end is never heard still counts.

use pgrx::pg_extern;

use crate::calls::door::{Answered, Door};
use crate::calls::nodes;
use crate::functions::arguments;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::look::View;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::row_change::RowChange;
use crate::postgres::tables::live_calls;
use crate::postgres::transaction::began;

static ANSWER: Lookup<live_calls::Of> = lookup!(live_calls by live_calls_pkey (Text): node, answered_at);

/// One column alone is a value to PostgreSQL, not a row.
#[pg_extern(sql = false)]
fn call_answered(uniqueid: Option<&str>) -> &'static str {
    let door = Door::of("call_answered");
    let uniqueid = arguments::uniqueid(uniqueid);
    door.open(|inside| {
        let armed = inside.arm();
        let Some(node) = answer(armed, uniqueid) else {
            // Its record may be committed and not yet on disk: a crash must not put back in flight what this one says is not.
            return inside.seen("not_in_flight");
        };
        if let Some(node) = node {
            nodes::note_call(armed, &node);
        }
        Answered::written(armed, "ok")
    })
}

/// The node of the call, whose row has its answer now; `None`: there is no such call, or none any more. The first answer stays: the
/// switch may tell it twice.
fn answer(armed: Armed, uniqueid: &str) -> Option<Option<String>> {
    loop {
        let written = View::Fresh.look(|at| {
            let mut scan = ANSWER.open_to_write(at);
            let found = scan.get(arg(uniqueid), |call| {
                (call.owned(live_calls::node), call.get(live_calls::answered_at))
            });
            let Some((node, answered_at)) = found else {
                return Some(None);
            };
            let answered_at = instant(answered_at.unwrap_or_else(began));
            let change = scan.change(armed, &[live_calls::answered_at.to(answered_at)]);
            (change == RowChange::Done).then_some(Some(node))
        });
        if let Some(node) = written {
            return node;
        }
    }
}
