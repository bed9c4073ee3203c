//! A call in flight: its row in `live_calls`, and the row that the switch gets for it.

use capconduit_core::facts::Campaign;
use capconduit_core::meter::Counts;
use capconduit_core::overflow::Exit;
use capconduit_core::{Asked, Link, Reject, Strategy};

use crate::calls::facts::read_caller_id;
use crate::calls::overflow::Left;
use crate::calls::parties::Parties;
use crate::calls::settle::End;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::column::Set;
use crate::postgres::key::Key;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::result_row::{longer_row, result_row};
use crate::postgres::row_change::RowChange;
use crate::postgres::scan::Row;
use crate::postgres::tables::{clients, live_calls, pjsip_endpoints};
use crate::postgres::transaction::now;
use crate::postgres::{access, error};

pub struct LiveCall {
    pub user_id: Option<i64>,
    pub campaign_id: i64,
    pub did_id: Option<i64>,
    pub did_number: String,
    pub caller_number: Option<String>,
    pub node: Option<String>,
    pub strategy: Strategy,
    pub link_id: i64,
    pub client_id: i64,
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
    /// Its caller is remembered by what the call comes to.
    pub awaited: bool,
    /// Nobody but who had the caller may take the call.
    pub same_client_only: bool,
    /// It has gone beyond those that its campaign asks first.
    pub has_overflowed: bool,
    pub left: Option<Left>,
}

static LIVE: Lookup<live_calls::Of> = lookup!(
    live_calls by live_calls_pkey (Text):
    user_id, campaign_id, did_id, did_number, caller_number, node, routing_strategy, link_id, client_id, holds_slot, attempt, attempt_at,
    tried, dial_timeout_seconds, attempt_timeout_seconds, ring_deadline, max_call_seconds, end_reason, end_cause, decision, awaited,
    same_client_only, overflow_exit, overflowed_from, overflowed_at
);

fn live_call(row: Row<'_, live_calls::Of>) -> LiveCall {
    use live_calls as of;
    let strategy = Strategy::parse(row.need(of::routing_strategy));
    let ring_micros = row.need(of::ring_deadline).saturating_sub(now());
    let ring_seconds = ring_micros.div_euclid(1_000_000);
    LiveCall {
        user_id: row.get(of::user_id),
        campaign_id: row.need(of::campaign_id),
        did_id: row.get(of::did_id),
        did_number: row.need(of::did_number).to_owned(),
        caller_number: row.owned(of::caller_number),
        node: row.owned(of::node),
        strategy: strategy
            .unwrap_or_else(|| access::refuse(of::NAME, "a call has an unknown routing_strategy")),
        link_id: row.need(of::link_id),
        client_id: row.need(of::client_id),
        holds_slot: row.need(of::holds_slot),
        attempt: row.need(of::attempt),
        attempt_at: row.need(of::attempt_at),
        tried: row.need(of::tried),
        dial_timeout_seconds: row.need(of::dial_timeout_seconds),
        attempt_timeout_seconds: row.need(of::attempt_timeout_seconds),
        ring_seconds_left: ring_seconds.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
        max_call_seconds: row.need(of::max_call_seconds),
        end_reason: row.owned(of::end_reason),
        end_cause: row.get(of::end_cause),
        decision: row.owned(of::decision).unwrap_or_default(),
        awaited: row.get_optional(of::awaited) == Some(true),
        same_client_only: row.get_optional(of::same_client_only) == Some(true),
        has_overflowed: row.get_optional(of::overflow_exit).is_some(),
        left: Left::new(
            row.get_optional(of::overflowed_from),
            row.get_optional(of::overflowed_at),
        ),
    }
}

/// The call's row, locked until the end of the transaction: whoever closes many calls skips it, and what was read is the newest.
pub fn read_live(uniqueid: &str) -> Option<LiveCall> {
    loop {
        let newest = View::Fresh.look(|at| {
            let mut scan = LIVE.open_to_write(at);
            let call = scan.get(arg(uniqueid), live_call);
            (call.is_none() || scan.lock()).then_some(call)
        });
        if let Some(call) = newest {
            return call;
        }
    }
}

impl LiveCall {
    /// What gates know of the question who is next, as of now.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            at: now(),
            caller: self.caller_number.as_deref(),
            knows_caller: true,
            node: self.node.as_deref(),
            former: None,
        }
    }

    /// Its slot returns.
    pub fn slot_back<'a>(&self, uniqueid: &'a str) -> End<'a> {
        End {
            uniqueid,
            parties: Parties {
                user_id: self.user_id,
                campaign_id: Some(self.campaign_id),
                did_id: self.did_id,
                client_id: Some(self.client_id),
                link_id: Some(self.link_id),
            },
            change: Counts::SLOT_BACK,
            reserved: self.attempt_at,
            is_first: self.attempt == 1,
            left: self.left,
        }
    }

    /// And another link's is taken: for its number, its campaign and its seller nothing changes.
    pub fn slot_moves<'a>(&self, uniqueid: &'a str) -> End<'a> {
        let end = self.slot_back(uniqueid);
        End {
            parties: Parties {
                user_id: None,
                ..end.parties
            },
            ..end
        }
    }

    pub fn is_of_another_node(&self, node: Option<&str>) -> bool {
        matches!((&self.node, node), (Some(theirs), Some(ours)) if theirs.as_str() != ours)
    }
}

/// Two calls with one id.
pub fn refuse_another(uniqueid: &str) -> ! {
    error::invalid(format!(
        "uniqueid {uniqueid} is in flight for another call: set a different systemname on each Asterisk"
    ))
}

/// Deletes the call's row and reads of its newest version what `live` wants; `None`: there is none, or none any more. And what `beside` reads at
/// the same moment.
pub fn take_live<T, B>(
    armed: Armed,
    live: &Lookup<live_calls::Of>,
    uniqueid: &str,
    read: impl Fn(Row<'_, live_calls::Of>) -> T,
    beside: impl Fn(At<'_>) -> B,
) -> (Option<T>, B) {
    loop {
        let taken = View::Fresh.look(|at| {
            // First: see `enter_live_calls`.
            let mut scan = live.open_to_write(at);
            let beside = beside(at);
            let Some(call) = scan.get(arg(uniqueid), &read) else {
                return Some((None, beside));
            };
            (scan.delete(armed) == RowChange::Done).then_some((Some(call), beside))
        });
        if let Some(call) = taken {
            return call;
        }
    }
}

/// What `next_target` changes of a call.
static MOVED: Lookup<live_calls::Of> = Lookup::new(
    live_calls::NAME,
    c"live_calls_pkey",
    Key::Text,
    live_calls::CHANGED,
);

/// Writes columns of a call whose row `read_live` has locked.
fn change_live(armed: Armed, uniqueid: &str, columns: &[Set<'_, live_calls::Of>]) {
    let written = View::Fresh.look(|at| {
        let mut scan = MOVED.open_to_write(at);
        let found = scan.get(arg(uniqueid), |_| ()).is_some();
        found.then(|| scan.change(armed, columns))
    });
    assert!(written == Some(RowChange::Done), "call {uniqueid} is locked");
}

/// The call's next attempt, on another link.
pub struct Attempt<'a> {
    pub link: &'a Link,
    pub reserved_at: i64,
    pub timeout: i32,
    pub qualify_seconds: Option<i32>,
    pub awaited: bool,
    pub same_client_only: bool,
    pub decision: &'a str,
    /// Where it goes beyond those that its campaign asks first: why, and to which campaign, if to another.
    pub overflow: Option<(Exit, Option<&'a Campaign>)>,
}

pub fn move_live(armed: Armed, uniqueid: &str, call: &LiveCall, to: &Attempt<'_>) {
    let Attempt { link, .. } = to;
    let mut tried = call.tried.clone();
    tried.push(call.link_id);
    let mut columns = vec![
        live_calls::tried.to(arg(tried)),
        live_calls::link_id.to(arg(link.id)),
        live_calls::client_id.to(arg(link.client_id)),
        live_calls::holds_slot.to(arg(true)),
        live_calls::attempt.to(arg(call.attempt + 1)),
        live_calls::attempt_at.to(instant(to.reserved_at)),
        live_calls::attempt_timeout_seconds.to(arg(to.timeout)),
        live_calls::decision.to(arg(to.decision)),
        live_calls::qualify_seconds.to(arg(to.qualify_seconds)),
        live_calls::awaited.to(arg(to.awaited.then_some(true))),
    ];
    if let Some((exit, campaign)) = to.overflow {
        columns.push(live_calls::overflow_exit.to(arg(exit.name())));
        if let Some(campaign) = campaign {
            columns.extend([
                live_calls::campaign_id.to(arg(campaign.id)),
                live_calls::routing_strategy.to(arg(campaign.strategy.name())),
                live_calls::dial_timeout_seconds.to(arg(campaign.dial_timeout_seconds)),
                live_calls::same_client_only.to(arg(to.same_client_only.then_some(true))),
                live_calls::overflowed_from.to(arg(call.campaign_id)),
                live_calls::overflowed_at.to(instant(to.reserved_at)),
            ]);
        }
    }
    change_live(armed, uniqueid, &columns);
}

/// Nobody is left; the row waits for the call's record.
pub fn end_live(armed: Armed, uniqueid: &str, reason: Reject, decision: &str) {
    change_live(
        armed,
        uniqueid,
        &[
            live_calls::holds_slot.to(arg(false)),
            live_calls::end_reason.to(arg(reason.token())),
            live_calls::end_cause.to(arg(reason.hangup_cause())),
            live_calls::decision.to(arg(decision)),
        ],
    );
}

result_row! {
    /// The row that `route_call` and `next_target` answer with (SQL type `call_target`).
    #[derive(Default)]
    pub struct Answer {
        status: &'static str,
        reason: Option<String>,
        hangup_cause: Option<i32>,
        attempt: Option<i32>,
        link_id: Option<i64>,
        client_identifier: Option<String>,
        dial: Option<String>,
        dial_timeout_seconds: Option<i32>,
        max_call_seconds: Option<i32>,
        caller_id: Option<String>,
        campaign_id: Option<i64>,
        decision: Option<String>,
    } beside {
        client_id: Option<i64>,
    }
}

static CLIENT: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): client_identifier);

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
        let (client_identifier, caller_id) = View::Fresh.look(|at| {
            let client = CLIENT.first(at, arg(call.client_id), |client| {
                client.need(clients::client_identifier).to_owned()
            });
            (client, read_caller_id(at, call.client_id))
        });
        Answer {
            status: "ok",
            attempt: Some(call.attempt),
            link_id: Some(call.link_id),
            dial: client_identifier.as_deref().map(dial),
            client_identifier,
            dial_timeout_seconds: Some(call.attempt_timeout_seconds),
            max_call_seconds: Some(call.max_call_seconds),
            caller_id,
            campaign_id: Some(call.campaign_id),
            decision: Some(call.decision.clone()),
            client_id: Some(call.client_id),
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
            dial: Some(dial(&link.client_identifier)),
            dial_timeout_seconds: Some(dial_timeout_seconds),
            max_call_seconds: Some(max_call_seconds),
            caller_id,
            campaign_id: Some(campaign_id),
            decision: Some(decision),
            client_id: Some(link.client_id),
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
}

/// The table of a release before has no such column, until it is migrated: asked for by the functions that tell it alone.
static SETTINGS: Lookup<pjsip_endpoints::Of> =
    lookup!(pjsip_endpoints by pjsip_endpoints_pkey (Int8): settings_id);

longer_row! {
    /// The row with the endpoint's settings (SQL type `call_decision`).
    pub struct Decision {
        target: Answer,
        settings_id: Option<String>,
    }
}

impl Decision {
    /// With the name of the endpoint's settings as they are now: of a call that is asked for again, of the present, too.
    pub fn of(target: Answer) -> Self {
        let settings_id = target.client_id.and_then(|client_id| {
            let named = View::Fresh.look(|at| {
                SETTINGS.first(at, arg(client_id), |endpoint| {
                    endpoint.owned(pjsip_endpoints::settings_id)
                })
            });
            named.flatten()
        });
        Decision { target, settings_id }
    }
}

/// The identifier is limited to letters, digits, '_', '-' and '.': nothing in it can break out of Dial().
fn dial(client_identifier: &str) -> String {
    format!("PJSIP/{client_identifier}")
}
