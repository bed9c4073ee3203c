//! The model's call functions: what route_call, next_target and call_answered must answer and leave behind.

use capconduit_tests::Target;

use super::answer::{Answer, MISUSE, Seen, refused};
use super::callers::{Former, Scope, Who};
use super::caps::let_through;
use super::counting::End;
use super::judge::{asks, choose, full_above, full_ahead, has_room, none_takes_it, stop, verdict};
use super::lost::close;
use super::memory::{Between, scopes};
use super::meters::{Subject, Tally};
use super::overflow::{Asking, exit_of};
use super::rows::{Attempt, Call, Micros, Overflowed, Parties};
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
    let (who, number, at) = (Who::calls(caller), number_of(did), seen.at());
    let rejected = |reason: &str| (Some(reason.to_owned()), None);
    match stop(world, &number, &who, at) {
        (Some((reason, _)), _) => rejected(reason),
        (None, campaign) => {
            let campaign = campaign.expect("nothing stops the call");
            let former = world.former(asks(world.dids[&did].user, campaign), &who, at);
            let first = Asking::own(world, campaign, former, &[], &who, at);
            let reject = none_takes_it(&first.judged);
            if let Some(link) = chosen_of(world, &first, seen) {
                return (None, Some(link));
            }
            let then = first.then(world, exit_of(&first.judged), |_, _| Vec::new(), &who, at);
            match then.and_then(|then| chosen_of(world, &then, seen)) {
                Some(link) => (None, Some(link)),
                None => rejected(reject.0),
            }
        }
    }
}

/// The link that takes the call, where its campaign does.
fn chosen_of(look: &World, asking: &Asking, seen: &Seen) -> Option<i64> {
    let strategy = look.campaigns[&asking.campaign].strategy;
    let chosen = choose(look, strategy, &asking.judged, asking.former, seen.drawn);
    chosen.filter(|_| asking.stop.is_none())
}

/// What a call is counted by, beside its link and that one's client.
fn above(look: &World, number: &str, asking: &Asking) -> Vec<Subject> {
    let (did_id, did) = look.did_by_number(number).expect("the DID is known");
    let campaigns = [Some(asking.campaign), asking.left()];
    let campaigns = campaigns.into_iter().flatten().map(Subject::Campaign);
    [Subject::Did(did_id), Subject::Seller(did.user)]
        .into_iter()
        .chain(campaigns)
        .collect()
}

/// What remembers a call's caller, beside its link and that one's client.
fn of_call(user: i64, asking: &Asking) -> Vec<Scope> {
    let campaigns = [Some(asking.campaign), asking.left()];
    let campaigns = campaigns.into_iter().flatten().map(Scope::Campaign);
    campaigns.chain([Scope::Seller(user)]).collect()
}

/// What came of asking the links of one campaign.
enum Came {
    To(Answer),
    Nobody,
    /// What was chosen does not hold any more.
    Outdated,
}

/// What is full, and stops the call unless calls of it end whose leases are over; and what the call is told then.
type Full = (Subject, Answer);

/// Chooses by that look and takes a slot in this world; `None` where what was chosen does not hold any more.
fn route_by(look: &World, world: &mut World, args: &RouteArgs, seen: &Seen) -> Option<Answer> {
    let at = seen.at();
    let who = Who::calls(args.caller.as_deref());
    let (stopped, campaign) = stop(look, &args.number, &who, at);
    let has_expired = |full: &Subject| !expired_of(look, *full, None, seen).is_empty();
    let mut full: Option<Full> = None;
    if let Some((reason, cause)) = stopped {
        let answer = reject(reason, cause, campaign, None);
        match full_above(look, &args.number, reason).filter(has_expired) {
            Some(subject) => full = Some((subject, answer)),
            None => return Some(answer),
        }
    }
    let campaign = campaign.expect("nothing else stops the call");
    let (_, did) = look.did_by_number(&args.number).expect("the DID is known");
    let former = look.former(asks(did.user, campaign), &who, at);
    let first = Asking::own(look, campaign, former, &[], &who, at);
    match ask(look, world, args, &first, full.as_ref(), &who, seen) {
        Came::To(answer) => return Some(answer),
        Came::Outdated => return None,
        Came::Nobody => {}
    }
    let (reason, cause) = none_takes_it(&first.judged);
    let Some(then) = first.then(look, exit_of(&first.judged), |_, _| Vec::new(), &who, at) else {
        return Some(reject(reason, cause, Some(campaign), Some(first.describe(None))));
    };
    let rejected = reject(reason, cause, Some(campaign), Some(then.describe(None)));
    if let Some(gate) = then.stop
        && full.is_none()
    {
        let beyond = Subject::Campaign(then.campaign);
        if gate != "campaign_concurrent_cap" || !has_expired(&beyond) {
            return Some(rejected);
        }
        full = Some((beyond, rejected.clone()));
    }
    match ask(look, world, args, &then, full.as_ref(), &who, seen) {
        Came::To(answer) => Some(answer),
        Came::Nobody => Some(rejected),
        Came::Outdated => None,
    }
}

fn ask(
    look: &World,
    world: &mut World,
    args: &RouteArgs,
    asking: &Asking,
    full: Option<&Full>,
    who: &Who,
    seen: &Seen,
) -> Came {
    let at = seen.at();
    let strategy = look.campaigns[&asking.campaign].strategy;
    let above = above(look, &args.number, asking);
    let (_, did) = look.did_by_number(&args.number).expect("the DID is known");
    let links = look.links_of(asking.campaign).into_iter();
    let of_links = links.flat_map(|id| scopes(look, id));
    // Nobody else works on its caller, where one of these remembers it.
    let remembering: Vec<Scope> = of_links.chain(of_call(did.user, asking)).collect();
    if remembering.iter().any(|scope| look.is_ruled(*scope)) && !look.remembers_as(world, &remembering, who) {
        return Came::Outdated;
    }
    let (judged, former) = (&asking.judged, asking.former);
    let chosen = choose(look, strategy, judged, former, seen.drawn);
    let takes =
        |world: &World, link: i64| has_room(look, world, link, at) && let_through(look, world, &above, at);
    let ahead = full_ahead(look, strategy, judged, former, chosen);
    let mut emptied = ahead.into_iter().filter_map(|id| {
        let closed = without_expired(world, expired_on(look, world, id, seen), seen)?;
        Some((id, closed))
    });
    let taken_over = match (full, chosen) {
        // What is above the links is full: with its own calls closed, the link that is chosen may take it.
        (Some((full, answer)), Some(id)) => {
            let closed = without_expired(world, expired_of(world, *full, Some(seen), seen), seen);
            match closed.filter(|closed| takes(closed, id)) {
                Some(closed) => Some((id, closed)),
                None => return Came::To(answer.clone()),
            }
        }
        // Or with those of a full link, if they are its own, too.
        (Some((_, answer)), None) => match emptied.next() {
            Some((id, closed)) if takes(&closed, id) => Some((id, closed)),
            Some(_) => return Came::To(answer.clone()),
            None => return Came::Nobody,
        },
        (None, _) => emptied.find(|(id, closed)| takes(closed, *id)),
    };
    let link_id = match (&taken_over, chosen) {
        (Some((id, _)), _) => *id,
        (None, Some(id)) if takes(world, id) => id,
        (None, Some(_)) => return Came::Outdated,
        (None, None) => return Came::Nobody,
    };
    if !has_turn(look, world, asking.campaign, strategy) {
        return Came::Outdated;
    }
    if let Some((_, closed)) = taken_over {
        *world = closed;
    }
    Came::To(reserve(look, world, args, asking, link_id, who, seen))
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
        Subject::Campaign(id) => call.campaign_id == id || call.overflow.from == Some(id),
        _ => call.user_id == full.id(),
    })
}

/// Of a full link, or of its full client.
fn expired_on(look: &World, world: &World, link_id: i64, seen: &Seen) -> Expired {
    let client = look.links[&link_id].client;
    let verdict = verdict(look, link_id, Some(link_id), &[], &Who::default(), seen.at());
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

fn reserve(
    look: &World,
    world: &mut World,
    args: &RouteArgs,
    asking: &Asking,
    link_id: i64,
    who: &Who,
    seen: &Seen,
) -> Answer {
    let campaign = &look.campaigns[&asking.campaign];
    let (did_id, did) = look.did_by_number(&args.number).expect("the DID is known");
    let user_id = did.user;
    let client_id = look.links[&link_id].client;
    let mut subjects = vec![Subject::Link(link_id), Subject::Client(client_id)];
    subjects.extend(above(look, &args.number, asking));
    let reserved = take(look, world, link_id, campaign.strategy, &subjects, seen.at());
    let scopes = [&scopes(look, link_id)[..], &of_call(user_id, asking)].concat();
    let awaited = who.number.as_ref().is_some_and(|caller| {
        let at = Between::exactly(seen.at());
        world.remember(look, &args.uniqueid, caller, &scopes, client_id, at)
    });
    // All attempts together ring as long as the number's own campaign lets them.
    let first = &look.campaigns[&asking.left().unwrap_or(asking.campaign)];
    let max_ring = first.max_ring.unwrap_or(MAX_RING_SECONDS);
    let call = Call {
        linkedid: None,
        node: args.node.clone(),
        user_id,
        campaign_id: asking.campaign,
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
        decision: asking.describe(Some(link_id)),
        qualify: qualify(look, link_id),
        awaited,
        same_client_only: asking.former.is_some_and(|former| former.only),
        overflow: asking.brings(link_id, reserved),
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
    let mut tried = call.tried.clone();
    tried.push(call.link_id);
    let who = Who::calls(call.caller_number.as_deref());
    let former = call.same_client_only.then_some(Former {
        client: call.client_id,
        only: true,
    });
    let attempts = world.rows.attempts.iter();
    let offered: Vec<i64> = attempts
        .filter(|((id, _), _)| id == uniqueid)
        .map(|(_, attempt)| attempt.client_id)
        .collect();
    // In another campaign a client may have a link, too: nobody is asked twice.
    let cannot = |look: &World, campaign: i64, is_other: bool| {
        let links = look.links_of(campaign).into_iter();
        let had = |id: &i64| {
            tried.contains(id)
                || (is_other || call.overflow.from.is_some()) && offered.contains(&look.links[id].client)
        };
        links.filter(had).collect::<Vec<_>>()
    };
    // As a route: by that look, or anew where what was chosen does not hold any more.
    let by = |look: &World| {
        let at = seen.at();
        let own = cannot(look, call.campaign_id, false);
        let mut asking = Asking::own(look, call.campaign_id, former, &own, &who, at);
        let mut chosen = chosen_of(look, &asking, seen);
        if chosen.is_none()
            && call.overflow.exit.is_none()
            && let Some(then) = asking.then(
                look,
                Some("no_more_targets"),
                |id, other| cannot(look, id, other),
                &who,
                at,
            )
        {
            chosen = chosen_of(look, &then, seen);
            asking = then;
        }
        let links = look.links_of(asking.campaign).into_iter();
        let mut scopes: Vec<Scope> = links.flat_map(|id| scopes(look, id)).collect();
        let beyond = asking.left().map(|_| asking.campaign);
        scopes.extend(beyond.map(Scope::Campaign));
        let strategy = look.campaigns[&asking.campaign].strategy;
        let above: Vec<Subject> = beyond.map(Subject::Campaign).into_iter().collect();
        let holds = has_turn(look, world, asking.campaign, strategy)
            && look.remembers_as(world, &scopes, &who)
            && chosen.is_none_or(|id| has_room(look, world, id, at) && let_through(look, world, &above, at));
        holds.then_some((asking, chosen))
    };
    let newest = world.clone();
    let earlier = seen.look.as_deref();
    let (look, (asking, chosen)) = earlier
        .and_then(|look| Some((look, by(look)?)))
        .unwrap_or_else(|| (&newest, by(&newest).expect("what is chosen now has room now")));
    call.decision = format!(
        "{};{}:{}",
        call.decision,
        call.attempt + 1,
        asking.describe(chosen)
    );
    let Some(link_id) = chosen else {
        let busy = world
            .rows
            .attempts
            .iter()
            .any(|((id, _), attempt)| id == uniqueid && attempt.dial_status == "BUSY");
        let cause = if busy { 17 } else { 19 };
        return end(world, uniqueid, call, "no_more_targets", cause, seen);
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
        overflow: Overflowed::default(),
    };
    world.settle(&[slot], seen.now, seen.after);
    let client_id = look.links[&link_id].client;
    let beyond = asking.left().map(|_| asking.campaign);
    let mut subjects = vec![Subject::Link(link_id), Subject::Client(client_id)];
    subjects.extend(beyond.map(Subject::Campaign));
    let campaign = &look.campaigns[&asking.campaign];
    if beyond.is_some() {
        call.strategy = campaign.strategy.to_owned();
        call.dial_timeout = campaign.dial_timeout;
        call.campaign_id = asking.campaign;
        call.same_client_only = asking.former.is_some_and(|former| former.only);
    }
    let range = call.dial_timeout.min(least.max(5))..=call.dial_timeout.min(most);
    let timeout = seen
        .timeout
        .filter(|timeout| range.contains(timeout))
        .unwrap_or(*range.start());
    call.attempt_at = take(look, world, link_id, &call.strategy, &subjects, seen.at());
    let overflow = asking.brings(link_id, call.attempt_at);
    if overflow.exit.is_some() {
        call.overflow = overflow;
    }
    call.qualify = qualify(look, link_id);
    if call.awaited {
        world.pass_on(uniqueid, client_id);
    }
    if let Some(caller) = &who.number {
        let at = Between(seen.at(), seen.after);
        let mut scopes = scopes(look, link_id).to_vec();
        scopes.extend(beyond.map(Scope::Campaign));
        call.awaited |= world.remember(look, uniqueid, caller, &scopes, client_id, at);
    }
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
        overflow: call.overflow.clone(),
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
