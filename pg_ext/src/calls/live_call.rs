//! A call in flight: its row in `live_calls`, and the row that the switch gets for it.

use capconduit_core::{Link, Reject, Strategy};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::TEXTOID;

use crate::postgres::access;
use crate::postgres::catalogue::READING;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Key, Lookup};
use crate::postgres::result_row::Record;
use crate::postgres::row_change::Change;
use crate::postgres::scan::Row;
use crate::postgres::spi::{Argument, Statement, arg, instant};
use crate::postgres::transaction::now;

pub struct LiveCall {
    pub user_id: Option<i64>,
    pub campaign_id: i64,
    pub did_number: String,
    pub node: Option<String>,
    pub strategy: Strategy,
    pub link_id: i64,
    pub client_id: i64,
    pub client_identifier: Option<String>,
    pub caller_id: Option<String>,
    pub holds_slot: bool,
    pub attempt: i32,
    /// In PostgreSQL's microseconds.
    pub attempt_at: i64,
    pub tried: Vec<i64>,
    pub dial_timeout_seconds: i32,
    pub attempt_timeout_seconds: i32,
    pub ring_seconds_left: i32,
    pub max_call_seconds: i32,
    pub end_reason: Option<String>,
    pub end_cause: Option<i32>,
    pub decision: String,
}

/// Locks the row: whoever closes many calls skips it, and what was read is the newest.
static READ: Statement = Statement::new(
    "select l.user_id, l.campaign_id, l.did_number, l.node, l.routing_strategy, l.link_id, l.client_id, \
            (select k.client_identifier from capconduit.clients k where k.id = l.client_id), \
            (select e.callerid from capconduit.pjsip_endpoints e where e.client_id = l.client_id), \
            l.holds_slot, l.attempt, l.attempt_at, l.tried, l.dial_timeout_seconds, l.attempt_timeout_seconds, \
            floor(extract(epoch from l.ring_deadline - clock_timestamp()))::integer, l.max_call_seconds, \
            l.end_reason, l.end_cause, l.decision \
       from capconduit.live_calls l \
      where l.uniqueid = $1 \
        for update of l",
    &[TEXTOID],
);

/// The call's row, locked until the end of the transaction.
pub fn read_live(uniqueid: &str) -> Option<LiveCall> {
    for table in [c"live_calls", c"clients", c"pjsip_endpoints"] {
        access::enter(table, READING);
    }
    let rows = READ.run(&[arg(uniqueid)]);
    rows.first().map(|columns| LiveCall {
        user_id: columns.get(),
        campaign_id: columns.need(),
        did_number: columns.need(),
        node: columns.get(),
        strategy: columns
            .get::<String>()
            .and_then(|name| Strategy::parse(&name))
            .unwrap_or_else(|| access::refuse(c"live_calls", "a call has an unknown routing_strategy")),
        link_id: columns.need(),
        client_id: columns.need(),
        client_identifier: columns.get(),
        caller_id: columns.get(),
        holds_slot: columns.need(),
        attempt: columns.need(),
        attempt_at: columns.need::<TimestampWithTimeZone>().into(),
        tried: columns.need(),
        dial_timeout_seconds: columns.need(),
        attempt_timeout_seconds: columns.need(),
        ring_seconds_left: columns.need(),
        max_call_seconds: columns.need(),
        end_reason: columns.get(),
        end_cause: columns.get(),
        decision: columns.get().unwrap_or_default(),
    })
}

/// What a record takes over of a reservation, in this order; `write` in log.rs reads them.
static CONTEXT: Lookup = Lookup::new(
    c"live_calls",
    c"live_calls_pkey",
    Key::Text,
    &[
        c"user_id",
        c"campaign_id",
        c"did_id",
        c"client_id",
        c"link_id",
        c"did_number",
        c"node",
        c"linkedid",
        c"caller_number",
        c"caller_name",
        c"routed_at",
        c"answered_at",
        c"decision",
        c"attempt",
        c"holds_slot",
        c"lease_until",
    ],
);

/// Deletes the call's row and reads its newest version; `None`: there is none, or none any more. And what `beside` reads at
/// the same moment.
pub fn take_live<T, B>(uniqueid: &str, read: impl Fn(&Row) -> T, beside: impl Fn(At) -> B) -> (Option<T>, B) {
    loop {
        let taken = View::Fresh.look(|at| {
            // First: see `enter_live_calls`.
            let mut scan = CONTEXT.open_to_write(at);
            let beside = beside(at);
            let Some(call) = scan.get(arg(uniqueid), &read) else {
                return Some((None, beside));
            };
            (scan.delete() == Change::Done).then_some((Some(call), beside))
        });
        if let Some(call) = taken {
            return call;
        }
    }
}

/// What next_target changes of a call, in this order.
static MOVED: Lookup = Lookup::new(
    c"live_calls",
    c"live_calls_pkey",
    Key::Text,
    &[
        c"tried",
        c"link_id",
        c"client_id",
        c"holds_slot",
        c"attempt",
        c"attempt_at",
        c"attempt_timeout_seconds",
        c"end_reason",
        c"end_cause",
        c"decision",
    ],
);

/// Writes columns of a call whose row `read_live` has locked.
fn change_live(uniqueid: &str, columns: &[(usize, Argument)]) {
    let written = View::Fresh.look(|at| {
        let mut scan = MOVED.open_to_write(at);
        let found = scan.get(arg(uniqueid), |_| ()).is_some();
        found.then(|| scan.change(columns))
    });
    assert!(written == Some(Change::Done), "call {uniqueid} is locked");
}

/// The call's next attempt, on another link.
pub fn move_live(uniqueid: &str, call: &LiveCall, link: &Link, timeout: i32, decision: &str) {
    let mut tried = call.tried.clone();
    tried.push(call.link_id);
    change_live(
        uniqueid,
        &[
            (0, arg(tried)),
            (1, arg(link.id)),
            (2, arg(link.client_id)),
            (3, arg(true)),
            (4, arg(call.attempt + 1)),
            (5, instant(now())),
            (6, arg(timeout)),
            (9, arg(decision)),
        ],
    );
}

/// Nobody is left; the row waits for the call's record.
pub fn end_live(uniqueid: &str, reason: Reject, decision: &str) {
    change_live(
        uniqueid,
        &[
            (3, arg(false)),
            (7, arg(reason.token())),
            (8, arg(reason.hangup_cause())),
            (9, arg(decision)),
        ],
    );
}

/// The row that route_call and next_target answer with (SQL type `call_target`).
#[derive(Default)]
pub struct Answer {
    status: &'static str,
    reason: Option<String>,
    hangup_cause: Option<i32>,
    attempt: Option<i32>,
    link_id: Option<i64>,
    client_identifier: Option<String>,
    dial_timeout_seconds: Option<i32>,
    max_call_seconds: Option<i32>,
    caller_id: Option<String>,
    campaign_id: Option<i64>,
    decision: Option<String>,
}

impl Answer {
    /// The target that the call holds now, or the reason why it holds none any more.
    pub fn present(call: &LiveCall) -> Self {
        if let Some(reason) = &call.end_reason {
            return Answer {
                status: "reject",
                reason: Some(reason.clone()),
                hangup_cause: call.end_cause,
                attempt: Some(call.attempt),
                campaign_id: Some(call.campaign_id),
                decision: Some(call.decision.clone()),
                ..Answer::default()
            };
        }
        Answer {
            status: "ok",
            attempt: Some(call.attempt),
            link_id: Some(call.link_id),
            client_identifier: call.client_identifier.clone(),
            dial_timeout_seconds: Some(call.attempt_timeout_seconds),
            max_call_seconds: Some(call.max_call_seconds),
            caller_id: call.caller_id.clone(),
            campaign_id: Some(call.campaign_id),
            decision: Some(call.decision.clone()),
            ..Answer::default()
        }
    }

    /// A slot just taken.
    pub fn target(
        attempt: i32,
        link: &Link,
        campaign_id: i64,
        dial_timeout_seconds: i32,
        max_call_seconds: i32,
        caller_id: Option<String>,
        decision: String,
    ) -> Self {
        Answer {
            status: "ok",
            attempt: Some(attempt),
            link_id: Some(link.id),
            client_identifier: Some(link.client_identifier.clone()),
            dial_timeout_seconds: Some(dial_timeout_seconds),
            max_call_seconds: Some(max_call_seconds),
            caller_id,
            campaign_id: Some(campaign_id),
            decision: Some(decision),
            ..Answer::default()
        }
    }

    pub fn reject(reason: Reject, campaign_id: Option<i64>, decision: Option<String>) -> Self {
        Answer {
            status: "reject",
            reason: Some(reason.token().to_owned()),
            hangup_cause: Some(reason.hangup_cause()),
            campaign_id,
            decision: decision.filter(|text| !text.is_empty()),
            ..Answer::default()
        }
    }

    /// Why there is no target.
    pub fn reject_reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub fn into_record(self) -> Record<12> {
        // The identifier is limited to letters, digits, '_', '-' and '.': nothing in it can break out of Dial().
        let dial = self
            .client_identifier
            .as_ref()
            .map(|identifier| format!("PJSIP/{identifier}"));
        Record([
            arg(self.status),
            arg(self.reason),
            arg(self.hangup_cause),
            arg(self.attempt),
            arg(self.link_id),
            arg(self.client_identifier),
            arg(dial),
            arg(self.dial_timeout_seconds),
            arg(self.max_call_seconds),
            arg(self.caller_id),
            arg(self.campaign_id),
            arg(self.decision),
        ])
    }
}
