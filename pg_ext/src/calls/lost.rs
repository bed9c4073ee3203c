//! Calls that ended unheard: closed as LOST, their slots given back. By hand (`release_call`), when their lease ends
//! or their node falls silent (`release_expired`), or because their node says they are gone (`node`).

use std::collections::BTreeMap;

use capconduit_core::outcome;
use pgrx::pg_sys::{BOOLOID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::counters;
use crate::calls::settle::settle_within;
use crate::postgres::catalogue::WRITING;
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::savepoint::Savepoint;
use crate::postgres::spi::{Rows, Statement, arg, instant};
use crate::postgres::{access, early_lock_release};

/// A call in flight whose row this transaction has locked, and why it is to be closed.
pub struct Held<'a> {
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
pub(crate) use lock_calls_sql;

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

pub fn read_held<'a>(rows: &Rows, why: &'a str) -> Vec<Held<'a>> {
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
pub fn close_all(held: &[Held]) -> (i32, Option<i64>) {
    close(held, Wait::Long).expect("a wait without a bound leaves no link out")
}

/// Leaves out those whose link's counters somebody holds: they are found again later. Otherwise one forgotten transaction
/// would keep a node from being heard, and its silence would cost it all its calls.
pub fn close_soon(mut held: Vec<Held>) -> i32 {
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
