//! `node_heartbeat`: the list of a switch's live calls. A call that is missing is marked; missing again after the grace time it
//! is closed as LOST.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use pgrx::pg_sys::{INT4OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::door::{Answered, Door};
use crate::calls::lost;
use crate::calls::nodes::meet;
use crate::functions::arguments;
use crate::functions::arguments::required_instant;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::rows::selected;
use crate::postgres::spi::{Change, Query};
use crate::postgres::{error, guc};

/// A call noted before the clock was set back is no sign of the future.
static BEAT: Change = Change::new(
    "update capconduit.nodes \
        set instance = $2, heartbeat_at = now(), taken_at = $3, live_calls = $4, \
            last_call_at = case when last_call_at > now() then now() else last_call_at end \
      where name = $1",
    &[TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID],
);

/// Calls back on the list were not lost: a list may miss a channel that is just being renamed.
static BACK_AGAIN: Change = Change::over_sets(
    "update capconduit.live_calls \
        set absent_since = null, last_listed_at = null \
      where uniqueid in (select l.uniqueid \
                           from capconduit.live_calls l \
                           join unnest($2) u (uniqueid) on u.uniqueid = l.uniqueid \
                          where l.node = $1 and l.absent_since is not null \
                            for update of l skip locked)",
    &[TEXTOID, TEXTARRAYOID],
);

selected! {
    struct AbsentCall {
        uniqueid: String = "l.uniqueid",
        is_over: bool = "l.absent_since is not null and l.absent_since + $4 * interval '1 second' <= $3",
    }
}

/// Absent calls older than the list. A hash join, so that thousands of calls cost milliseconds.
static ABSENT: Query<AbsentCall> = Query::new(
    "select",
    "from capconduit.live_calls l \
      where l.node = $1 and l.routed_at < $3 \
        and not exists (select from unnest($2) u (uniqueid) where u.uniqueid = l.uniqueid) \
        for update of l skip locked",
    &[TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, INT4OID],
)
.over_sets();

/// The first absence: the list before this one is the last that had the call.
static MARK_ABSENT: Change = Change::new(
    "update capconduit.live_calls \
        set absent_since = $2, last_listed_at = $3 \
      where uniqueid = any ($1) and absent_since is null",
    &[TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID],
);

result_row! {
    struct Listed {
        status: &'static str,
        listed: i32,
        absent: i32,
        closed: i32,
    }
}

#[pg_extern(sql = false)]
fn node_heartbeat(
    node: Option<&str>,
    instance: Option<&str>,
    taken_at: Option<TimestampWithTimeZone>,
    uniqueids: Option<Vec<Option<String>>>,
) -> ResultRow<Listed> {
    let door = Door::of("node_heartbeat");
    let node = arguments::required_node(node);
    let instance = arguments::required_instance(instance);
    let taken_at = required_instant("taken_at", taken_at);
    let Some(uniqueids) = uniqueids else {
        error::invalid("uniqueids is NULL: give an empty array where no call is live");
    };
    let uniqueids: Vec<String> = uniqueids
        .into_iter()
        .flatten()
        .filter(|id| !id.is_empty())
        .collect();
    let listed = uniqueids.len() as i32;
    let (status, absent, closed) =
        door.calls(|armed| Answered::written(armed, beat(armed, node, instance, taken_at, uniqueids)));
    ResultRow(Listed {
        status,
        listed,
        absent,
        closed,
    })
}

fn beat(
    armed: Armed,
    node: &str,
    instance: &str,
    taken_at: i64,
    listed: Vec<String>,
) -> (&'static str, i32, i32) {
    let known = meet(armed, node, Some(instance));
    if known.is_taken {
        return ("name_taken", 0, 0);
    }
    let listed_before = known.listed_at;
    // A list overtaken by a newer one says nothing any more.
    if listed_before.is_some_and(|before| before > taken_at) {
        return ("stale", 0, 0);
    }
    BEAT.run(
        armed,
        &[
            arg(node),
            arg(instance),
            instant(taken_at),
            arg(listed.len() as i32),
        ],
    );
    BACK_AGAIN.run(armed, &[arg(node), arg(listed.clone())]);
    let grace = guc::ABSENCE_GRACE_SECONDS.get();
    let calls = ABSENT.all(&[arg(node), arg(listed), instant(taken_at), arg(grace)]);
    let (lost, missing): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| call.is_over);
    let ids =
        |calls: Vec<AbsentCall>| -> Vec<String> { calls.into_iter().map(|call| call.uniqueid).collect() };
    let absent = missing.len() as i32;
    if absent > 0 {
        MARK_ABSENT.run(
            armed,
            &[arg(ids(missing)), instant(taken_at), instant(listed_before)],
        );
    }
    let closed = if lost.is_empty() {
        0
    } else {
        lost::close_absent(armed, ids(lost))
    };
    ("ok", absent, closed)
}
