//! Calls whose end nobody told: locked, closed as LOST, their slots given back. Who finds them: `release_call`, `release_node`,
//! `release_expired`, `node_started`, `node_heartbeat`, and a route that finds a link full (`leases`).

use std::collections::BTreeMap;

use capconduit_core::meter::Counts;
use capconduit_core::{Subject, outcome};
use pgrx::pg_sys::{BOOLOID, INT4OID, INT8OID, TEXTARRAYOID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::counters;
use crate::calls::memory::{self, Outcome};
use crate::calls::overflow::Left;
use crate::calls::parties::Parties;
use crate::calls::settle::{End, MetersOwe, settle_link};
use crate::postgres::access;
use crate::postgres::argument::{Argument, arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::catalogue::WRITING;
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::rows::selected;
use crate::postgres::savepoint::Savepoint;
use crate::postgres::spi::{Change, Query};
use crate::postgres::tables::call_logs;
use crate::postgres::transaction::began;

selected! {
    /// A call in flight whose row this transaction has locked.
    pub struct LockedCall {
        uniqueid: String = "l.uniqueid",
        link_id: i64 = "l.link_id",
        client_id: i64 = "l.client_id",
        user_id: Option<i64> = "l.user_id",
        campaign_id: i64 = "l.campaign_id",
        did_id: Option<i64> = "l.did_id",
        attempt: i32 = "l.attempt",
        holds_slot: bool = "l.holds_slot",
        reserved_at: i64 = "l.attempt_at",
        routed_at: i64 = "l.routed_at",
        // By its name: the table may be of the release before.
        qualify_seconds: Option<i32> = "(to_jsonb(l) ->> 'qualify_seconds')::integer",
        answered: bool = "l.answered_at is not null",
        awaited: bool = "coalesce((to_jsonb(l) ->> 'awaited')::boolean, false)",
        overflow_exit: Option<String> = "to_jsonb(l) ->> 'overflow_exit'",
        overflowed_from: Option<i64> = "(to_jsonb(l) ->> 'overflowed_from')::bigint",
        overflowed_at: Option<i64> = "(to_jsonb(l) ->> 'overflowed_at')::timestamptz",
    }
}

impl LockedCall {
    fn is_of(&self, subject: Subject) -> bool {
        match subject {
            Subject::Link(id) => self.link_id == id,
            Subject::Client(id) => self.client_id == id,
            Subject::Did(id) => self.did_id == Some(id),
            Subject::Campaign(id) => self.campaign_id == id || self.overflowed_from == Some(id),
            Subject::Seller(id) => self.user_id == Some(id),
        }
    }

    fn left(&self) -> Option<Left> {
        Left::new(self.overflowed_from, self.overflowed_at)
    }

    fn parties(&self) -> Parties {
        Parties {
            user_id: self.user_id,
            campaign_id: Some(self.campaign_id),
            did_id: self.did_id,
            client_id: Some(self.client_id),
            link_id: Some(self.link_id),
        }
    }
}

/// A locked call, and why it is to be closed.
pub struct Held<'a> {
    why: &'a str,
    call: LockedCall,
}

/// Statements that lock calls to close them. A row that somebody else has locked belongs to a call that is being worked on:
/// it is skipped, and nobody waits with many rows locked.
macro_rules! lock_calls {
    ($types:expr, $($condition:expr),+ $(,)?) => {
        $crate::postgres::spi::Query::<$crate::calls::lost::LockedCall>::new(
            "select",
            concat!("from capconduit.live_calls l ", $($condition,)+ " for update of l skip locked"),
            $types,
        )
    };
}
pub(crate) use lock_calls;

/// What such a statement finds.
pub fn lock<'a>(calls: &Query<LockedCall>, arguments: &[Argument], why: &'a str) -> Vec<Held<'a>> {
    let locked = calls.all(arguments).into_iter();
    locked.map(|call| Held { why, call }).collect()
}

/// Takes the call off the books: the record ends at the last sign of life. `nodes.taken_at` is the last list of the
/// call's node; a call that was absent from it carries the last list that had it. Read by its name, the Call-ID need not be a
/// column yet: the table may be of the release before.
static CLOSE: Change = Change::new(
    "with gone as ( \
         delete from capconduit.live_calls l where l.uniqueid = $1 returning l.* \
     ), ended as ( \
         select g.*, \
                greatest(g.routed_at, least(g.attempt_at, now()), g.answered_at, \
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

static METER: Change = Change::new(
    "update capconduit.call_logs \
        set reserved_at = $2, qualify_seconds = $3, qualified = counted and billsec_seconds >= $4 \
      where id = $1 returning qualified",
    &[INT8OID, TIMESTAMPTZOID, INT4OID, INT4OID],
);

/// Writes down when the call got its slot; whether it was a good one, as far as was heard of it.
fn meter(armed: Armed, record: i64, call: &LockedCall) -> bool {
    let qualify_seconds = call.qualify_seconds.unwrap_or(outcome::QUALIFY_SECONDS);
    METER
        .value(
            armed,
            &[
                arg(record),
                instant(call.reserved_at),
                arg(call.qualify_seconds),
                arg(qualify_seconds),
            ],
        )
        .unwrap_or(false)
}

static OVERFLOW: Change = Change::new(
    "update capconduit.call_logs set overflow_exit = $2, overflowed_from = $3, overflowed_at = $4 where id = $1",
    &[INT8OID, TEXTOID, INT8OID, TIMESTAMPTZOID],
);

/// Closes the calls as LOST; their number and the id of the last record. The links come last, in ascending order:
/// so call this once in a transaction, but for what was rolled back; then meters. A row that is held for longer than was to
/// be waited is the error.
fn close(armed: Armed, held: &[Held], wait: Wait) -> Result<(i32, Option<i64>), Subject> {
    if held.is_empty() {
        return Ok((0, None));
    }
    // What the statements below take for granted, too.
    access::enter(c"live_calls", WRITING);
    let metered = access::enter(c"call_logs", WRITING).has(call_logs::qualified.name());
    // By link: what becomes of its calls, and the records that count.
    let mut links: BTreeMap<i64, (Vec<End<'_>>, Vec<i64>)> = BTreeMap::new();
    let mut last = None;
    for Held { why, call } in held {
        let counts = outcome::counts(outcome::LOST, call.answered, true);
        let record: Option<i64> = CLOSE.value(
            armed,
            &[
                arg(call.uniqueid.as_str()),
                arg(outcome::LOST),
                arg(*why),
                arg(counts),
            ],
        );
        if call.awaited {
            let held_slot = call.holds_slot;
            memory::ends(armed, &call.uniqueid, Outcome::Lost { held_slot });
        }
        let (ends, records) = links.entry(call.link_id).or_default();
        let qualified = metered && call.holds_slot && record.is_some_and(|record| meter(armed, record, call));
        if let (Some(record), Some(exit)) = (record, &call.overflow_exit) {
            OVERFLOW.run(
                armed,
                &[
                    arg(record),
                    arg(exit.as_str()),
                    arg(call.overflowed_from),
                    instant(call.overflowed_at),
                ],
            );
        }
        let comes_to = record.map_or(Counts::NONE, |_| {
            Counts::of_record(true, call.holds_slot, counts, qualified)
        });
        let (change, reserved) = if call.holds_slot {
            (Counts::SLOT_BACK.plus(comes_to), call.reserved_at)
        } else {
            // As every record without a reservation: at its start.
            (comes_to, call.routed_at.min(began()))
        };
        ends.push(End {
            uniqueid: &call.uniqueid,
            parties: call.parties(),
            change,
            reserved,
            is_first: call.holds_slot && call.attempt == 1,
            left: call.left(),
        });
        records.extend(record.filter(|_| counts));
        last = record.or(last);
    }
    let mut owe = MetersOwe::default();
    for (link_id, (ends, records)) in links {
        settle_link(
            armed,
            wait,
            link_id,
            &ends,
            records.len() as i64,
            &records,
            &mut owe,
        )?;
    }
    owe.settle(armed, wait)?;
    Ok((held.len() as i32, last))
}

/// As long as `lock_timeout` allows: somebody asked for just these.
pub fn close_all(armed: Armed, held: &[Held]) -> (i32, Option<i64>) {
    close(armed, held, Wait::Long).expect("a wait without a bound leaves nothing out")
}

/// Leaves out those whose link's counters or meters somebody holds: they are found again later. Otherwise one forgotten transaction
/// would keep a node from being heard, and its silence would cost it all its calls.
pub fn close_soon(armed: Armed, mut held: Vec<Held>) -> i32 {
    let patience = Patience::default();
    let mut free: BTreeMap<i64, bool> = BTreeMap::new();
    held.retain(|held| {
        let link_id = held.call.link_id;
        *free
            .entry(link_id)
            .or_insert_with(|| counters::wait_for(Subject::Link(link_id), Wait::Patiently(&patience)))
    });
    close_within_moments(armed, held, &patience).unwrap_or(0)
}

/// As many as nothing keeps for more than a moment; where that is none, the error is what does.
pub fn close_within_moments(armed: Armed, mut held: Vec<Held>, patience: &Patience) -> Result<i32, Subject> {
    let mut kept_by = None;
    while !held.is_empty() {
        let savepoint = Savepoint::begin();
        match close(armed, &held, Wait::Moment(patience)) {
            Ok((closed, _)) => {
                savepoint.release();
                return Ok(closed);
            }
            Err(subject) => {
                savepoint.rollback();
                kept_by = Some(subject);
                held.retain(|held| !held.call.is_of(subject));
            }
        }
    }
    kept_by.map_or(Ok(0), Err)
}

static LOCK_BEFORE_BOOT: Query<LockedCall> = lock_calls!(
    &[TEXTOID, TIMESTAMPTZOID],
    "where l.node = $1 and l.routed_at < $2"
);

/// Calls that an Asterisk routed before its own start ended with the one before it.
pub fn close_before_boot(armed: Armed, node: &str, booted_at: i64) -> i32 {
    close_soon(
        armed,
        lock(
            &LOCK_BEFORE_BOOT,
            &[arg(node), instant(booted_at)],
            "node restarted",
        ),
    )
}

static LOCK_LISTED: Query<LockedCall> = lock_calls!(&[TEXTARRAYOID], "where l.uniqueid = any ($1)");

/// Calls that their node no longer knows.
pub fn close_absent(armed: Armed, uniqueids: Vec<String>) -> i32 {
    close_soon(armed, lock(&LOCK_LISTED, &[arg(uniqueids)], "not on its node"))
}
