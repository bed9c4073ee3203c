//! `node_started`: an Asterisk has started; what it had routed before is over.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use pgrx::pg_sys::{TEXTOID, TIMESTAMPTZOID};

use crate::calls::door::{Answered, Door};
use crate::calls::lost;
use crate::calls::nodes::meet;
use crate::functions::arguments;
use crate::functions::arguments::required_instant;
use crate::postgres::argument::{arg, instant};
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::spi::Change;

/// A start without an instance claims nothing. It is a sign of an agent, where there was one.
static START: Change = Change::new(
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
    let door = Door::of("node_started");
    let node = arguments::required_node(node);
    let booted_at = required_instant("booted_at", booted_at);
    let instance = arguments::instance(instance);
    let (status, closed) = door.calls(|armed| {
        if meet(armed, node, instance).is_taken {
            return Answered::written(armed, ("name_taken", 0));
        }
        START.run(armed, &[arg(node), arg(instance), instant(booted_at)]);
        Answered::written(armed, ("ok", lost::close_before_boot(armed, node, booted_at)))
    });
    ResultRow(Started { status, closed })
}
