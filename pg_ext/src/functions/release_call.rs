//! `release_call`: somebody knows that a call is over; it is closed as LOST.

use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::door::{Answered, Door};
use crate::calls::lost::{LockedCall, close_all, lock};
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::spi::{Query, Statement};

static LOCK_ONE: Query<LockedCall> = Query::new(
    "select",
    "from capconduit.live_calls l where l.uniqueid = $1 for update of l",
    &[TEXTOID],
);

static AUDIT: Statement = Statement::new(
    "select capconduit.write_audit('release', 'live_calls', $1, null, jsonb_build_object('reason', $2))",
    &[TEXTOID, TEXTOID],
);

result_row! {
    struct Released {
        status: &'static str,
        cdr_id: Option<i64>,
    }
}

#[pg_extern(sql = false)]
fn release_call(uniqueid: Option<&str>, reason: Option<&str>) -> ResultRow<Released> {
    let door = Door::of("release_call");
    let uniqueid = arguments::uniqueid(uniqueid);
    let reason = arguments::reason("release_call", reason);
    let (status, cdr_id) = door.call_in_flight(uniqueid, |inside| {
        let held = lock(&LOCK_ONE, &[arg(uniqueid)], reason);
        if held.is_empty() {
            return inside.seen(("not_in_flight", None));
        }
        let armed = inside.arm();
        let (_, record) = close_all(armed, &held);
        AUDIT.run(&[arg(uniqueid), arg(reason)]);
        Answered::written(armed, ("released", record))
    });
    ResultRow(Released { status, cdr_id })
}
