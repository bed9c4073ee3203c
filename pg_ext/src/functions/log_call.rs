//! `log_call`: the one record of a call. It gives the slot back and moves the counters in the same transaction, and a
//! record that comes again changes nothing.

use capconduit_core::{did, outcome};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;
use pgrx::pg_sys::{self, BOOLOID, INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::links::read_dialled;
use crate::calls::live_call::take_live;
use crate::calls::locks::{lock_call, require_read_committed};
use crate::calls::lost;
use crate::functions::{arguments, node_heartbeat};
use crate::postgres::insert::{Insert, Sequence, Texts};
use crate::postgres::lookup::{At, Key, Lookup, Row, View};
use crate::postgres::result_row::Record;
use crate::postgres::spi::{Argument, Statement, arg, connected, instant};
use crate::postgres::{early_lock_release, error};

/// Which parties a call belongs to.
#[derive(Clone, Copy, Default)]
struct Parties {
    user_id: Option<i64>,
    campaign_id: Option<i64>,
    did_id: Option<i64>,
    client_id: Option<i64>,
    link_id: Option<i64>,
}

/// The record as the switch or a script gave it, checked.
struct Given<'a> {
    uniqueid: &'a str,
    did: &'a str,
    status: String,
    node: Option<&'a str>,
    linkedid: Option<&'a str>,
    caller_number: Option<&'a str>,
    caller_name: Option<&'a str>,
    started_at: Option<i64>,
    answered_at: Option<i64>,
    ended_at: Option<i64>,
    duration_seconds: Option<i32>,
    billsec_seconds: Option<i32>,
    cause_code: Option<i32>,
    cause_text: Option<&'a str>,
    hangup_by: Option<&'a str>,
    sip_call_id: Option<&'a str>,
    decision: Option<&'a str>,
    parties: Parties,
}

/// What the reservation, or a record closed as LOST, knows of the call.
#[derive(Default)]
struct Known {
    parties: Parties,
    did_number: Option<String>,
    node: Option<String>,
    linkedid: Option<String>,
    caller_number: Option<String>,
    caller_name: Option<String>,
    started_at: Option<i64>,
    answered_at: Option<i64>,
    /// When it ended as far as is known: a call in flight ends now, but not after its lease.
    ended_at: Option<i64>,
    decision: Option<String>,
    attempts: i32,
}

#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn log_call(
    uniqueid: Option<&str>,
    did: Option<&str>,
    call_status: Option<&str>,
    node: Option<&str>,
    linkedid: Option<&str>,
    caller_number: Option<&str>,
    caller_name: Option<&str>,
    started_at: Option<TimestampWithTimeZone>,
    answered_at: Option<TimestampWithTimeZone>,
    ended_at: Option<TimestampWithTimeZone>,
    duration_seconds: Option<i32>,
    billsec_seconds: Option<i32>,
    hangup_cause_code: Option<i32>,
    hangup_cause_text: Option<&str>,
    hangup_by: Option<&str>,
    sip_call_id: Option<&str>,
    decision: Option<&str>,
    link_id: Option<i64>,
    campaign_id: Option<i64>,
    client_id: Option<i64>,
    did_id: Option<i64>,
    user_id: Option<i64>,
) -> Record<2> {
    require_read_committed("log_call");
    let status = outcome::record_status(call_status.unwrap_or_default(), 50);
    if status.is_empty() {
        error::invalid("call_status is empty");
    }
    let hangup_by = arguments::text(hangup_by);
    if hangup_by.is_some_and(|by| !["caller", "client", "system"].contains(&by)) {
        error::invalid("hangup_by must be caller, client or system");
    }
    let given = Given {
        uniqueid: arguments::uniqueid(uniqueid),
        did: arguments::described(did, 50).unwrap_or_default(),
        status,
        node: arguments::described(node, 24),
        linkedid: arguments::linkedid(linkedid),
        caller_number: arguments::described(caller_number, 50),
        caller_name: arguments::described(caller_name, 100),
        started_at: arguments::instant("started_at", started_at),
        answered_at: arguments::instant("answered_at", answered_at),
        ended_at: arguments::instant("ended_at", ended_at),
        duration_seconds: arguments::not_negative("duration_seconds", duration_seconds),
        billsec_seconds: arguments::not_negative("billsec_seconds", billsec_seconds),
        cause_code: arguments::not_negative("hangup_cause_code", hangup_cause_code),
        cause_text: arguments::described(hangup_cause_text, 50),
        hangup_by,
        sip_call_id: arguments::described(sip_call_id, 255),
        decision: arguments::described(decision, capconduit_core::decision::MAX_BYTES),
        parties: Parties {
            user_id,
            campaign_id,
            did_id,
            client_id,
            link_id,
        },
    };
    let (status, record) = connected(|| log(&given));
    Record([arg(status), arg(record)])
}

fn log(given: &Given) -> (&'static str, i64) {
    lock_call(given.uniqueid);
    early_lock_release::arm();
    let (mut reservation, stored) = take_live(given.uniqueid, read_reservation, |at| {
        read_record(at, given.uniqueid)
    });
    if let Some(stored) = stored {
        // No function leaves a reservation beside a record, but a hand may.
        if let Some((known, true)) = reservation.take()
            && let Some(link_id) = known.parties.link_id
        {
            lost::settle(link_id, None, 1, 0, &[]);
        }
        if !stored.lost || given.status == outcome::LOST {
            early_lock_release::flush_what_was_seen();
            return ("duplicate", stored.id);
        }
        if let Some(record) = correct(given, stored) {
            return ("corrected", record);
        }
    }
    let (known, holds_slot) = reservation.unwrap_or_else(|| {
        let parties = resolve(given);
        let nothing = Known::default();
        (Known { parties, ..nothing }, false)
    });
    ("logged", write(given, &known, i32::from(holds_slot)))
}

// ---- what is known already ----------------------------------------------------------------------------------------

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
fn read_reservation(row: &Row) -> (Known, bool) {
    let lease_until = row.get::<TimestampWithTimeZone>(15).map(i64::from);
    let ended_at = lease_until.map(|lease_until| lease_until.min(now()));
    let known = Known {
        ended_at,
        ..read_known(row)
    };
    (known, row.need(14))
}

fn now() -> i64 {
    // SAFETY: reads the start of the current transaction.
    unsafe { pg_sys::GetCurrentTransactionStartTimestamp() }
}

struct Stored {
    known: Known,
    id: i64,
    lost: bool,
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

fn read_record(at: At, uniqueid: &str) -> Option<Stored> {
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

// ---- whose call it was, without a reservation ---------------------------------------------------------------------

static READ_LINK: Statement = Statement::new(
    "select c.user_id, s.campaign_id, s.client_id \
       from capconduit.campaign_client_settings s \
       join capconduit.campaigns c on c.id = s.campaign_id \
      where s.id = $1",
    &[INT8OID],
);
static READ_CAMPAIGN: Statement = Statement::new(
    "select user_id from capconduit.campaigns where id = $1",
    &[INT8OID],
);
static READ_DID: Statement = Statement::new(
    "select user_id, number from capconduit.dids where id = $1",
    &[INT8OID],
);
static READ_CLIENT: Statement = Statement::new("select from capconduit.clients where id = $1", &[INT8OID]);
static READ_USER: Statement = Statement::new("select from capconduit.users where id = $1", &[INT8OID]);

/// Ids given explicitly must exist and agree; what is not given comes from the number, as for a route.
fn resolve(given: &Given) -> Parties {
    fill_from_number(did::normalize(given.did).as_deref(), check(given))
}

fn check(given: &Given) -> Parties {
    let mut parties = given.parties;
    if let Some(link_id) = parties.link_id {
        let rows = READ_LINK.run(&[arg(link_id)]);
        let Some(link) = rows.first() else {
            error::unknown(format!("link {link_id} is unknown"))
        };
        agree("user_id", &mut parties.user_id, link.get());
        agree("campaign_id", &mut parties.campaign_id, link.get());
        agree("client_id", &mut parties.client_id, link.get());
    } else if let Some(campaign_id) = parties.campaign_id {
        let rows = READ_CAMPAIGN.run(&[arg(campaign_id)]);
        let Some(campaign) = rows.first() else {
            error::unknown(format!("campaign {campaign_id} is unknown"))
        };
        agree("user_id", &mut parties.user_id, campaign.get());
    }
    let number = did::normalize(given.did);
    if let Some(did_id) = parties.did_id {
        let rows = READ_DID.run(&[arg(did_id)]);
        let Some(found) = rows.first() else {
            error::unknown(format!("DID {did_id} is unknown"))
        };
        agree("user_id", &mut parties.user_id, found.get());
        if number.is_some() && found.get::<String>() != number {
            error::invalid(format!("did_id {did_id} contradicts the number of the call"));
        }
    }
    if let Some(client_id) = parties.client_id
        && READ_CLIENT.run(&[arg(client_id)]).is_empty()
    {
        error::unknown(format!("client {client_id} is unknown"));
    }
    if let Some(user_id) = parties.user_id
        && READ_USER.run(&[arg(user_id)]).is_empty()
    {
        error::unknown(format!("user {user_id} is unknown"));
    }
    parties
}

/// The number's owner, DID and campaign, unless the ids given name another seller.
fn fill_from_number(number: Option<&str>, mut parties: Parties) -> Parties {
    let dialled = number.and_then(|number| View::Fresh.look(|at| read_dialled(at, number)));
    if let Some(dialled) = dialled
        && parties.user_id.is_none_or(|user_id| user_id == dialled.user_id)
    {
        parties.user_id = Some(dialled.user_id);
        parties.did_id = parties.did_id.or(Some(dialled.did_id));
        parties.campaign_id = parties
            .campaign_id
            .or(dialled.campaign.as_ref().map(|campaign| campaign.id));
    }
    parties
}

/// Two sources for one id must not contradict each other; the first that knows it gives it.
fn agree(name: &str, given: &mut Option<i64>, known: Option<i64>) {
    if let (Some(given), Some(known)) = (*given, known)
        && given != known
    {
        error::invalid(format!(
            "{name} {given} contradicts {known}, which the call's other ids name"
        ));
    }
    *given = given.or(known);
}

/// The reservation's parties stay; ids given beside it must agree with them.
fn merge(given: Parties, known: Parties) -> Parties {
    let mut merged = given;
    agree("link_id", &mut merged.link_id, known.link_id);
    agree("client_id", &mut merged.client_id, known.client_id);
    agree("campaign_id", &mut merged.campaign_id, known.campaign_id);
    agree("did_id", &mut merged.did_id, known.did_id);
    agree("user_id", &mut merged.user_id, known.user_id);
    merged
}

// ---- the record ---------------------------------------------------------------------------------------------------

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
        .unwrap_or_else(now);
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
fn write(given: &Given, known: &Known, released: i32) -> i64 {
    let entry = entry(given, known);
    if let Some(node) = given.node {
        node_heartbeat::note_call(node);
    }
    let record = RECORDS.next();
    let mut values = entry.values.to_vec();
    values.extend([arg(record), arg(false), instant(now())]);
    WRITE.run(&values);
    if let Some(link_id) = entry.link_id {
        let counted: &[i64] = if entry.counted { &[record] } else { &[] };
        lost::settle(
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
fn correct(given: &Given, mut stored: Stored) -> Option<i64> {
    // Nothing was reserved for a record without a link: what is named only now must exist.
    if stored.known.parties.link_id.is_none() {
        stored.known.parties = merge(check(given), stored.known.parties);
    }
    let entry = entry(given, &stored.known);
    if CORRECT.run(&entry.values).is_empty() {
        return None;
    }
    let change = i64::from(entry.counted) - i64::from(stored.counted);
    if let Some(link_id) = entry.link_id {
        lost::settle(
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
