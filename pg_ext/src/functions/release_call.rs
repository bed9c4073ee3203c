//! `release_call`: somebody knows that a call is over; it is closed as LOST.

use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::locks;
use crate::calls::lost::{close_all, read_held};
use crate::functions::arguments;
use crate::postgres::early_lock_release;
use crate::postgres::result_row::Record;
use crate::postgres::spi::{Statement, arg, connected};
use crate::postgres::transaction::require_read_committed;

static LOCK_ONE: Statement = Statement::new(
    "select l.uniqueid, l.link_id, l.holds_slot, l.answered_at is not null \
       from capconduit.live_calls l where l.uniqueid = $1 for update of l",
    &[TEXTOID],
);

static AUDIT: Statement = Statement::new(
    "select capconduit.write_audit('release', 'live_calls', $1, null, jsonb_build_object('reason', $2))",
    &[TEXTOID, TEXTOID],
);

#[pg_extern(sql = false)]
fn release_call(uniqueid: Option<&str>, reason: Option<&str>) -> Record<2> {
    require_read_committed("release_call");
    let uniqueid = arguments::uniqueid(uniqueid);
    let reason = arguments::reason("release_call", reason);
    let (status, record) = connected(|| {
        locks::lock_call(uniqueid);
        locks::enter_live_calls();
        let (closed, record) = close_all(&read_held(&LOCK_ONE.run(&[arg(uniqueid)]), reason));
        if closed == 0 {
            early_lock_release::flush_what_was_seen();
            return ("not_in_flight", None);
        }
        AUDIT.run(&[arg(uniqueid), arg(reason)]);
        ("released", record)
    });
    Record([arg(status), arg(record)])
}
