//! `release_node`: somebody knows that an Asterisk is gone; its calls are closed as LOST, its name is free.

use pgrx::pg_extern;
use pgrx::pg_sys::{INT4OID, TEXTOID};

use crate::calls::door::{Answered, Door};
use crate::calls::lost::{LockedCall, close_all, lock, lock_calls};
use crate::calls::nodes;
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::spi::{Query, Statement};

static LOCK_ON_NODE: Query<LockedCall> = lock_calls!(&[TEXTOID], "where l.node = $1");

static AUDIT_NODE: Statement = Statement::new(
    "select capconduit.write_audit('release', 'nodes', $1, null, \
                                   jsonb_build_object('reason', $2, 'released', $3))",
    &[TEXTOID, TEXTOID, INT4OID],
);

result_row! {
    struct Released {
        status: &'static str,
        released: i32,
    }
}

/// Somebody knows that this Asterisk is gone: its calls are closed, its name is free.
#[pg_extern(sql = false)]
fn release_node(node: Option<&str>, reason: Option<&str>) -> ResultRow<Released> {
    let door = Door::of("release_node");
    let node = arguments::required_node(node);
    let reason = arguments::reason("release_node", reason);
    let (status, released) = door.calls(|armed| {
        let is_known = nodes::forget_agent(armed, node);
        let held = lock(&LOCK_ON_NODE, &[arg(node)], reason);
        if !is_known && held.is_empty() {
            return Answered::written(armed, ("unknown_node", 0));
        }
        AUDIT_NODE.run(&[arg(node), arg(reason), arg(held.len() as i32)]);
        Answered::written(armed, ("released", close_all(armed, &held).0))
    });
    ResultRow(Released { status, released })
}
