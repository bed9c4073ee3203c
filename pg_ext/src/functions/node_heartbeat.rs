//! What Asterisk machines say of themselves: their start, the list of their live calls, and what they know without a list.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use pgrx::pg_sys::{INT4OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::{hearing, locks, lost};
use crate::functions::arguments;
use crate::postgres::result_row::Record;
use crate::postgres::spi::{Statement, arg, connected, instant, now};
use crate::postgres::{early_lock_release, error, guc};

/// Clocks of the database itself differ by nothing, so a list from the future is a mistake.
const FUTURE_TOLERANCE_MICROS: i64 = 5_000_000;

fn required_instant(name: &str, value: Option<TimestampWithTimeZone>) -> i64 {
    let Some(micros) = arguments::instant(name, value) else {
        error::invalid(format!("{name} is NULL"))
    };
    if micros > now() + FUTURE_TOLERANCE_MICROS {
        error::invalid(format!("{name} lies in the future: give database time"));
    }
    micros
}

/// What is known of a switch, its row locked until the end of the transaction.
struct Known {
    /// When its last list was begun.
    listed_at: Option<i64>,
    /// Another agent speaks for it, and has not been silent for long enough.
    is_taken: bool,
}

static KNOWN_NODE: Statement = Statement::new(
    "select case when n.taken_at <= now() + interval '5 seconds' then n.taken_at end, \
            coalesce(n.instance <> $2 and n.heartbeat_at is not null, false), n.heartbeat_at \
       from capconduit.nodes n \
      where n.name = $1 \
        for update of n",
    &[TEXTOID, TEXTOID],
);

/// Two first words of one node come one after the other, as all later ones do.
static MEET: Statement = Statement::new(
    "insert into capconduit.nodes (name) values ($1) on conflict (name) do nothing",
    &[TEXTOID],
);

/// The switch's row, made if need be. Whoever asks speaks, so the database hears, also when the name is another's.
fn meet(node: &str, instance: Option<&str>) -> Known {
    let look = || KNOWN_NODE.run(&[arg(node), arg(instance)]);
    let mut rows = look();
    if rows.is_empty() {
        MEET.run(&[arg(node)]);
        rows = look();
    }
    let known = rows.first().map_or((None, false, None), |columns| {
        let listed_at = columns.get::<TimestampWithTimeZone>().map(i64::from);
        let is_another = columns.need::<bool>();
        let last_sign = columns.get::<TimestampWithTimeZone>().map(i64::from);
        (listed_at, is_another, last_sign)
    });
    let (listed_at, is_another, last_sign) = known;
    hearing::hear();
    Known {
        listed_at,
        is_taken: is_another && !hearing::is_silent(instant(last_sign)),
    }
}

/// A start without an instance claims nothing. It is a sign of an agent, where there was one.
static START: Statement = Statement::new(
    "update capconduit.nodes \
        set instance = $2, booted_at = greatest(booted_at, $3), \
            heartbeat_at = case when heartbeat_at is not null then now() end \
      where name = $1",
    &[TEXTOID, TEXTOID, TIMESTAMPTZOID],
);

#[pg_extern(sql = false)]
fn node_started(
    node: Option<&str>,
    booted_at: Option<TimestampWithTimeZone>,
    instance: Option<&str>,
) -> Record<2> {
    locks::require_read_committed("node_started");
    let node = arguments::required_node(node);
    let booted_at = required_instant("booted_at", booted_at);
    let instance = arguments::described(instance, 150);
    let (status, closed) = connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        if meet(node, instance).is_taken {
            return ("name_taken", 0);
        }
        START.run(&[arg(node), arg(instance), instant(booted_at)]);
        ("ok", lost::close_before_boot(node, booted_at))
    });
    Record([arg(status), arg(closed)])
}

/// A call noted before the clock was set back is no sign of the future.
static BEAT: Statement = Statement::new(
    "update capconduit.nodes \
        set instance = $2, heartbeat_at = now(), taken_at = $3, live_calls = $4, \
            last_call_at = case when last_call_at > now() then now() else last_call_at end \
      where name = $1",
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
    let node = arguments::required_node(node);
    let Some(instance) = arguments::described(instance, 150) else {
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
    let known = meet(node, Some(instance));
    if known.is_taken {
        return ("name_taken", 0, 0);
    }
    let listed_before = known.listed_at;
    // A list overtaken by a newer one says nothing any more.
    if listed_before.is_some_and(|before| before > taken_at) {
        return ("stale", 0, 0);
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
        lost::close_absent(lost)
    };
    ("ok", absent, closed)
}

// ---- what an agent says where it has no list -------------------------------------------------------------------------

/// Its Asterisk lives, and cannot be asked for its calls.
static ALIVE: Statement = Statement::new(
    "update capconduit.nodes set instance = $2, heartbeat_at = now() where name = $1",
    &[TEXTOID, TEXTOID],
);

/// Without an agent a switch is not judged by its silence.
static NO_AGENT: Statement = Statement::new(
    "update capconduit.nodes set heartbeat_at = null where name = $1",
    &[TEXTOID],
);

static NO_INSTANCE: Statement = Statement::new(
    "update capconduit.nodes set instance = null, heartbeat_at = null where name = $1",
    &[TEXTOID],
);

/// Its name is free, and its silence means nothing. Whether the switch is known.
pub fn forget_agent(node: &str) -> bool {
    NO_INSTANCE.run(&[arg(node)]).len() == 1
}

#[pg_extern(sql = false)]
fn node_report(node: Option<&str>, instance: Option<&str>, state: Option<&str>) -> &'static str {
    locks::require_read_committed("node_report");
    let node = arguments::required_node(node);
    let Some(instance) = arguments::described(instance, 150) else {
        error::invalid("instance is empty")
    };
    let state = match arguments::text(state) {
        Some(state @ ("alive" | "down" | "stopped")) => state,
        _ => error::invalid("state must be alive, down or stopped"),
    };
    connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        if meet(node, Some(instance)).is_taken {
            return "name_taken";
        }
        match state {
            "alive" => drop(ALIVE.run(&[arg(node), arg(instance)])),
            "stopped" => drop(NO_AGENT.run(&[arg(node)])),
            // That a switch was heard says `meet`; this one was not.
            _ => {}
        }
        "ok"
    })
}

// ---- call functions are a sign of life too ------------------------------------------------------------------------

thread_local! {
    /// When this backend last noted a call of each node.
    static NOTED: RefCell<HashMap<String, Instant>> = RefCell::new(HashMap::new());
}

/// Often enough for the silence of a node to be seen, seldom enough to cost nothing: eight times in what it may be silent,
/// at most every fifteen seconds.
fn note_every() -> Duration {
    match guc::NODE_SILENCE_SECONDS.get() {
        silence @ 1..120 => Duration::from_millis(silence as u64 * 125),
        _ => Duration::from_secs(15),
    }
}
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

/// Notes that a call function names this node: a sign of its life. Never waits for a row.
pub fn note_call(node: &str) {
    let due = NOTED.with_borrow_mut(|noted| {
        if noted.get(node).is_some_and(|at| at.elapsed() < note_every()) {
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
        hearing::hear();
    }
}
