//! The model's call functions: what route_call, next_target and call_answered must answer and leave behind.

use capconduit_tests::Target;

use super::answer::{Answer, MISUSE, Seen, refused};
use super::judge::{choose, describe, full_ahead, has_room, is_freed_by_calls, judge, stop, verdict};
use super::lost::close;
use super::rows::{Attempt, Call, Micros};
use super::world::{Learn, MAX_CALL_SECONDS, MAX_RING_SECONDS, SECOND, World, caller_id_of, identifier_of};

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

/// Chooses by that look and takes a slot in this world; `None` where what was chosen does not hold any more.
fn route_by(look: &World, world: &mut World, args: &RouteArgs, seen: &Seen) -> Option<Answer> {
    let (stopped, campaign) = stop(look, &args.number);
    if let Some((reason, cause)) = stopped {
        return Some(reject(reason, cause, campaign, None));
    }
    let campaign_id = campaign.expect("nothing stops the call");
    let strategy = look.campaigns[&campaign_id].strategy;
    if !has_turn(look, world, campaign_id, strategy) {
        return None;
    }
    let judged = judge(look, campaign_id, &[], seen.now);
    let chosen = choose(look, strategy, &judged, seen.drawn);
    let taken_over = full_ahead(look, strategy, &judged, chosen)
        .into_iter()
        .find_map(|id| take_over(look, world, id, seen).map(|closed| (id, closed)));
    let link_id = match taken_over {
        Some((id, closed)) => {
            *world = closed;
            id
        }
        None => match chosen {
            Some(id) if has_room(look, world, id, seen.now) => id,
            Some(_) => return None,
            None => {
                let full = judged
                    .iter()
                    .any(|(_, verdict)| is_freed_by_calls(verdict) || *verdict == "spacing");
                let capped = judged.iter().any(|(_, verdict)| *verdict == "link_total_cap");
                let closed = judged.iter().any(|(_, verdict)| verdict.ends_with("_closed"));
                let (reason, cause) = if full {
                    ("no_eligible_clients_available", 17)
                } else if capped {
                    ("all_capped", 17)
                } else if closed {
                    ("all_closed", 20)
                } else {
                    ("no_active_clients_in_campaign", 20)
                };
                let decision = describe(&judged, None);
                return Some(reject(reason, cause, Some(campaign_id), Some(decision)));
            }
        },
    };
    let decision = describe(&judged, Some(link_id));
    Some(reserve(look, world, args, campaign_id, link_id, decision, seen))
}

/// The world after the expired leases of a full link, or of its full client, were closed, if that makes room on it.
fn take_over(look: &World, world: &World, link_id: i64, seen: &Seen) -> Option<World> {
    let client = look.links[&link_id].client;
    let of_client = verdict(look, link_id, &[], seen.now) == "client_concurrent_cap";
    let expired: Vec<(String, &str)> = world
        .rows
        .calls
        .iter()
        .filter(|(id, call)| {
            (call.link_id == link_id || of_client && call.client_id == client)
                && call.holds_slot
                && call.lease_until < seen.now
                && !seen.locked.contains(*id)
        })
        .map(|(id, _)| (id.clone(), "lease expired"))
        .collect();
    let mut closed = world.clone();
    close(&mut closed, &expired, seen.now);
    (!expired.is_empty() && has_room(look, &closed, link_id, seen.now)).then_some(closed)
}

fn reserve(
    look: &World,
    world: &mut World,
    args: &RouteArgs,
    campaign_id: i64,
    link_id: i64,
    decision: String,
    seen: &Seen,
) -> Answer {
    let campaign = &look.campaigns[&campaign_id];
    let (did_id, did) = look.did_by_number(&args.number).expect("the DID is known");
    let user_id = did.user;
    take(look, world, link_id, campaign.strategy, seen.now);
    let max_ring = campaign.max_ring.unwrap_or(MAX_RING_SECONDS);
    let client_id = look.links[&link_id].client;
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
        attempt_at: seen.now,
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
    };
    let answer = present(&call);
    world.rows.calls.insert(args.uniqueid.clone(), call);
    world.learn.push(Learn::AttemptAt(
        args.uniqueid.clone(),
        link_id,
        seen.now,
        seen.after,
    ));
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

/// A slot, and in a round robin the turn.
fn take(look: &World, world: &mut World, link_id: i64, strategy: &str, now: Micros) {
    let counter = world.counter(link_id).expect("a link has a counter");
    if strategy == "round_robin" {
        let links = look.links_of(look.links[&link_id].campaign);
        let latest = links.iter().map(|id| look.rows.counters[id].last_seq).max();
        counter.last_seq = latest.unwrap_or(0) + 1;
    }
    counter.active += 1;
    counter.offered += 1;
    counter.reserved_at = Some(now);
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
        return end(world, uniqueid, call, "ring_budget_spent", 19);
    }
    let range = call.dial_timeout.min(least.max(5))..=call.dial_timeout.min(most);
    let timeout = seen
        .timeout
        .filter(|timeout| range.contains(timeout))
        .unwrap_or(*range.start());
    let mut tried = call.tried.clone();
    tried.push(call.link_id);
    // As a route: by that look, or anew where what was chosen does not hold any more.
    let by = |look: &World| {
        let judged = judge(look, call.campaign_id, &tried, seen.now);
        let chosen = choose(look, &call.strategy, &judged, seen.drawn);
        let holds = has_turn(look, world, call.campaign_id, &call.strategy)
            && chosen.is_none_or(|id| has_room(look, world, id, seen.now));
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
        );
    };
    give_back(world, &call);
    take(look, world, link_id, &call.strategy, seen.now);
    call.decision = format!(
        "{};{}:{}",
        call.decision,
        call.attempt + 1,
        describe(&judged, Some(link_id))
    );
    call.tried = tried;
    call.link_id = link_id;
    call.client_id = look.links[&link_id].client;
    call.holds_slot = true;
    call.attempt += 1;
    call.attempt_timeout = timeout;
    world.learn.push(Learn::AttemptAt(
        uniqueid.to_owned(),
        link_id,
        seen.now,
        seen.after,
    ));
    let answer = present(&call);
    world.rows.calls.insert(uniqueid.to_owned(), call);
    answer
}

fn end(world: &mut World, uniqueid: &str, mut call: Call, reason: &str, cause: i32) -> Answer {
    give_back(world, &call);
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
