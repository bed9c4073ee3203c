//! `route_call`: which client gets this call now. One slot is taken, or nothing is written.

use capconduit_core::{Link, Reject, Strategy, Verdict, decision, did, outcome, select};
use pgrx::pg_extern;
use pgrx::pg_sys::{self, INT4OID, INT8OID, TEXTOID};

use crate::call::{Answer, read_live, take_slot};
use crate::links::{Campaign, Dialled, read_call_dialled, read_links};
use crate::locks::{Savepoint, lock_call, lock_campaign, require_read_committed};
use crate::record::Record;
use crate::spi::{Statement, arg, connected};
use crate::{args, early_lock_release, error, guc, lease, node};

/// The call as the switch describes it.
struct Caller<'a> {
    uniqueid: &'a str,
    number: Option<&'a str>,
    name: Option<&'a str>,
    linkedid: Option<&'a str>,
    node: Option<&'a str>,
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
    require_read_committed("route_call");
    let caller = Caller {
        uniqueid: args::uniqueid(uniqueid),
        number: args::described(caller_number, 50),
        name: args::described(caller_name, 100),
        linkedid: args::linkedid(linkedid),
        node: args::node(node),
    };
    connected(|| route(did.unwrap_or_default(), &caller)).into_record()
}

fn route(did: &str, caller: &Caller) -> Answer {
    let Some(number) = did::normalize(did) else {
        return Answer::reject(Reject::InvalidDidInput, None, None);
    };
    lock_call(caller.uniqueid);
    let (call, dialled) = read_call_dialled(&number, caller.uniqueid);
    if call.in_flight
        && let Some(answer) = answer_again(&number, caller)
    {
        return answer;
    }
    // A call that ended between the two looks is recorded now.
    if call.recorded || call.in_flight {
        early_lock_release::flush_what_was_seen();
        return Answer::reject(Reject::CallEnded, None, None);
    }
    let Some((dialled, links)) = dialled else {
        return Answer::reject(Reject::DidNotFound, None, None);
    };
    match (&dialled.campaign, dialled.stop) {
        (Some(campaign), None) => take_a_link(&number, caller, &dialled, campaign, links),
        (campaign, stop) => Answer::reject(
            stop.unwrap_or(Reject::NoActiveCampaignForDid),
            campaign.as_ref().map(|campaign| campaign.id),
            None,
        ),
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

/// Chooses and reserves until a reservation holds. Each round sees the newest counters and waits for at most one
/// link's row; a link that filled up meanwhile is judged anew with all others, so the strategy's order is kept and
/// nobody is refused because a row was momentarily locked.
fn take_a_link(
    number: &str,
    caller: &Caller,
    dialled: &Dialled,
    campaign: &Campaign,
    mut links: Vec<Link>,
) -> Answer {
    let strategy = campaign.strategy;
    let mut turns_locked = false;
    let mut looked_at = Vec::new();
    loop {
        let verdicts = select::judge_all(&links);
        let chosen = select::choose(strategy, &links, &verdicts, &mut uniform);
        let mut full = select::full_ahead_of(strategy, &links, &verdicts, chosen);
        full.retain(|id| !looked_at.contains(id));
        let expired = lease::expired_on(&full);
        let Some(index) = expired
            .and_then(|id| links.iter().position(|link| link.id == id))
            .or(chosen)
        else {
            let decision = decision::describe(&links, &verdicts, None);
            return Answer::reject(
                select::reject_reason(&verdicts),
                Some(campaign.id),
                Some(decision),
            );
        };
        if strategy == Strategy::RoundRobin && !turns_locked {
            lock_campaign(campaign.id);
            turns_locked = true;
            links = read_links(campaign.id);
            continue;
        }
        early_lock_release::arm();
        // A row that fails its re-check stays locked, and waiting for another with it in hand could close a circle:
        // the savepoint gives it back. With one link there is no other to wait for.
        let savepoint = (links.len() > 1 || expired.is_some()).then(Savepoint::begin);
        if let Some(id) = expired {
            // Once each: a lowered cap, or calls that counted, may leave it full.
            looked_at.push(id);
            lease::release_expired_on(id);
        }
        let answer = reserve(number, caller, dialled, campaign, &links, &verdicts, index);
        match (answer, savepoint) {
            (Some(answer), savepoint) => {
                if let Some(savepoint) = savepoint {
                    savepoint.release();
                }
                return answer;
            }
            (None, Some(savepoint)) => {
                savepoint.rollback();
                links = read_links(campaign.id);
            }
            (None, None) => {
                FORGET.run(&[arg(caller.uniqueid)]);
                links = read_links(campaign.id);
            }
        }
    }
}

/// PostgreSQL's own generator, seeded per backend.
pub fn uniform() -> f64 {
    // SAFETY: a backend-local state that PostgreSQL seeds at the backend's start.
    unsafe { pg_sys::pg_prng_double(&raw mut pg_sys::pg_global_prng_state) }
}

/// Writes the call's row and tells the caller id to present to the client.
static REMEMBER: Statement = Statement::new(
    "insert into capconduit.live_calls \
        (uniqueid, linkedid, node, user_id, campaign_id, did_id, did_number, routing_strategy, link_id, client_id, \
         holds_slot, caller_number, caller_name, routed_at, attempt_at, dial_timeout_seconds, \
         attempt_timeout_seconds, ring_deadline, max_call_seconds, lease_until, decision) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true, $11, $12, now(), now(), $13, $14, \
             now() + $15 * interval '1 second', $16, now() + ($16 + 60) * interval '1 second', $17) \
     returning (select e.callerid from capconduit.pjsip_endpoints e where e.client_id = $10)",
    &[
        TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, TEXTOID,
        TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, TEXTOID,
    ],
);

static FORGET: Statement = Statement::new(
    "delete from capconduit.live_calls where uniqueid = $1",
    &[TEXTOID],
);

/// Writes the call's row, then takes the slot: the hot row comes last, so it is locked for the shortest time.
/// `None`: the link is full, and the row must go again.
fn reserve(
    number: &str,
    caller: &Caller,
    dialled: &Dialled,
    campaign: &Campaign,
    links: &[Link],
    verdicts: &[Verdict],
    index: usize,
) -> Option<Answer> {
    let link = &links[index];
    let turn = (campaign.strategy == Strategy::RoundRobin).then(|| select::next_turn(links));
    let timeout = outcome::attempt_timeout(campaign.dial_timeout_seconds, campaign.max_ring_seconds)
        .unwrap_or(campaign.dial_timeout_seconds);
    let max_call_seconds = guc::MAX_CALL_SECONDS.get();
    let decision = decision::describe(links, verdicts, Some(index));
    let rows = REMEMBER.run(&[
        arg(caller.uniqueid),
        arg(caller.linkedid),
        arg(caller.node),
        arg(dialled.user_id),
        arg(campaign.id),
        arg(dialled.did_id),
        arg(number),
        arg(campaign.strategy.name()),
        arg(link.id),
        arg(link.client_id),
        arg(caller.number),
        arg(caller.name),
        arg(campaign.dial_timeout_seconds),
        arg(timeout),
        arg(campaign.max_ring_seconds),
        arg(max_call_seconds),
        arg(decision.as_str()),
    ]);
    let caller_id = rows.first().and_then(|columns| columns.get());
    if !take_slot(link, turn) {
        return None;
    }
    if let Some(node) = caller.node {
        node::note_call(node);
    }
    Some(Answer::target(
        1,
        link,
        campaign.id,
        timeout,
        max_call_seconds,
        caller_id,
        decision,
    ))
}
