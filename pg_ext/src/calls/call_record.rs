//! The one record of a call: what is known of the call before, and what is written of it.

use capconduit_core::{did, outcome};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;
use pgrx::pg_sys::{BOOLOID, INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::parties::{Parties, check, merge};
use crate::calls::{nodes, settle};
use crate::postgres::insert::Insert;
use crate::postgres::look::At;
use crate::postgres::lookup::{Key, Lookup};
use crate::postgres::scan::Row;
use crate::postgres::sequence::Sequence;
use crate::postgres::spi::{Argument, Statement, arg, instant};
use crate::postgres::texts::Texts;
use crate::postgres::transaction::began;

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

/// What the reservation, or a record closed as LOST, knows of the call.
#[derive(Default)]
pub struct Known {
    pub parties: Parties,
    pub did_number: Option<String>,
    pub node: Option<String>,
    pub linkedid: Option<String>,
    pub caller_number: Option<String>,
    pub caller_name: Option<String>,
    pub started_at: Option<i64>,
    pub answered_at: Option<i64>,
    /// When it ended as far as is known: a call in flight ends now, but not after its lease.
    pub ended_at: Option<i64>,
    pub decision: Option<String>,
    pub attempts: i32,
}

/// The columns that a reservation and a record have in common, in the order of their look-ups.
fn read_known(row: &Row) -> Known {
    let time = |column| row.get::<TimestampWithTimeZone>(column).map(i64::from);
    Known {
        parties: Parties {
            user_id: row.get(0),
            campaign_id: row.get(1),
            did_id: row.get(2),
            client_id: row.get(3),
            link_id: row.get(4),
        },
        did_number: row.owned_text(5),
        node: row.owned_text(6),
        linkedid: row.owned_text(7),
        caller_number: row.owned_text(8),
        caller_name: row.owned_text(9),
        started_at: time(10),
        answered_at: time(11),
        ended_at: None,
        decision: row.owned_text(12),
        attempts: row.need(13),
    }
}

/// And whether it holds a slot.
pub fn read_reservation(row: &Row) -> (Known, bool) {
    let lease_until = row.get::<TimestampWithTimeZone>(15).map(i64::from);
    let ended_at = lease_until.map(|lease_until| lease_until.min(began()));
    let known = Known {
        ended_at,
        ..read_known(row)
    };
    (known, row.need(14))
}

pub struct Stored {
    pub known: Known,
    pub id: i64,
    pub lost: bool,
    counted: bool,
}

static STORED: Lookup = Lookup::new(
    c"call_logs",
    c"call_logs_asterisk_uniqueid_key",
    Key::Text,
    &[
        c"user_id",
        c"campaign_id",
        c"did_id",
        c"client_id",
        c"link_id",
        c"incoming_did_number",
        c"node",
        c"asterisk_linkedid",
        c"caller_id_num",
        c"caller_id_name",
        c"timestamp_start",
        c"timestamp_answered",
        c"decision",
        c"attempts",
        c"id",
        c"call_status",
        c"counted",
        c"timestamp_end",
    ],
)
.before_write();

pub fn read_record(at: At, uniqueid: &str) -> Option<Stored> {
    STORED.first(at, arg(uniqueid), |row| Stored {
        known: Known {
            ended_at: row.get::<TimestampWithTimeZone>(17).map(i64::from),
            ..read_known(row)
        },
        id: row.need(14),
        lost: row.is(15, outcome::LOST),
        counted: row.need(16),
    })
}

/// The values of an entry, and what is the same for every new record.
static WRITE: Insert = Insert::new(
    c"call_logs",
    &[
        c"asterisk_uniqueid",
        c"user_id",
        c"campaign_id",
        c"did_id",
        c"client_id",
        c"link_id",
        c"incoming_did_number",
        c"node",
        c"asterisk_linkedid",
        c"caller_id_num",
        c"caller_id_name",
        c"timestamp_start",
        c"timestamp_answered",
        c"timestamp_end",
        c"duration_seconds",
        c"billsec_seconds",
        c"call_status",
        c"hangup_cause_code",
        c"hangup_cause_text",
        c"hangup_by",
        c"sip_call_id",
        c"decision",
        c"attempts",
        c"counted",
        c"id",
        c"late_excess",
        c"created_at",
    ],
);

/// A record that comes after the call was closed as LOST replaces it; what it does not say stays.
static CORRECT: Statement = Statement::new(
    "update capconduit.call_logs \
        set user_id = $2, campaign_id = $3, did_id = $4, client_id = $5, link_id = $6, incoming_did_number = $7, \
            node = $8, asterisk_linkedid = $9, caller_id_num = $10, caller_id_name = $11, timestamp_start = $12, \
            timestamp_answered = $13, timestamp_end = $14, duration_seconds = $15, billsec_seconds = $16, \
            call_status = $17, hangup_cause_code = $18, hangup_cause_text = $19, hangup_by = $20, \
            sip_call_id = coalesce($21, sip_call_id), decision = $22, attempts = $23, counted = $24, \
            late_excess = late_excess and $24 \
      where asterisk_uniqueid = $1",
    ENTRY_TYPES,
);

/// Parameters of CORRECT: the values of an entry.
const ENTRY_TYPES: &[pg_sys::Oid] = &[
    TEXTOID,
    INT8OID,
    INT8OID,
    INT8OID,
    INT8OID,
    INT8OID,
    TEXTOID,
    TEXTOID,
    TEXTOID,
    TEXTOID,
    TEXTOID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
    TIMESTAMPTZOID,
    INT4OID,
    INT4OID,
    TEXTOID,
    INT4OID,
    TEXTOID,
    TEXTOID,
    TEXTOID,
    TEXTOID,
    INT4OID,
    BOOLOID,
];

/// A record ready to be written.
struct Entry {
    values: [Argument; 24],
    /// Where those of them lie that are texts.
    _texts: Texts,
    link_id: Option<i64>,
    campaign_id: Option<i64>,
    counted: bool,
}

/// The last instant that PostgreSQL knows.
const LAST_INSTANT: i64 = 9_223_371_331_199_999_999;

/// What the switch says wins; what it does not say comes from what is known.
fn entry(given: &Given, known: &Known) -> Entry {
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
    let number = known.did_number.clone().or_else(|| did::normalize(given.did));
    let mut texts = Texts::new();
    Entry {
        values: [
            texts.put(given.uniqueid),
            arg(parties.user_id),
            arg(parties.campaign_id),
            arg(parties.did_id),
            arg(parties.client_id),
            arg(parties.link_id),
            texts.put(number.as_deref().unwrap_or(given.did)),
            texts.put(given.node.or(known.node.as_deref())),
            texts.put(given.linkedid.or(known.linkedid.as_deref())),
            texts.put(given.caller_number.or(known.caller_number.as_deref())),
            texts.put(given.caller_name.or(known.caller_name.as_deref())),
            instant(started_at),
            instant(answered_at),
            instant(ended_at),
            arg(given.duration_seconds.unwrap_or(duration)),
            arg(given.billsec_seconds.unwrap_or(talk)),
            texts.put(given.status.as_str()),
            arg(given.cause_code),
            texts.put(given.cause_text),
            texts.put(given.hangup_by),
            texts.put(given.sip_call_id),
            texts.put(known.decision.as_deref().or(given.decision)),
            arg(known.attempts),
            arg(counted),
        ],
        _texts: texts,
        link_id: parties.link_id,
        campaign_id: parties.campaign_id,
        counted,
    }
}

static RECORDS: Sequence = Sequence::new(
    c"call_logs_id_seq",
    "select pg_catalog.pg_get_serial_sequence('capconduit.call_logs', 'id')::pg_catalog.regclass::pg_catalog.oid",
);

/// Writes the record and moves the counters.
pub fn write(given: &Given, known: &Known, released: i32) -> i64 {
    let entry = entry(given, known);
    if let Some(node) = given.node {
        nodes::note_call(node);
    }
    let record = RECORDS.next();
    let mut values = entry.values.to_vec();
    values.extend([arg(record), arg(false), instant(began())]);
    WRITE.run(&values);
    if let Some(link_id) = entry.link_id {
        let counted: &[i64] = if entry.counted { &[record] } else { &[] };
        settle::settle(
            link_id,
            entry.campaign_id,
            released,
            counted.len() as i64,
            counted,
        );
    }
    record
}

/// `None`: the record was purged meanwhile.
pub fn correct(given: &Given, mut stored: Stored) -> Option<i64> {
    // Nothing was reserved for a record without a link: what is named only now must exist.
    if stored.known.parties.link_id.is_none() {
        stored.known.parties = merge(check(given.did, given.parties), stored.known.parties);
    }
    let entry = entry(given, &stored.known);
    if CORRECT.run(&entry.values).is_empty() {
        return None;
    }
    let change = i64::from(entry.counted) - i64::from(stored.counted);
    if let Some(link_id) = entry.link_id {
        settle::settle(
            link_id,
            entry.campaign_id,
            0,
            change,
            if change > 0 {
                std::slice::from_ref(&stored.id)
            } else {
                &[]
            },
        );
    }
    Some(stored.id)
}
