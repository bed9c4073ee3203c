//! `route_call`: which client gets this call now. One slot is taken, or nothing is written.

use std::ffi::CStr;

use capconduit_core::{Link, Reject, Strategy, Verdict, decision, did, outcome, select};
use pgrx::pg_extern;
use pgrx::pg_sys::{self, INT8OID};

use crate::calls::counters::{Changed, take_slot, wait_for};
use crate::calls::links::{
    Campaign, Dialled, are_set_like, read_all, read_caller_id, read_configured, uniform,
};
use crate::calls::live_call::{Answer, read_live, take_live};
use crate::calls::locks::{Savepoint, lock_call, lock_campaign, require_read_committed};
use crate::calls::{lost, rejects};
use crate::functions::{arguments, node_heartbeat};
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::insert::{Insert, Texts};
use crate::postgres::lookup::{At, Key, Lookup, View};
use crate::postgres::result_row::Record;
use crate::postgres::spi::{Argument, arg, connected, instant};
use crate::postgres::{early_lock_release, error, guc};

/// The call as the switch describes it.
struct Caller<'a> {
    uniqueid: &'a str,
    number: Option<&'a str>,
    name: Option<&'a str>,
    linkedid: Option<&'a str>,
    node: Option<&'a str>,
    sip_call_id: Option<&'a str>,
}

#[pg_extern(sql = false)]
fn route_call(
    did: Option<&str>,
    uniqueid: Option<&str>,
    caller_number: Option<&str>,
    caller_name: Option<&str>,
    linkedid: Option<&str>,
    node: Option<&str>,
) -> Record<12> {
    route_sip_call(did, uniqueid, caller_number, caller_name, linkedid, node, None)
}

/// SQL's `route_call` too: of a caller whose SIP Call-ID is to be known also when nobody tells the call's end.
#[pg_extern(sql = false)]
fn route_sip_call(
    did: Option<&str>,
    uniqueid: Option<&str>,
    caller_number: Option<&str>,
    caller_name: Option<&str>,
    linkedid: Option<&str>,
    node: Option<&str>,
    sip_call_id: Option<&str>,
) -> Record<12> {
    require_read_committed("route_call");
    let caller = Caller {
        uniqueid: arguments::uniqueid(uniqueid),
        number: arguments::described(caller_number, 50),
        name: arguments::described(caller_name, 100),
        linkedid: arguments::linkedid(linkedid),
        node: arguments::node(node),
        sip_call_id: arguments::described(sip_call_id, 255),
    };
    let did = did.unwrap_or_default();
    let answer = connected(|| route(did, &caller));
    if let Some(reason) = answer.reject_reason() {
        let number = did::normalize(did);
        rejects::note(reason, number.as_deref().unwrap_or(did), caller.node);
    }
    answer.into_record()
}

static LIVE: Lookup = Lookup::new(c"live_calls", c"live_calls_pkey", Key::Text, &[]).before_write();
static RECORDED: Lookup = Lookup::new(c"call_logs", c"call_logs_asterisk_uniqueid_key", Key::Text, &[]);

/// Everything that a decision rests on, as of one moment.
struct Seen {
    in_flight: bool,
    recorded: bool,
    dialled: Option<Dialled>,
    /// None where something stops the call before.
    links: Vec<Link>,
    /// See `At::ended_before`.
    ended_before: u64,
}

fn look(number: &str, uniqueid: &str) -> Seen {
    View::Fresh.look(|at| {
        // First: see `enter_live_calls`.
        let in_flight = LIVE.first(at, arg(uniqueid), |_| ()).is_some();
        let (dialled, links) = read_all(at, number);
        Seen {
            in_flight,
            recorded: RECORDED.first(at, arg(uniqueid), |_| ()).is_some(),
            dialled,
            links,
            ended_before: at.ended_before(),
        }
    })
}

/// What a call remembers from one round to the next.
#[derive(Default)]
struct Rounds {
    turns: Option<Turns>,
    /// Full links whose expired leases were closed.
    looked_at: Vec<i64>,
    /// Links whose counters another transaction holds.
    held: Vec<i64>,
    patience: Patience,
}

/// Chooses and reserves until a reservation holds. Each round looks at everything anew and waits for at most one
/// link's row: a link that filled up meanwhile is judged again with all others, so the strategy's order is kept and
/// nobody is refused because a row was momentarily locked; and what an administrator changed meanwhile counts.
fn route(did: &str, caller: &Caller) -> Answer {
    let Some(number) = did::normalize(did) else {
        return Answer::reject(Reject::InvalidDidInput, None, None);
    };
    lock_call(caller.uniqueid);
    let mut rounds = Rounds::default();
    loop {
        let seen = look(&number, caller.uniqueid);
        if seen.in_flight
            && let Some(answer) = answer_again(&number, caller)
        {
            return answer;
        }
        // A call that ended between the two looks is recorded now.
        if seen.recorded || seen.in_flight {
            early_lock_release::flush_what_was_seen();
            return Answer::reject(Reject::CallEnded, None, None);
        }
        let Some(dialled) = seen.dialled else {
            return Answer::reject(Reject::DidNotFound, None, None);
        };
        let (Some(campaign), None) = (&dialled.campaign, dialled.stop) else {
            return Answer::reject(
                dialled.stop.unwrap_or(Reject::NoActiveCampaignForDid),
                dialled.campaign.map(|campaign| campaign.id),
                None,
            );
        };
        // The number may belong to another campaign by now: the lock goes back with its savepoint, since whoever waits
        // for a second campaign with a first in hand could close a circle.
        if rounds
            .turns
            .take_if(|turns: &mut Turns| turns.campaign_id != campaign.id)
            .is_some()
        {
            continue;
        }
        let choice = Choice {
            number: &number,
            caller,
            dialled: &dialled,
            campaign,
            links: &seen.links,
            ended_before: seen.ended_before,
        };
        if let Some(answer) = choice.take(&mut rounds) {
            return answer;
        }
    }
}

/// A round robin campaign's turns, held by this call until its savepoint is rolled back.
struct Turns {
    campaign_id: i64,
    savepoint: Savepoint,
}

impl Turns {
    fn lock(campaign_id: i64) -> Self {
        let savepoint = Savepoint::begin();
        lock_campaign(campaign_id);
        Turns {
            campaign_id,
            savepoint,
        }
    }
}

/// The switch asks twice when it lost the reply: the same target again. Two calls with one id are a fault of the
/// switch's configuration, which must not put a caller on another caller's slot.
fn answer_again(number: &str, caller: &Caller) -> Option<Answer> {
    let call = read_live(caller.uniqueid)?;
    let other_node =
        matches!((&call.node, caller.node), (Some(theirs), Some(ours)) if theirs.as_str() != ours);
    if call.did_number != number || other_node {
        error::invalid(format!(
            "uniqueid {} is in flight for another call: set a different systemname on each Asterisk",
            caller.uniqueid
        ));
    }
    early_lock_release::flush_what_was_seen();
    Some(Answer::present(&call))
}

/// One round of a decision.
struct Choice<'a> {
    number: &'a str,
    caller: &'a Caller<'a>,
    dialled: &'a Dialled,
    campaign: &'a Campaign,
    links: &'a [Link],
    ended_before: u64,
}

impl Choice<'_> {
    /// `None`: what was seen is not so any more, look again.
    fn take(&self, rounds: &mut Rounds) -> Option<Answer> {
        let strategy = self.campaign.strategy;
        let mut verdicts = select::judge_all(self.links);
        for (link, verdict) in self.links.iter().zip(&mut verdicts) {
            if *verdict == Verdict::Eligible && rounds.held.contains(&link.id) {
                *verdict = Verdict::Held;
            }
        }
        let chosen = select::choose(strategy, self.links, &verdicts, &mut uniform);
        let mut full = select::full_ahead_of(strategy, self.links, &verdicts, chosen);
        full.retain(|id| !rounds.looked_at.contains(id) && !rounds.held.contains(id));
        let expired = lost::expired_on(&full);
        let Some(index) = expired
            .and_then(|id| self.links.iter().position(|link| link.id == id))
            .or(chosen)
        else {
            if rounds.held.is_empty() {
                return Some(Answer::reject(
                    select::reject_reason(&verdicts),
                    Some(self.campaign.id),
                    Some(decision::describe(self.links, &verdicts, None)),
                ));
            }
            // A held link is not a full one.
            rounds.held.clear();
            rounds.patience.nothing_else_has_room();
            return None;
        };
        // Closing calls waits for their link's counters, with their rows locked.
        if let Some(id) = expired
            && !wait_for(id, self.wait(rounds, rounds.turns.is_some()))
        {
            rounds.held.push(id);
            return None;
        }
        // What is closed to make room holds locks, and waiting for another link with them in hand could close a
        // circle: rolled back, the savepoint gives them back. A link that refuses leaves nothing locked.
        let savepoint = match rounds.turns.take() {
            Some(turns) => Some(turns.savepoint),
            None if strategy == Strategy::RoundRobin => {
                rounds.turns = Some(Turns::lock(self.campaign.id));
                return None;
            }
            None => expired.is_some().then(Savepoint::begin),
        };
        early_lock_release::arm();
        if let Some(id) = expired {
            // Once each: a lowered cap, or calls that counted, may leave it full.
            rounds.looked_at.push(id);
            lost::release_expired_on(id);
        }
        let wait = self.wait(rounds, savepoint.is_some());
        let taken = self.reserve(&verdicts, index, wait);
        match (&taken, savepoint) {
            (Changed::Done(_), Some(savepoint)) => savepoint.release(),
            (_, Some(savepoint)) => savepoint.rollback(),
            (Changed::Done(_), None) => {}
            (_, None) => {
                take_live(self.caller.uniqueid, |_| (), |_| ());
            }
        }
        match taken {
            Changed::Done(answer) => Some(answer),
            Changed::Held => {
                let id = self.links[index].id;
                if !wait_for(id, self.wait(rounds, false)) {
                    rounds.held.push(id);
                }
                None
            }
            Changed::Refused | Changed::Outdated => None,
        }
    }

    /// How long to wait for a link's counters; not long while the call holds what others wait for. A campaign's only link is
    /// all that there is to wait for.
    fn wait<'a>(&self, rounds: &'a Rounds, others_wait: bool) -> Wait<'a> {
        match (self.links.len(), others_wait) {
            (..=1, _) => Wait::Long,
            (_, true) => Wait::Moment(&rounds.patience),
            (_, false) => Wait::Patiently(&rounds.patience),
        }
    }

    /// Whether what a choice rests on beside the counters is at this moment as it was when it was made.
    fn still(&self, at: At, chosen: usize) -> bool {
        if at.ended_before() == self.ended_before {
            return true;
        }
        let (dialled, links) = read_configured(at, self.number);
        let Some(Dialled {
            did_id,
            user_id,
            campaign: Some(campaign),
            stop: None,
            ..
        }) = dialled
        else {
            return false;
        };
        (did_id, user_id) == (self.dialled.did_id, self.dialled.user_id)
            && (campaign.id, campaign.strategy) == (self.campaign.id, self.campaign.strategy)
            && are_set_like(at, self.links, &links, chosen)
    }
}

const COLUMNS: [&CStr; 24] = [
    c"uniqueid",
    c"linkedid",
    c"node",
    c"user_id",
    c"campaign_id",
    c"did_id",
    c"did_number",
    c"routing_strategy",
    c"link_id",
    c"client_id",
    c"holds_slot",
    c"attempt",
    c"tried",
    c"caller_number",
    c"caller_name",
    c"routed_at",
    c"attempt_at",
    c"dial_timeout_seconds",
    c"attempt_timeout_seconds",
    c"ring_deadline",
    c"max_call_seconds",
    c"lease_until",
    c"decision",
    c"sip_call_id",
];

/// A table of the release before has no place for the Call-ID, until it is migrated.
static REMEMBER: Insert = Insert::new(c"live_calls", COLUMNS.split_at(COLUMNS.len() - 1).0);
static REMEMBER_SIP: Insert = Insert::new(c"live_calls", &COLUMNS);

/// No link was tried before: pgrx makes an array of none at ten times the cost.
fn none_tried() -> Argument {
    // SAFETY: an array of no elements, of a type that is there.
    Some(pg_sys::Datum::from(unsafe {
        pg_sys::construct_empty_array(INT8OID)
    }))
}

/// A lease outlives the longest call by this: its record may be on the way.
const LEASE_MARGIN_SECONDS: i32 = 60;

impl Choice<'_> {
    /// Writes the call's row, then takes the slot: the hot row comes last, so it is locked for the shortest time.
    /// Where nothing is taken, the row must go again.
    fn reserve(&self, verdicts: &[Verdict], index: usize, wait: Wait) -> Changed<Answer> {
        let Choice {
            caller,
            dialled,
            campaign,
            ..
        } = self;
        let link = &self.links[index];
        let turn = (campaign.strategy == Strategy::RoundRobin).then(|| select::next_turn(self.links));
        let timeout = outcome::first_timeout(campaign.dial_timeout_seconds, campaign.max_ring_seconds);
        let max_call_seconds = guc::MAX_CALL_SECONDS.get();
        let decision = decision::describe(self.links, verdicts, Some(index));
        // SAFETY: reads the start of the current transaction.
        let now = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
        let after = |seconds: i32| instant(now + i64::from(seconds) * 1_000_000);
        let mut texts = Texts::new();
        let values = [
            texts.put(caller.uniqueid),
            texts.put(caller.linkedid),
            texts.put(caller.node),
            arg(dialled.user_id),
            arg(campaign.id),
            arg(dialled.did_id),
            texts.put(self.number),
            texts.put(campaign.strategy.name()),
            arg(link.id),
            arg(link.client_id),
            arg(true),
            arg(1_i32),
            none_tried(),
            texts.put(caller.number),
            texts.put(caller.name),
            instant(now),
            instant(now),
            arg(campaign.dial_timeout_seconds),
            arg(timeout),
            after(campaign.max_ring_seconds),
            arg(max_call_seconds),
            after(max_call_seconds + LEASE_MARGIN_SECONDS),
            texts.put(decision.as_str()),
            texts.put(caller.sip_call_id),
        ];
        if caller.sip_call_id.is_some() {
            REMEMBER_SIP.run(&values);
        } else {
            REMEMBER.run(&values[..values.len() - 1]);
        }
        let taken = take_slot(
            link,
            turn,
            wait,
            |at| self.still(at, index),
            |at| read_caller_id(at, link.client_id),
        );
        taken.map(|caller_id| {
            if let Some(node) = caller.node {
                node_heartbeat::note_call(node);
            }
            Answer::target(
                1,
                link,
                campaign.id,
                timeout,
                max_call_seconds,
                caller_id,
                decision,
            )
        })
    }
}
