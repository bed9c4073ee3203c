//! The one record of a call: what is written of it, new or in the place of one that said LOST.

use std::ffi::CStr;

use capconduit_core::meter::Counts;
use capconduit_core::{did, outcome};
use pgrx::pg_sys::{BOOLOID, INT8OID};

use crate::calls::known_call::{Known, Stored};
use crate::calls::memory::{self, Outcome};
use crate::calls::nodes;
use crate::calls::parties::{Parties, check, merge};
use crate::calls::settle::{End, settle};
use crate::postgres::access;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::catalogue::WRITING;
use crate::postgres::insert::{Insert, row_values};
use crate::postgres::sequence::Sequence;
use crate::postgres::spi::Change;
use crate::postgres::tables::{call_logs, live_calls};
use crate::postgres::texts::Texts;
use crate::postgres::transaction::{began, full_id};

/// The record as the switch or a script gave it, checked.
pub struct Given<'a> {
    pub uniqueid: &'a str,
    pub did: &'a str,
    pub status: String,
    pub node: Option<&'a str>,
    pub linkedid: Option<&'a str>,
    pub caller_number: Option<&'a str>,
    pub caller_name: Option<&'a str>,
    pub started_at: Option<i64>,
    pub answered_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub duration_seconds: Option<i32>,
    pub billsec_seconds: Option<i32>,
    pub cause_code: Option<i32>,
    pub cause_text: Option<&'a str>,
    pub hangup_by: Option<&'a str>,
    pub sip_call_id: Option<&'a str>,
    pub decision: Option<&'a str>,
    pub parties: Parties,
}

row_values! {
    /// What a record says, whether it is new or corrects one.
    struct Told of call_logs {
        asterisk_uniqueid,
        user_id,
        campaign_id,
        did_id,
        client_id,
        link_id,
        incoming_did_number,
        node,
        asterisk_linkedid,
        caller_id_num,
        caller_id_name,
        timestamp_start,
        timestamp_answered,
        timestamp_end,
        duration_seconds,
        billsec_seconds,
        call_status,
        hangup_cause_code,
        hangup_cause_text,
        hangup_by,
        sip_call_id,
        decision,
        attempts,
        counted,
    }
}

row_values! {
    /// What is the same for every new record.
    struct New of call_logs {
        id, late_excess, created_at, reserved_at, qualify_seconds, qualified, changed_xid, overflow_exit, overflowed_from, overflowed_at
    }
}

static WRITE: Insert = Insert::new(call_logs::NAME, &[Told::NAMES, New::NAMES]);

/// A record that comes after the call was closed as LOST replaces it; what it does not say stays.
static CORRECT: Change = Change::built(correct_sql, Told::TYPES);

fn correct_sql() -> String {
    let column = |column: &CStr| {
        let place = Told::NAMES.iter().position(|name| *name == column);
        (
            column.to_string_lossy().into_owned(),
            place.expect("a column that is told") + 1,
        )
    };
    let (key, _) = column(call_logs::asterisk_uniqueid.name());
    let (_, counted) = column(call_logs::counted.name());
    let set: Vec<String> = Told::NAMES
        .iter()
        .filter(|name| **name != call_logs::asterisk_uniqueid.name())
        .map(|name| match column(name) {
            (name, place) if name == "sip_call_id" => format!("{name} = coalesce(${place}, {name})"),
            (name, place) => format!("{name} = ${place}"),
        })
        .collect();
    format!(
        "update capconduit.call_logs set {}, late_excess = late_excess and ${counted} where {key} = $1",
        set.join(", ")
    )
}

/// The table of a release before has no such column.
static QUALIFY: Change = Change::new(
    "update capconduit.call_logs set qualified = $2 where id = $1 and qualified <> $2",
    &[INT8OID, BOOLOID],
);

/// A record ready to be written.
struct Entry<'a> {
    told: Told<'a>,
    parties: Parties,
    started_at: i64,
    counted: bool,
    qualified: bool,
    answered_at: i64,
    qualified_at: i64,
}

/// The last instant that PostgreSQL knows.
const LAST_INSTANT: i64 = 9_223_371_331_199_999_999;

/// What the switch says wins; what it does not say comes from what is known.
fn entry<'a>(given: &Given, known: &Known, texts: &'a Texts) -> Entry<'a> {
    let parties = merge(given.parties, known.parties);
    let answered_at = given.answered_at.or(known.answered_at);
    let times = outcome::Times {
        started_at: given.started_at.or(known.started_at),
        answered_at,
        duration_seconds: given.duration_seconds,
        billsec_seconds: given.billsec_seconds,
    };
    let ended_at = given
        .ended_at
        .or_else(|| outcome::end_untold(times, known.ended_at).map(|end| end.min(LAST_INSTANT)))
        .unwrap_or_else(began);
    let started_at = times.started_at.unwrap_or(ended_at);
    let counted = outcome::counts(&given.status, answered_at.is_some(), parties.link_id.is_some());
    let duration = outcome::whole_seconds(started_at, ended_at);
    let talk = answered_at.map_or(0, |answered_at| outcome::whole_seconds(answered_at, ended_at));
    let talk = given.billsec_seconds.unwrap_or(talk);
    let number = known.did_number.clone().or_else(|| did::normalize(given.did));
    let (qualify_seconds, answered) = (
        known.qualify_seconds.unwrap_or(outcome::QUALIFY_SECONDS),
        answered_at.unwrap_or(started_at),
    );
    Entry {
        told: Told {
            asterisk_uniqueid: texts.put(given.uniqueid),
            user_id: arg(parties.user_id),
            campaign_id: arg(parties.campaign_id),
            did_id: arg(parties.did_id),
            client_id: arg(parties.client_id),
            link_id: arg(parties.link_id),
            incoming_did_number: texts.put(number.as_deref().unwrap_or(given.did)),
            node: texts.put(given.node.or(known.node.as_deref())),
            asterisk_linkedid: texts.put(given.linkedid.or(known.linkedid.as_deref())),
            caller_id_num: texts.put(given.caller_number.or(known.caller_number.as_deref())),
            caller_id_name: texts.put(given.caller_name.or(known.caller_name.as_deref())),
            timestamp_start: instant(started_at),
            timestamp_answered: instant(answered_at),
            timestamp_end: instant(ended_at),
            duration_seconds: arg(given.duration_seconds.unwrap_or(duration)),
            billsec_seconds: arg(talk),
            call_status: texts.put(given.status.as_str()),
            hangup_cause_code: arg(given.cause_code),
            hangup_cause_text: texts.put(given.cause_text),
            hangup_by: texts.put(given.hangup_by),
            sip_call_id: texts.put(given.sip_call_id),
            decision: texts.put(known.decision.as_deref().or(given.decision)),
            attempts: arg(known.attempts),
            counted: arg(counted),
        },
        parties,
        started_at,
        counted,
        qualified: counted && talk >= qualify_seconds,
        answered_at: answered,
        qualified_at: answered.saturating_add(i64::from(qualify_seconds) * 1_000_000),
    }
}

impl Entry<'_> {
    /// What it comes to.
    fn counts(&self, lost: bool, known: &Known) -> Counts {
        Counts::of_record(lost, known.reserved_at.is_some(), self.counted, self.qualified)
    }

    /// What it comes to is a fact about its caller. Before any counter.
    fn remember(&self, armed: Armed, given: &Given, known: &Known) {
        let answered_at = self.counted.then_some(self.answered_at);
        let qualified_at = self.qualified.then_some(self.qualified_at);
        let caller = known.caller_number.as_deref();
        if known.awaited && given.status == outcome::LOST {
            let held_slot = known.reserved_at.is_some();
            memory::ends(armed, given.uniqueid, Outcome::Lost { held_slot });
        } else if known.awaited {
            let outcome = Outcome::Recorded {
                caller,
                answered_at,
                qualified_at,
            };
            memory::ends(armed, given.uniqueid, outcome);
        } else if self.counted && known.attempts == 0 {
            let caller = given.caller_number.or(caller);
            memory::notes(armed, caller, self.parties, answered_at, qualified_at);
        }
    }

    /// A record without a reservation counts at its start, but never later than it was made.
    fn reserved_at(&self, known: &Known, created_at: i64) -> i64 {
        known
            .reserved_at
            .unwrap_or_else(|| self.started_at.min(created_at))
    }
}

static RECORDS: Sequence = Sequence::new(
    c"call_logs_id_seq",
    "select pg_catalog.pg_get_serial_sequence('capconduit.call_logs', 'id')::pg_catalog.regclass::pg_catalog.oid",
);

/// Writes the record and moves the counters.
pub fn write(armed: Armed, given: &Given, known: &Known) -> i64 {
    let texts = Texts::new();
    let entry = entry(given, known, &texts);
    if let Some(node) = given.node {
        nodes::note_call(armed, node);
    }
    let record = RECORDS.next();
    let new = New {
        id: arg(record),
        late_excess: arg(false),
        created_at: instant(began()),
        reserved_at: instant(known.reserved_at),
        qualify_seconds: arg(known.qualify_seconds),
        qualified: arg(entry.qualified),
        changed_xid: arg(full_id()),
        overflow_exit: texts.put(known.overflow_exit.as_deref()),
        overflowed_from: arg(known.left.map(|left| left.campaign_id)),
        overflowed_at: instant(known.left.map(|left| left.at)),
    };
    let mut values = entry.told.values();
    values.extend(new.values());
    WRITE.run(armed, &values);
    entry.remember(armed, given, known);
    if let Some(link_id) = entry.parties.link_id {
        let counted: &[i64] = if entry.counted { &[record] } else { &[] };
        let slot = known.reserved_at.map_or(Counts::NONE, |_| Counts::SLOT_BACK);
        let comes_to = entry.counts(given.status == outcome::LOST, known);
        let end = End {
            uniqueid: given.uniqueid,
            parties: entry.parties,
            change: slot.plus(comes_to),
            reserved: entry.reserved_at(known, began()),
            is_first: known.holds_first_slot(),
            left: known.left,
        };
        settle(armed, link_id, &[end], counted.len() as i64, counted);
    }
    record
}

/// `None`: the record was purged meanwhile.
pub fn correct(armed: Armed, given: &Given, mut stored: Stored) -> Option<i64> {
    // Nothing was reserved for a record without a link: what is named only now must exist.
    if stored.known.parties.link_id.is_none() {
        stored.known.parties = merge(check(given.did, given.parties), stored.known.parties);
    }
    let texts = Texts::new();
    let entry = entry(given, &stored.known, &texts);
    if CORRECT.run(armed, &entry.told.values()) == 0 {
        return None;
    }
    if access::enter(call_logs::NAME, WRITING).has(call_logs::qualified.name()) {
        QUALIFY.run(armed, &[arg(stored.id), arg(entry.qualified)]);
    }
    // The table of a release before has no such column, and remembers no caller.
    if access::enter(live_calls::NAME, WRITING).has(live_calls::awaited.name()) {
        entry.remember(armed, given, &stored.known);
    }
    let change = i64::from(entry.counted) - i64::from(stored.counted);
    if let Some(link_id) = entry.parties.link_id {
        let comes_to = entry.counts(false, &stored.known);
        let now_at = entry.reserved_at(&stored.known, stored.created_at);
        let end = |change, reserved| End {
            uniqueid: given.uniqueid,
            parties: entry.parties,
            change,
            reserved,
            is_first: stored.known.holds_first_slot(),
            left: stored.known.left,
        };
        // Where nothing was reserved, it counts at another start now.
        let ends = [
            end(Counts::NONE.minus(stored.counts()), stored.reserved_at()),
            end(comes_to, now_at),
        ];
        let counted: &[i64] = if change > 0 { &[stored.id] } else { &[] };
        settle(armed, link_id, &ends, change, counted);
    }
    Some(stored.id)
}
