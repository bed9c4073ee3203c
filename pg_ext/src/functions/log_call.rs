//! `log_call`: the one record of a call. It gives the slot back and moves the counters in the same transaction, and a
//! record that comes again changes nothing.

use capconduit_core::meter::Counts;
use capconduit_core::{outcome, text};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::calls::call_record;
use crate::calls::call_record::{Given, correct};
use crate::calls::door::{Answered, Door, Inside};
use crate::calls::facts::read_qualify_seconds_of;
use crate::calls::known_call::{Known, RESERVATION, read_record, read_reservation};
use crate::calls::live_call::take_live;
use crate::calls::parties::{Parties, resolve};
use crate::calls::settle::{End, give_back};
use crate::functions::arguments;
use crate::postgres::error;
use crate::postgres::look::View;
use crate::postgres::result_row::{ResultRow, result_row};

result_row! {
    struct Logged {
        status: &'static str,
        cdr_id: i64,
    }
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
) -> ResultRow<Logged> {
    let door = Door::of("log_call");
    let status = outcome::record_status(call_status.unwrap_or_default());
    if status.is_empty() {
        error::invalid("call_status is empty");
    }
    let hangup_by = text::given(hangup_by);
    if hangup_by.is_some_and(|by| !["caller", "client", "system"].contains(&by)) {
        error::invalid("hangup_by must be caller, client or system");
    }
    let given = Given {
        uniqueid: arguments::uniqueid(uniqueid),
        did: text::described(did, text::NUMBER).unwrap_or_default(),
        status,
        node: text::described(node, text::NODE),
        linkedid: arguments::linkedid(linkedid),
        caller_number: text::described(caller_number, text::NUMBER),
        caller_name: text::described(caller_name, text::CALLER_NAME),
        started_at: arguments::time("started_at", started_at),
        answered_at: arguments::time("answered_at", answered_at),
        ended_at: arguments::time("ended_at", ended_at),
        duration_seconds: arguments::not_negative("duration_seconds", duration_seconds),
        billsec_seconds: arguments::not_negative("billsec_seconds", billsec_seconds),
        cause_code: arguments::not_negative("hangup_cause_code", hangup_cause_code),
        cause_text: text::described(hangup_cause_text, text::REASON),
        hangup_by,
        sip_call_id: text::described(sip_call_id, text::SIP_CALL_ID),
        decision: text::described(decision, capconduit_core::decision::MAX_BYTES),
        parties: Parties {
            user_id,
            campaign_id,
            did_id,
            client_id,
            link_id,
        },
    };
    let (status, record) = door.call(given.uniqueid, |inside| log(inside, &given));
    ResultRow(Logged {
        status,
        cdr_id: record,
    })
}

fn log(inside: &Inside, given: &Given) -> Answered<(&'static str, i64)> {
    let armed = inside.arm();
    let (mut reservation, stored) = take_live(armed, &RESERVATION, given.uniqueid, read_reservation, |at| {
        read_record(at, given.uniqueid)
    });
    if let Some(stored) = stored {
        // No function leaves a reservation beside a record, but a hand may.
        if let Some((known, true)) = reservation.take()
            && let Some(reserved) = known.reserved_at
        {
            let end = End {
                uniqueid: given.uniqueid,
                parties: known.parties,
                change: Counts::SLOT_BACK,
                reserved,
                is_first: known.holds_first_slot(),
                left: known.left,
            };
            give_back(armed, end);
        }
        if !stored.lost || given.status == outcome::LOST {
            return inside.seen(("duplicate", stored.id));
        }
        if let Some(record) = correct(armed, given, stored) {
            return Answered::written(armed, ("corrected", record));
        }
    }
    let known = reservation
        .map(|(known, _)| known)
        .unwrap_or_else(|| unreserved(given));
    let record = call_record::write(armed, given, &known);
    Answered::written(armed, ("logged", record))
}

/// What is known of a call that nothing was reserved for.
fn unreserved(given: &Given) -> Known {
    let parties = resolve(given.did, given.parties);
    let qualify_seconds = parties
        .link_id
        .and_then(|link_id| View::Fresh.look(|at| read_qualify_seconds_of(at, link_id)));
    Known {
        parties,
        qualify_seconds,
        ..Known::default()
    }
}
