//! Calls that ended unheard: closed as LOST, their slots given back. By hand (`release_call`), when their lease ends
//! or their node falls silent (`release_expired`), or because their node says they are gone (`node`).

use std::collections::BTreeMap;

use capconduit_core::outcome;
use pgrx::pg_extern;
use pgrx::pg_sys::{self, BOOLOID, INT4OID, INT8OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::hearing::dead_nodes_sql;
use crate::calls::locks::Savepoint;
use crate::calls::{counters, excess, hearing, locks};
use crate::functions::{arguments, node_heartbeat};
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::lookup::{Key, Lookup, View, WRITING};
use crate::postgres::result_row::Record;
use crate::postgres::spi::{Rows, Statement, arg, connected, instant};
use crate::postgres::{access, early_lock_release, error, guc};

/// A call in flight whose row this transaction has locked, and why it is to be closed.
struct Held<'a> {
    why: &'a str,
    uniqueid: String,
    link_id: i64,
    holds_slot: bool,
    answered: bool,
}

/// Columns of every statement that locks calls to close them. A row that somebody else has locked belongs to a call
/// that is being worked on: it is skipped, and nobody waits with many rows in hand.
macro_rules! lock_calls_sql {
    ($($condition:expr),+ $(,)?) => {
        concat!(
            "select l.uniqueid, l.link_id, l.holds_slot, l.answered_at is not null \
               from capconduit.live_calls l ",
            $($condition,)+
            " for update of l skip locked"
        )
    };
}

/// Takes the call off the books: the record ends at the last sign of life. `nodes.taken_at` is the last list of the
/// call's node; a call that was absent from it carries the last list that had it. Read by its name, the Call-ID need not be a
/// column yet: the table may be of the release before.
static CLOSE: Statement = Statement::new(
    "with gone as ( \
         delete from capconduit.live_calls l where l.uniqueid = $1 returning l.* \
     ), ended as ( \
         select g.*, \
                greatest(g.routed_at, g.attempt_at, g.answered_at, \
                         case when g.absent_since is not null then g.last_listed_at \
                              else (select n.taken_at from capconduit.nodes n where n.name = g.node) end) as ended_at \
           from gone g \
     ) \
     insert into capconduit.call_logs \
        (asterisk_uniqueid, asterisk_linkedid, user_id, campaign_id, did_id, client_id, link_id, node, \
         incoming_did_number, caller_id_num, caller_id_name, timestamp_start, timestamp_answered, timestamp_end, \
         duration_seconds, billsec_seconds, call_status, hangup_cause_text, hangup_by, attempts, counted, decision, sip_call_id) \
     select e.uniqueid, e.linkedid, e.user_id, e.campaign_id, e.did_id, e.client_id, e.link_id, e.node, \
            e.did_number, e.caller_number, e.caller_name, e.routed_at, e.answered_at, e.ended_at, \
            floor(extract(epoch from e.ended_at - e.routed_at)), \
            coalesce(floor(extract(epoch from e.ended_at - e.answered_at)), 0), \
            $2, $3, 'system', e.attempt, $4, e.decision, to_jsonb(e) ->> 'sip_call_id' \
       from ended e \
     on conflict (asterisk_uniqueid) do nothing \
     returning id",
    &[TEXTOID, TEXTOID, TEXTOID, BOOLOID],
);

fn read_held<'a>(rows: &Rows, why: &'a str) -> Vec<Held<'a>> {
    rows.iter()
        .map(|columns| Held {
            why,
            uniqueid: columns.need(),
            link_id: columns.need(),
            holds_slot: columns.need(),
            answered: columns.need(),
        })
        .collect()
}

/// What a link's counters owe to the calls that were closed.
#[derive(Default)]
struct Owed {
    released: i32,
    records: Vec<i64>,
}

/// Closes the calls as LOST; their number and the id of the last record. The links come last, in ascending order:
/// so call this once in a transaction, but for what was rolled back. A link that is held for longer than was to be waited is
/// the error.
fn close(held: &[Held], wait: Wait) -> Result<(i32, Option<i64>), i64> {
    if held.is_empty() {
        return Ok((0, None));
    }
    // What the statements below take for granted, too.
    access::enter(c"live_calls", WRITING);
    access::enter(c"call_logs", WRITING);
    early_lock_release::arm();
    let mut links: BTreeMap<i64, Owed> = BTreeMap::new();
    let mut last = None;
    for call in held {
        let counts = outcome::counts(outcome::LOST, call.answered, true);
        let rows = CLOSE.run(&[
            arg(call.uniqueid.as_str()),
            arg(outcome::LOST),
            arg(call.why),
            arg(counts),
        ]);
        let record: Option<i64> = rows.first().map(|columns| columns.need());
        let owed = links.entry(call.link_id).or_default();
        owed.released += i32::from(call.holds_slot);
        owed.records.extend(record.filter(|_| counts));
        last = record.or(last);
    }
    for (link_id, owed) in links {
        let counted = owed.records.len() as i64;
        if !settle_within(wait, link_id, None, owed.released, counted, &owed.records) {
            return Err(link_id);
        }
    }
    Ok((held.len() as i32, last))
}

/// As long as `lock_timeout` allows: somebody asked for just these.
fn close_all(held: &[Held]) -> (i32, Option<i64>) {
    close(held, Wait::Long).expect("a wait without a bound leaves no link out")
}

/// Leaves out those whose link's counters somebody holds: they are found again later. Otherwise one forgotten transaction
/// would keep a node from being heard, and its silence would cost it all its calls.
fn close_soon(mut held: Vec<Held>) -> i32 {
    let patience = Patience::default();
    let mut free: BTreeMap<i64, bool> = BTreeMap::new();
    held.retain(|call| {
        *free
            .entry(call.link_id)
            .or_insert_with(|| counters::wait_for(call.link_id, Wait::Patiently(&patience)))
    });
    while !held.is_empty() {
        let savepoint = Savepoint::begin();
        match close(&held, Wait::Moment(&patience)) {
            Ok((closed, _)) => {
                savepoint.release();
                return closed;
            }
            Err(link_id) => {
                savepoint.rollback();
                held.retain(|call| call.link_id != link_id);
            }
        }
    }
    0
}

/// Moves a link's counters: slots given back, calls counted (−1 where a correction takes one back). `records` are
/// the calls just counted; those beyond the allowed total are flagged, never refused: they happened.
pub fn settle(link_id: i64, campaign_id: Option<i64>, released: i32, counted: i64, records: &[i64]) {
    settle_within(Wait::Long, link_id, campaign_id, released, counted, records);
}

/// `false`: the counters are held, and nothing was moved.
fn settle_within(
    wait: Wait,
    link_id: i64,
    campaign_id: Option<i64>,
    released: i32,
    counted: i64,
    records: &[i64],
) -> bool {
    if released == 0 && counted == 0 {
        return true;
    }
    let Some(beyond) = counters::settle(link_id, campaign_id, released, counted, wait) else {
        return false;
    };
    excess::flag(link_id, beyond, released, records);
    true
}

// ---- one call, by hand -------------------------------------------------------------------------------------------

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
    locks::require_read_committed("release_call");
    let uniqueid = arguments::uniqueid(uniqueid);
    let Some(reason) = arguments::described(reason, 50) else {
        error::invalid("release_call needs a reason");
    };
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

// ---- a node, by hand ---------------------------------------------------------------------------------------------

static LOCK_ON_NODE: Statement = Statement::new(lock_calls_sql!("where l.node = $1"), &[TEXTOID]);

static AUDIT_NODE: Statement = Statement::new(
    "select capconduit.write_audit('release', 'nodes', $1, null, \
                                   jsonb_build_object('reason', $2, 'released', $3))",
    &[TEXTOID, TEXTOID, INT4OID],
);

/// Somebody knows that this Asterisk is gone: its calls are closed, its name is free.
#[pg_extern(sql = false)]
fn release_node(node: Option<&str>, reason: Option<&str>) -> Record<2> {
    locks::require_read_committed("release_node");
    let node = arguments::required_node(node);
    let Some(reason) = arguments::described(reason, 50) else {
        error::invalid("release_node needs a reason");
    };
    let (status, released) = connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        let is_known = node_heartbeat::forget_agent(node);
        let held = read_held(&LOCK_ON_NODE.run(&[arg(node)]), reason);
        if !is_known && held.is_empty() {
            return ("unknown_node", 0);
        }
        AUDIT_NODE.run(&[arg(node), arg(reason), arg(held.len() as i32)]);
        ("released", close_all(&held).0)
    });
    Record([arg(status), arg(released)])
}

// ---- leases ------------------------------------------------------------------------------------------------------

static EXPIRED: Lookup = Lookup::new(
    c"live_calls",
    c"live_calls_lease_until_idx",
    Key::Before,
    &[c"link_id", c"holds_slot"],
);

/// The first of these links on which a lease has expired.
pub fn expired_on(link_ids: &[i64]) -> Option<i64> {
    if link_ids.is_empty() {
        return None;
    }
    // SAFETY: reads the start of the current transaction.
    let now = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
    let first = View::Fresh.look(|at| {
        let mut first = None;
        let mut expired = EXPIRED.open(at);
        expired.seek(instant(now));
        while first != Some(0)
            && let Some(row) = expired.next()
        {
            let link_id: i64 = row.need(0);
            if row.need(1)
                && let Some(place) = link_ids.iter().position(|id| *id == link_id)
            {
                first = first.map_or(Some(place), |first: usize| Some(first.min(place)));
            }
        }
        first
    });
    first.map(|place| link_ids[place])
}

static LOCK_EXPIRED_ON: Statement = Statement::new(
    lock_calls_sql!("where l.lease_until < now() and l.holds_slot and l.link_id = $1 limit 10"),
    &[INT8OID],
);

/// A route that found the link full takes back what is owed to it, and locks no other link by it.
pub fn release_expired_on(link_id: i64) {
    close_all(&read_held(&LOCK_EXPIRED_ON.run(&[arg(link_id)]), LEASE_EXPIRED));
}

const LEASE_EXPIRED: &str = "lease expired";

static LOCK_EXPIRED: Statement = Statement::new(
    lock_calls_sql!("where l.lease_until < now() limit $1"),
    &[INT8OID],
);

static LOCK_ON_DEAD_NODES: Statement = Statement::new(
    lock_calls_sql!(
        "where l.lease_until >= now() and l.node = any (array(",
        dead_nodes_sql!(),
        ")) limit $1"
    ),
    &[INT8OID, INT4OID],
);

#[pg_extern(sql = false)]
fn release_expired(max: Option<i32>) -> Record<2> {
    locks::require_read_committed("release_expired");
    let max = i64::from(max.unwrap_or(100));
    if !(1..=10_000).contains(&max) {
        error::invalid("max must be between 1 and 10000");
    }
    let released = connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        let silence_counts = hearing::catch_up();
        let mut held = read_held(&LOCK_EXPIRED.run(&[arg(max)]), LEASE_EXPIRED);
        let left = max - held.len() as i64;
        if left > 0 && silence_counts {
            let rows = LOCK_ON_DEAD_NODES.run(&[arg(left), arg(guc::NODE_SILENCE_SECONDS.get())]);
            held.extend(read_held(&rows, "node silent"));
        }
        close_soon(held)
    });
    Record([arg("ok"), arg(released)])
}

// ---- what a node says ---------------------------------------------------------------------------------------------

static LOCK_BEFORE_BOOT: Statement = Statement::new(
    lock_calls_sql!("where l.node = $1 and l.routed_at < $2"),
    &[TEXTOID, TIMESTAMPTZOID],
);

/// Calls that an Asterisk routed before its own start ended with the one before it.
pub fn close_before_boot(node: &str, booted_at: i64) -> i32 {
    let rows = LOCK_BEFORE_BOOT.run(&[arg(node), instant(booted_at)]);
    close_soon(read_held(&rows, "node restarted"))
}

static LOCK_LISTED: Statement =
    Statement::new(lock_calls_sql!("where l.uniqueid = any ($1)"), &[TEXTARRAYOID]);

/// Calls that their node no longer knows.
pub fn close_absent(uniqueids: Vec<String>) -> i32 {
    let rows = LOCK_LISTED.run(&[arg(uniqueids)]);
    close_soon(read_held(&rows, "not on its node"))
}
