//! `release_call`: somebody knows that a call is over; it is closed as LOST.

use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::locks;
use crate::calls::lost::{LockedCall, close_all, lock};
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::early_lock_release;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::spi::{Query, Statement, connected};
use crate::postgres::transaction::require_read_committed;

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
    require_read_committed("release_call");
    let uniqueid = arguments::uniqueid(uniqueid);
    let reason = arguments::reason("release_call", reason);
    let (status, record) = connected(|| {
        locks::lock_call(uniqueid);
        locks::enter_live_calls();
        let (closed, record) = close_all(&lock(&LOCK_ONE, &[arg(uniqueid)], reason));
        if closed == 0 {
            early_lock_release::flush_what_was_seen();
            return ("not_in_flight", None);
        }
        AUDIT.run(&[arg(uniqueid), arg(reason)]);
        ("released", record)
    });
    ResultRow(Released {
        status,
        cdr_id: record,
    })
}
