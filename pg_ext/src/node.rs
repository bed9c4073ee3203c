//! What Asterisk machines say of themselves: their start, and the list of their live calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use pgrx::pg_sys::{INT4OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};

use crate::record::Record;
use crate::spi::{Statement, arg, connected, instant, now};
use crate::{args, early_lock_release, error, guc, lease, locks};

/// Clocks of the database itself differ by nothing, so a list from the future is a mistake.
const FUTURE_TOLERANCE_MICROS: i64 = 5_000_000;

fn required_instant(name: &str, value: Option<TimestampWithTimeZone>) -> i64 {
    let Some(micros) = args::instant(name, value) else {
        error::invalid(format!("{name} is NULL"))
    };
    if micros > now() + FUTURE_TOLERANCE_MICROS {
        error::invalid(format!("{name} lies in the future: give database time"));
    }
    micros
}

/// Takes the name for this instance, unless another one is alive under it. NULL for `$2` claims nothing.
static START: Statement = Statement::new(
    "insert into capconduit.nodes as n (name, instance, booted_at) \
     values ($1, $2, $3) \
     on conflict (name) do update \
        set instance = excluded.instance, booted_at = greatest(n.booted_at, excluded.booted_at) \
      where excluded.instance is null or n.instance is null or n.instance = excluded.instance \
         or n.heartbeat_at is null or n.heartbeat_at < now() - $4 * interval '1 second' \
     returning name",
    &[TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID],
);

#[pg_extern(sql = false)]
fn node_started(
    node: Option<&str>,
    booted_at: Option<TimestampWithTimeZone>,
    instance: Option<&str>,
) -> Record<2> {
    locks::require_read_committed("node_started");
    let node = args::required_node(node);
    let booted_at = required_instant("booted_at", booted_at);
    let instance = args::described(instance, 150);
    let (status, closed) = connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        let silence = guc::NODE_SILENCE_SECONDS.get();
        if START
            .run(&[arg(node), arg(instance), instant(booted_at), arg(silence)])
            .is_empty()
        {
            return ("name_taken", 0);
        }
        ("ok", lease::close_before_boot(node, booted_at))
    });
    Record([arg(status), arg(closed)])
}

static KNOWN_NODE: Statement = Statement::new(
    "select n.taken_at, \
            coalesce(n.instance <> $2 and n.heartbeat_at >= now() - $3 * interval '1 second', false) \
       from capconduit.nodes n \
      where n.name = $1 \
        for update of n",
    &[TEXTOID, TEXTOID, INT4OID],
);

/// Two first lists of one node come one after the other, as all later ones do.
static MEET: Statement = Statement::new(
    "insert into capconduit.nodes (name) values ($1) on conflict (name) do nothing",
    &[TEXTOID],
);

static BEAT: Statement = Statement::new(
    "insert into capconduit.nodes (name, instance, heartbeat_at, taken_at, live_calls) \
     values ($1, $2, now(), $3, $4) \
     on conflict (name) do update \
        set instance = excluded.instance, heartbeat_at = excluded.heartbeat_at, taken_at = excluded.taken_at, \
            live_calls = excluded.live_calls",
    &[TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID],
);

/// Calls back on the list were not lost: a list may miss a channel that is just being renamed.
static BACK_AGAIN: Statement = Statement::over_sets(
    "update capconduit.live_calls \
        set absent_since = null, last_listed_at = null \
      where uniqueid in (select l.uniqueid \
                           from capconduit.live_calls l \
                           join unnest($2) u (uniqueid) on u.uniqueid = l.uniqueid \
                          where l.node = $1 and l.absent_since is not null \
                            for update of l skip locked)",
    &[TEXTOID, TEXTARRAYOID],
);

/// Absent calls older than the list. A hash join, so that thousands of calls cost milliseconds.
static ABSENT: Statement = Statement::over_sets(
    "select l.uniqueid, l.absent_since is not null \
            and l.absent_since + $4 * interval '1 second' <= $3 \
       from capconduit.live_calls l \
      where l.node = $1 and l.routed_at < $3 \
        and not exists (select from unnest($2) u (uniqueid) where u.uniqueid = l.uniqueid) \
        for update of l skip locked",
    &[TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, INT4OID],
);

/// The first absence: the list before this one is the last that had the call.
static MARK_ABSENT: Statement = Statement::new(
    "update capconduit.live_calls \
        set absent_since = $2, last_listed_at = $3 \
      where uniqueid = any ($1) and absent_since is null",
    &[TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID],
);

#[pg_extern(sql = false)]
fn node_heartbeat(
    node: Option<&str>,
    instance: Option<&str>,
    taken_at: Option<TimestampWithTimeZone>,
    uniqueids: Option<Vec<Option<String>>>,
) -> Record<4> {
    locks::require_read_committed("node_heartbeat");
    let node = args::required_node(node);
    let Some(instance) = args::described(instance, 150) else {
        error::invalid("instance is empty")
    };
    let taken_at = required_instant("taken_at", taken_at);
    let Some(uniqueids) = uniqueids else {
        error::invalid("uniqueids is NULL: give an empty array where no call is live");
    };
    let listed: Vec<String> = uniqueids
        .into_iter()
        .flatten()
        .filter(|id| !id.is_empty())
        .collect();
    let count = listed.len() as i32;
    let (status, absent, closed) = connected(|| beat(node, instance, taken_at, listed));
    Record([arg(status), arg(count), arg(absent), arg(closed)])
}

fn beat(node: &str, instance: &str, taken_at: i64, listed: Vec<String>) -> (&'static str, i32, i32) {
    locks::enter_live_calls();
    early_lock_release::arm();
    let look = || KNOWN_NODE.run(&[arg(node), arg(instance), arg(guc::NODE_SILENCE_SECONDS.get())]);
    let mut rows = look();
    if rows.is_empty() {
        MEET.run(&[arg(node)]);
        rows = look();
    }
    let mut listed_before: Option<i64> = None;
    if let Some(columns) = rows.first() {
        listed_before = columns.get::<TimestampWithTimeZone>().map(i64::from);
        if columns.need::<bool>() {
            return ("name_taken", 0, 0);
        }
        // A list overtaken by a newer one says nothing any more.
        if listed_before.is_some_and(|before| before > taken_at) {
            return ("stale", 0, 0);
        }
    }
    BEAT.run(&[
        arg(node),
        arg(instance),
        instant(taken_at),
        arg(listed.len() as i32),
    ]);
    BACK_AGAIN.run(&[arg(node), arg(listed.clone())]);
    let grace = guc::ABSENCE_GRACE_SECONDS.get();
    let rows = ABSENT.run(&[arg(node), arg(listed), instant(taken_at), arg(grace)]);
    let mut missing = Vec::new();
    let mut lost = Vec::new();
    for columns in rows.iter() {
        let uniqueid: String = columns.need();
        if columns.need() {
            lost.push(uniqueid)
        } else {
            missing.push(uniqueid)
        }
    }
    let absent = missing.len() as i32;
    if absent > 0 {
        MARK_ABSENT.run(&[arg(missing), instant(taken_at), instant(listed_before)]);
    }
    let closed = if lost.is_empty() {
        0
    } else {
        lease::close_absent(lost)
    };
    ("ok", absent, closed)
}

// ---- call functions are a sign of life too ------------------------------------------------------------------------

thread_local! {
    /// When this backend last noted a call of each node.
    static NOTED: RefCell<HashMap<String, Instant>> = RefCell::new(HashMap::new());
}

/// Often enough for the silence of a node to be seen, seldom enough to cost nothing.
const NOTE_EVERY: Duration = Duration::from_secs(15);
const MOST_NAMES: usize = 1_000;

static NOTE: Statement = Statement::new(
    "update capconduit.nodes \
        set last_call_at = now() \
      where name = (select n.name \
                      from capconduit.nodes n \
                     where n.name = $1 and n.last_call_at is distinct from now() \
                       for update skip locked)",
    &[TEXTOID],
);

/// Notes that the node is routing or logging calls; never waits for the node's row.
pub fn note_call(node: &str) {
    let due = NOTED.with_borrow_mut(|noted| {
        if noted.get(node).is_some_and(|at| at.elapsed() < NOTE_EVERY) {
            return false;
        }
        if noted.len() >= MOST_NAMES {
            noted.clear();
        }
        noted.insert(node.to_owned(), Instant::now());
        true
    });
    if due {
        NOTE.run(&[arg(node)]);
    }
}
