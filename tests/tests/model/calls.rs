//! The model's call functions: what route_call, next_target and call_answered must answer and leave behind.

use capconduit_tests::Target;

use super::answer::{Answer, MISUSE, Seen, refused};
use super::callers::{Former, Scope, Who};
use super::caps::let_through;
use super::counting::End;
use super::judge::{
    Judged, choose, describe, full_above, full_ahead, has_room, judge, none_takes_it, stop, verdict,
};
use super::lost::close;
use super::memory::{Between, scopes};
use super::meters::{Subject, Tally};
use super::rows::{Attempt, Call, Micros, Parties};
use super::world::{
    Learn, MAX_CALL_SECONDS, MAX_RING_SECONDS, SECOND, World, caller_id_of, identifier_of, number_of,
};

/// What log_call is given.
pub type Given = capconduit_tests::Record;

#[derive(Debug, Clone)]
pub struct RouteArgs {
    pub uniqueid: String,
    pub number: String,
    pub node: Option<String>,
    pub caller: Option<String>,
}

pub fn route(world: &mut World, args: &RouteArgs, seen: &Seen) -> Answer {
    if let Some(call) = world.rows.calls.get(&args.uniqueid) {
        let other_node = matches!((&call.node, &args.node), (Some(theirs), Some(ours)) if theirs != ours);
        if call.did_number != args.number || other_node {
            return refused(MISUSE);
        }
        return present(call);
    }
    if world.rows.records.contains_key(&args.uniqueid) {
        return reject("call_ended", 16, None, None);
    }
    if let Some(look) = &seen.look
        && let Some(answer) = route_by(look, world, args, seen)
    {
        return answer;
    }
    // What was chosen is full by now, so it has looked again.
    route_by(&world.clone(), world, args, seen).expect("what is chosen now has room now")
}

/// What a route would answer that closes nothing: the reason, or the link.
pub fn foretell(world: &World, did: i64, caller: Option<&str>, seen: &Seen) -> (Option<String>, Option<i64>) {
    let (mut who, number, at) = (Who::calls(caller), number_of(did), seen.at());
    let rejected = |reason: &str| (Some(reason.to_owned()), None);
    match stop(world, &number, &who, at) {
        (Some((reason, _)), _) => rejected(reason),
        (None, campaign) => {
            let campaign = campaign.expect("nothing stops the call");
            who.former = world.former(world.dids[&did].user, campaign, &who, at);
            let judged = judge(world, campaign, &[], &who, at);
            let strategy = world.campaigns[&campaign].strategy;
            match choose(world, strategy, &judged, who.former, seen.drawn) {
                Some(link) => (None, Some(link)),
                None => rejected(none_takes_it(&judged).0),
            }
        }
    }
}

/// What a call is counted by, beside its link and that one's client.
fn above(look: &World, number: &str, campaign_id: i64) -> Vec<Subject> {
    let (did_id, did) = look.did_by_number(number).expect("the DID is known");
    vec![
        Subject::Did(did_id),
        Subject::Campaign(campaign_id),
        Subject::Seller(did.user),
    ]
}

/// Chooses by that look and takes a slot in this world; `None` where what was chosen does not hold any more.
fn route_by(look: &World, world: &mut World, args: &RouteArgs, seen: &Seen) -> Option<Answer> {
    let at = seen.at();
    let mut who = Who::calls(args.caller.as_deref());
    let (stopped, campaign) = stop(look, &args.number, &who, at);
    let stopped = stopped.map(|(reason, cause)| (reason, reject(reason, cause, campaign, None)));
    let full = match &stopped {
        None => None,
        Some((reason, answer)) => {
            let full = full_above(look, &args.number, reason);
            let full = full.filter(|full| !expired_of(look, *full, None, seen).is_empty());
            if full.is_none() {
                return Some(answer.clone());
            }
            full
        }
    };
    let campaign_id = campaign.expect("nothing else stops the call");
    let strategy = look.campaigns[&campaign_id].strategy;
    if !has_turn(look, world, campaign_id, strategy) {
        return None;
    }
    let above = above(look, &args.number, campaign_id);
    let (_, did) = look.did_by_number(&args.number).expect("the DID is known");
    let of_call = [Scope::Campaign(campaign_id), Scope::Seller(did.user)];
    let of_links = look
        .links_of(campaign_id)
        .into_iter()
        .flat_map(|id| scopes(look, id));
    // Nobody else works on its caller, where one of these remembers it.
    let remembering: Vec<Scope> = of_links.chain(of_call).collect();
    if remembering.iter().any(|scope| look.is_ruled(*scope)) && !look.remembers_as(world, &remembering, &who)
    {
        return None;
    }
    who.former = look.former(did.user, campaign_id, &who, at);
    let judged = judge(look, campaign_id, &[], &who, at);
    let chosen = choose(look, strategy, &judged, who.former, seen.drawn);
    let takes =
        |world: &World, link: i64| has_room(look, world, link, at) && let_through(look, world, &above, at);
    let rejected = |judged: &Judged| {
        let (reason, cause) = none_takes_it(judged);
        reject(reason, cause, campaign, Some(describe(judged, None)))
    };
    let ahead = full_ahead(look, strategy, &judged, who.former, chosen);
    let mut emptied = ahead.into_iter().filter_map(|id| {
        let closed = without_expired(world, expired_on(look, world, id, seen), seen)?;
        Some((id, closed))
    });
    let taken_over = match (full, chosen, &stopped) {
        // What is above the links is full: with its own calls closed, the link that is chosen may take it.
        (Some(full), Some(id), Some((_, answer))) => {
            let closed = without_expired(world, expired_of(world, full, Some(seen), seen), seen);
            match closed.filter(|closed| takes(closed, id)) {
                Some(closed) => Some((id, closed)),
                None => return Some(answer.clone()),
            }
        }
        // Or with those of a full link, if they are its own, too.
        (Some(_), None, Some((_, answer))) => match emptied.next() {
            Some((id, closed)) if takes(&closed, id) => Some((id, closed)),
            Some(_) => return Some(answer.clone()),
            None => return Some(rejected(&judged)),
        },
        _ => emptied.find(|(id, closed)| takes(closed, *id)),
    };
    let link_id = match taken_over {
        Some((id, closed)) => {
            *world = closed;
            id
        }
        None => match chosen {
            Some(id) if takes(world, id) => id,
            Some(_) => return None,
            None => return Some(rejected(&judged)),
        },
    };
    let decision = describe(&judged, Some(link_id));
    Some(reserve(
        look,
        world,
        args,
        campaign_id,
        link_id,
        &who,
        decision,
        seen,
    ))
}

type Expired = Vec<(String, &'static str)>;

/// Calls that hold a slot beyond their lease; with `closing` without those that somebody else works on.
fn expired(world: &World, closing: Option<&Seen>, seen: &Seen, of: impl Fn(&Call) -> bool) -> Expired {
    let calls = world.rows.calls.iter().filter(|(id, call)| {
        of(call)
            && call.holds_slot
            && call.lease_until < seen.now
            && closing.is_none_or(|seen| !seen.locked.contains(*id))
    });
    calls.map(|(id, _)| (id.clone(), "lease expired")).collect()
}

fn expired_of(world: &World, full: Subject, closing: Option<&Seen>, seen: &Seen) -> Expired {
    expired(world, closing, seen, |call| match full {
        Subject::Did(id) => call.did_id == id,
        Subject::Campaign(id) => call.campaign_id == id,
        _ => call.user_id == full.id(),
    })
}

/// Of a full link, or of its full client.
fn expired_on(look: &World, world: &World, link_id: i64, seen: &Seen) -> Expired {
    let client = look.links[&link_id].client;
    let verdict = verdict(look, link_id, &[], &Who::default(), seen.at());
    let of_client = ["client_concurrent_cap", "client_seats"].contains(&verdict);
    expired(world, Some(seen), seen, |call| {
        call.link_id == link_id || of_client && call.client_id == client
    })
}

/// The world after these were closed, if there are any.
fn without_expired(world: &World, expired: Expired, seen: &Seen) -> Option<World> {
    let mut closed = world.clone();
    close(&mut closed, &expired, seen.now);
    (!expired.is_empty()).then_some(closed)
}

#[allow(clippy::too_many_arguments)]
fn reserve(
    look: &World,
    world: &mut World,
    args: &RouteArgs,
    campaign_id: i64,
    link_id: i64,
    who: &Who,
    decision: String,
    seen: &Seen,
) -> Answer {
    let campaign = &look.campaigns[&campaign_id];
    let (did_id, did) = look.did_by_number(&args.number).expect("the DID is known");
    let user_id = did.user;
    let client_id = look.links[&link_id].client;
    let mut subjects = vec![Subject::Link(link_id), Subject::Client(client_id)];
    subjects.extend(above(look, &args.number, campaign_id));
    let reserved = take(look, world, link_id, campaign.strategy, &subjects, seen.at());
    let [link, client] = scopes(look, link_id);
    let scopes = [link, client, Scope::Campaign(campaign_id), Scope::Seller(user_id)];
    let awaited = who.number.as_ref().is_some_and(|caller| {
        let at = Between::exactly(seen.at());
        world.remember(look, &args.uniqueid, caller, &scopes, client_id, at)
    });
    let max_ring = campaign.max_ring.unwrap_or(MAX_RING_SECONDS);
    let call = Call {
        linkedid: None,
        node: args.node.clone(),
        user_id,
        campaign_id,
        did_id,
        did_number: args.number.clone(),
        strategy: campaign.strategy.to_owned(),
        link_id,
        client_id,
        holds_slot: true,
        attempt: 1,
        tried: Vec::new(),
        caller_number: args.caller.clone(),
        caller_name: None,
        routed_at: seen.now,
        attempt_at: reserved,
        answered_at: None,
        dial_timeout: campaign.dial_timeout,
        attempt_timeout: campaign.dial_timeout.min(max_ring),
        ring_deadline: seen.now + Micros::from(max_ring) * SECOND,
        max_call_seconds: MAX_CALL_SECONDS,
        lease_until: seen.now + Micros::from(MAX_CALL_SECONDS + 60) * SECOND,
        end_reason: None,
        end_cause: None,
        absent_since: None,
        last_listed_at: None,
        decision,
        qualify: qualify(look, link_id),
        awaited,
        same_client_only: who.former.is_some_and(|former| former.only),
    };
    let answer = present(&call);
    world.rows.calls.insert(args.uniqueid.clone(), call);
    if let Some(node) = &args.node {
        world.learn.push(Learn::LastCall(node.clone(), seen.now));
    }
    answer
}

/// Turns of a round robin are taken one after the other: no look is older than the turn before.
fn has_turn(look: &World, world: &World, campaign_id: i64, strategy: &str) -> bool {
    let turn = |world: &World, id: i64| world.rows.counters.get(&id).map(|counter| counter.last_seq);
    let mut links = look.links_of(campaign_id).into_iter();
    strategy != "round_robin" || links.all(|id| turn(world, id).is_none_or(|seq| Some(seq) == turn(look, id)))
}

/// How long a call talks to be a good one: the campaigns of these tests have the default.
pub fn qualify(look: &World, link_id: i64) -> i32 {
    look.links[&link_id].qualify.unwrap_or(QUALIFY)
}

pub const QUALIFY: i32 = 30;

/// A slot, and in a round robin the turn. It belongs to an instant that is in the present windows of all that count it.
fn take(
    look: &World,
    world: &mut World,
    link_id: i64,
    strategy: &str,
    subjects: &[Subject],
    at: Micros,
) -> Micros {
    let counter = world.counter(link_id).expect("a link has a counter");
    if strategy == "round_robin" {
        let links = look.links_of(look.links[&link_id].campaign);
        let latest = links.iter().map(|id| look.rows.counters[id].last_seq).max();
        counter.last_seq = latest.unwrap_or(0) + 1;
    }
    counter.active += 1;
    counter.reserved_at = Some(at);
    let reserved = world.reserves_at(subjects, at);
    world.offer(subjects, at, reserved);
    reserved
}

fn present(call: &Call) -> Answer {
    let ok = call.end_reason.is_none();
    let identifier = ok.then(|| identifier_of(call.client_id));
    Answer::Target(Box::new(Target {
        status: if ok { "ok" } else { "reject" }.to_owned(),
        reason: call.end_reason.clone(),
        hangup_cause: call.end_cause,
        attempt: Some(call.attempt),
        link_id: ok.then_some(call.link_id),
        dial: identifier
            .as_ref()
            .map(|identifier| format!("PJSIP/{identifier}")),
        client_identifier: identifier,
        dial_timeout_seconds: ok.then_some(call.attempt_timeout),
        max_call_seconds: ok.then_some(call.max_call_seconds),
        caller_id: caller_id_of(call.client_id).filter(|_| ok),
        campaign_id: Some(call.campaign_id),
        decision: Some(call.decision.clone()),
    }))
}

fn reject(reason: &str, cause: i32, campaign_id: Option<i64>, decision: Option<String>) -> Answer {
    Answer::Target(Box::new(Target {
        status: "reject".to_owned(),
        reason: Some(reason.to_owned()),
        hangup_cause: Some(cause),
        attempt: None,
        link_id: None,
        client_identifier: None,
        dial: None,
        dial_timeout_seconds: None,
        max_call_seconds: None,
        caller_id: None,
        campaign_id,
        decision: decision.filter(|text| !text.is_empty()),
    }))
}

pub fn next(
    world: &mut World,
    uniqueid: &str,
    failed: i32,
    dial_status: &str,
    cause: Option<i32>,
    seen: &Seen,
) -> Answer {
    if failed < 1 {
        return refused(MISUSE);
    }
    let Some(mut call) = world.rows.calls.get(uniqueid).cloned() else {
        return reject("call_ended", 16, None, None);
    };
    if failed == call.attempt - 1 || (failed == call.attempt && call.end_reason.is_some()) {
        return present(&call);
    }
    if failed != call.attempt {
        return refused(MISUSE);
    }
    let key = (uniqueid.to_owned(), call.attempt);
    let attempt = Attempt {
        user_id: call.user_id,
        link_id: call.link_id,
        client_id: call.client_id,
        dial_status: if dial_status.is_empty() {
            "CHANUNAVAIL"
        } else {
            dial_status
        }
        .to_owned(),
        cause,
        started_at: call.attempt_at,
        ended_at: 0,
    };
    world.rows.attempts.insert(key.clone(), attempt);
    world.learn.push(Learn::AttemptEnded(key, seen.now, seen.after));
    if let Some(node) = &call.node {
        world.learn.push(Learn::LastCall(node.clone(), seen.now));
    }
    // The budget runs while the function does: where that matters, its answer tells how much was left.
    let left = |at: Micros| (call.ring_deadline - at).div_euclid(SECOND) as i32;
    let (least, most) = (left(seen.after), left(seen.now));
    let spent = most < 5 || (least < 5 && seen.reason.as_deref() == Some("ring_budget_spent"));
    if spent {
        return end(world, uniqueid, call, "ring_budget_spent", 19, seen);
    }
    let range = call.dial_timeout.min(least.max(5))..=call.dial_timeout.min(most);
    let timeout = seen
        .timeout
        .filter(|timeout| range.contains(timeout))
        .unwrap_or(*range.start());
    let mut tried = call.tried.clone();
    tried.push(call.link_id);
    let caller = call.caller_number.as_deref();
    let who = Who {
        former: call.same_client_only.then_some(Former {
            client: call.client_id,
            only: true,
        }),
        ..Who::calls(caller)
    };
    // As a route: by that look, or anew where what was chosen does not hold any more.
    let by = |look: &World| {
        let judged = judge(look, call.campaign_id, &tried, &who, seen.at());
        let chosen = choose(look, &call.strategy, &judged, None, seen.drawn);
        let links = look.links_of(call.campaign_id).into_iter();
        let scopes: Vec<Scope> = links.flat_map(|id| scopes(look, id)).collect();
        let holds = has_turn(look, world, call.campaign_id, &call.strategy)
            && look.remembers_as(world, &scopes, &who)
            && chosen.is_none_or(|id| has_room(look, world, id, seen.at()));
        holds.then_some((judged, chosen))
    };
    let newest = world.clone();
    let earlier = seen.look.as_deref();
    let (look, (judged, chosen)) = earlier
        .and_then(|look| Some((look, by(look)?)))
        .unwrap_or_else(|| (&newest, by(&newest).expect("what is chosen now has room now")));
    let Some(link_id) = chosen else {
        call.decision = format!(
            "{};{}:{}",
            call.decision,
            call.attempt + 1,
            describe(&judged, None)
        );
        let busy = world
            .rows
            .attempts
            .iter()
            .any(|((id, _), attempt)| id == uniqueid && attempt.dial_status == "BUSY");
        return end(
            world,
            uniqueid,
            call,
            "no_more_targets",
            if busy { 17 } else { 19 },
            seen,
        );
    };
    // For what is above them the call stays what it is.
    give_back(world, &call);
    let left = Parties {
        user: None,
        ..call.parties()
    };
    let slot = End {
        parties: left,
        change: Tally::default().without_slot(call.holds_slot),
        reserved: call.attempt_at,
        first: call.attempt_at,
    };
    world.settle(&[slot], seen.now, seen.after);
    let client_id = look.links[&link_id].client;
    let subjects = [Subject::Link(link_id), Subject::Client(client_id)];
    call.attempt_at = take(look, world, link_id, &call.strategy, &subjects, seen.at());
    call.qualify = qualify(look, link_id);
    if call.awaited {
        world.pass_on(uniqueid, client_id);
    }
    if let Some(caller) = &who.number {
        let at = Between(seen.at(), seen.after);
        call.awaited |= world.remember(look, uniqueid, caller, &scopes(look, link_id), client_id, at);
    }
    call.decision = format!(
        "{};{}:{}",
        call.decision,
        call.attempt + 1,
        describe(&judged, Some(link_id))
    );
    call.tried = tried;
    call.link_id = link_id;
    call.client_id = client_id;
    call.holds_slot = true;
    call.attempt += 1;
    call.attempt_timeout = timeout;
    let answer = present(&call);
    world.rows.calls.insert(uniqueid.to_owned(), call);
    answer
}

fn end(world: &mut World, uniqueid: &str, mut call: Call, reason: &str, cause: i32, seen: &Seen) -> Answer {
    give_back(world, &call);
    let slot = End {
        parties: call.parties(),
        change: Tally::default().without_slot(call.holds_slot),
        reserved: call.attempt_at,
        first: world.first_attempt(uniqueid).unwrap_or(call.attempt_at),
    };
    world.settle(&[slot], seen.now, seen.after);
    // Nobody can have its caller any more.
    world.lose_caller(uniqueid, false, seen.now);
    call.holds_slot = false;
    call.end_reason = Some(reason.to_owned());
    call.end_cause = Some(cause);
    let answer = present(&call);
    world.rows.calls.insert(uniqueid.to_owned(), call);
    answer
}

pub fn give_back(world: &mut World, call: &Call) {
    if call.holds_slot
        && let Some(counter) = world.counter(call.link_id)
    {
        counter.active -= 1;
    }
}

pub fn answered(world: &mut World, uniqueid: &str, seen: &Seen) -> Answer {
    let status = match world.rows.calls.get_mut(uniqueid) {
        Some(call) => {
            call.answered_at = call.answered_at.or(Some(seen.now));
            if let Some(node) = call.node.clone() {
                world.learn.push(Learn::LastCall(node, seen.now));
            }
            "ok"
        }
        None => "not_in_flight",
    };
    Answer::Status(status.to_owned())
}
