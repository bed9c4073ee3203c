//! What is known of a call when its record comes: by its reservation, or by a record that was closed as LOST.

use capconduit_core::meter::Counts;
use capconduit_core::outcome;

use crate::calls::overflow::Left;
use crate::calls::parties::Parties;
use crate::postgres::argument::arg;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::scan::Row;
use crate::postgres::tables::{call_logs, live_calls};
use crate::postgres::transaction::began;

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
    /// When the slot was reserved that it holds, or held until its record was written.
    pub reserved_at: Option<i64>,
    /// How long it talks to be a good call.
    pub qualify_seconds: Option<i32>,
    /// Its caller is remembered by what it comes to.
    pub awaited: bool,
    /// Why it went beyond those that its campaign asks first.
    pub overflow_exit: Option<String>,
    pub left: Option<Left>,
}

/// What the record takes over of a reservation.
pub static RESERVATION: Lookup<live_calls::Of> = lookup!(
    live_calls by live_calls_pkey (Text):
    user_id, campaign_id, did_id, client_id, link_id, did_number, node, linkedid, caller_number, caller_name,
    routed_at, answered_at, lease_until, decision, attempt, attempt_at, holds_slot, qualify_seconds, awaited,
    overflow_exit, overflowed_from, overflowed_at
);

/// And whether it holds a slot.
pub fn read_reservation(row: Row<'_, live_calls::Of>) -> (Known, bool) {
    use live_calls as of;
    let known = Known {
        parties: Parties {
            user_id: row.get(of::user_id),
            campaign_id: row.get(of::campaign_id),
            did_id: row.get(of::did_id),
            client_id: row.get(of::client_id),
            link_id: row.get(of::link_id),
        },
        did_number: row.owned(of::did_number),
        node: row.owned(of::node),
        linkedid: row.owned(of::linkedid),
        caller_number: row.owned(of::caller_number),
        caller_name: row.owned(of::caller_name),
        started_at: row.get(of::routed_at),
        answered_at: row.get(of::answered_at),
        ended_at: row
            .get(of::lease_until)
            .map(|lease_until| lease_until.min(began())),
        decision: row.owned(of::decision),
        attempts: row.need(of::attempt),
        reserved_at: row.need(of::holds_slot).then(|| row.need(of::attempt_at)),
        qualify_seconds: row.get_optional(of::qualify_seconds),
        awaited: row.get_optional(of::awaited) == Some(true),
        overflow_exit: row.get_optional(of::overflow_exit).map(str::to_owned),
        left: Left::new(
            row.get_optional(of::overflowed_from),
            row.get_optional(of::overflowed_at),
        ),
    };
    (known, row.need(of::holds_slot))
}

impl Known {
    /// The slot that it holds, or held, is the first that the call was given.
    pub fn holds_first_slot(&self) -> bool {
        self.attempts == 1 && self.reserved_at.is_some()
    }
}

pub struct Stored {
    pub known: Known,
    pub created_at: i64,
    pub id: i64,
    pub lost: bool,
    pub counted: bool,
    pub qualified: bool,
}

impl Stored {
    /// The instant that it counts at: see `call_record::Entry::reserved_at`.
    pub fn reserved_at(&self) -> i64 {
        self.known.reserved_at.unwrap_or_else(|| {
            self.known
                .started_at
                .unwrap_or(self.created_at)
                .min(self.created_at)
        })
    }

    /// What it comes to.
    pub fn counts(&self) -> Counts {
        Counts::of_record(
            self.lost,
            self.known.reserved_at.is_some(),
            self.counted,
            self.qualified,
        )
    }
}

static STORED: Lookup<call_logs::Of> = lookup!(
    call_logs by call_logs_asterisk_uniqueid_key (Text):
    id, created_at, user_id, campaign_id, did_id, client_id, link_id, incoming_did_number, node, asterisk_linkedid, caller_id_num,
    caller_id_name, timestamp_start, timestamp_answered, timestamp_end, decision, attempts, call_status, counted,
    reserved_at, qualify_seconds, qualified, overflow_exit, overflowed_from, overflowed_at
)
.before_write();

pub fn read_record(at: At, uniqueid: &str) -> Option<Stored> {
    use call_logs as of;
    STORED.first(at, arg(uniqueid), |row| Stored {
        known: Known {
            parties: Parties {
                user_id: row.get(of::user_id),
                campaign_id: row.get(of::campaign_id),
                did_id: row.get(of::did_id),
                client_id: row.get(of::client_id),
                link_id: row.get(of::link_id),
            },
            did_number: row.owned(of::incoming_did_number),
            node: row.owned(of::node),
            linkedid: row.owned(of::asterisk_linkedid),
            caller_number: row.owned(of::caller_id_num),
            caller_name: row.owned(of::caller_id_name),
            started_at: row.get(of::timestamp_start),
            answered_at: row.get(of::timestamp_answered),
            ended_at: row.get(of::timestamp_end),
            decision: row.owned(of::decision),
            attempts: row.need(of::attempts),
            reserved_at: row.get_optional(of::reserved_at),
            qualify_seconds: row.get_optional(of::qualify_seconds),
            // A record that was LOST may be; not one of a call that nothing was reserved for.
            awaited: row.need(of::attempts) > 0,
            overflow_exit: row.get_optional(of::overflow_exit).map(str::to_owned),
            left: Left::new(
                row.get_optional(of::overflowed_from),
                row.get_optional(of::overflowed_at),
            ),
        },
        created_at: row.need(of::created_at),
        id: row.need(of::id),
        lost: row.is(of::call_status, outcome::LOST),
        counted: row.need(of::counted),
        qualified: row.get_optional(of::qualified).unwrap_or(false),
    })
}
