//! `node_started`: an Asterisk has started; what it had routed before is over.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use pgrx::pg_sys::{TEXTOID, TIMESTAMPTZOID};

use crate::calls::nodes::meet;
use crate::calls::{locks, lost};
use crate::functions::arguments;
use crate::functions::arguments::required_instant;
use crate::postgres::argument::{arg, instant};
use crate::postgres::early_lock_release;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::spi::{Statement, connected};
use crate::postgres::transaction::require_read_committed;

/// A start without an instance claims nothing. It is a sign of an agent, where there was one.
static START: Statement = Statement::new(
    "update capconduit.nodes \
        set instance = $2, booted_at = greatest(booted_at, $3), \
            heartbeat_at = case when heartbeat_at is not null then now() end \
      where name = $1",
    &[TEXTOID, TEXTOID, TIMESTAMPTZOID],
);

result_row! {
    struct Started {
        status: &'static str,
        closed: i32,
    }
}

#[pg_extern(sql = false)]
fn node_started(
    node: Option<&str>,
    booted_at: Option<TimestampWithTimeZone>,
    instance: Option<&str>,
) -> ResultRow<Started> {
    require_read_committed("node_started");
    let node = arguments::required_node(node);
    let booted_at = required_instant("booted_at", booted_at);
    let instance = arguments::instance(instance);
    let (status, closed) = connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        if meet(node, instance).is_taken {
            return ("name_taken", 0);
        }
        START.run(&[arg(node), arg(instance), instant(booted_at)]);
        ("ok", lost::close_before_boot(node, booted_at))
    });
    ResultRow(Started { status, closed })
}
