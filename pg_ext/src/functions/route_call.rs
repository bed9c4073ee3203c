//! `route_call`: which client gets this call now. One slot is taken, or nothing is written.

use std::cell::Cell;

use capconduit_core::facts::Dialled;
use capconduit_core::gates::caps;
use capconduit_core::stopped::Full;
use capconduit_core::{Asked, Link, Reject, Strategy, Subject, Verdict, did, gates, select, stopped, text};
use pgrx::pg_extern;

use crate::calls::counters::wait_for;
use crate::calls::door::{Answered, Door, Inside};
use crate::calls::facts::{count_as_marked, read_dialled};
use crate::calls::hot_row::Changed;
use crate::calls::links::{first_taker, read_links, uniform};
use crate::calls::live_call::{Answer, Decision, read_live, refuse_another, take_live};
use crate::calls::locks::lock_caller;
use crate::calls::overflow::{Leaving, former_of, leave_at_route};
use crate::calls::reservation::{Caller, Choice};
use crate::calls::turns::Turns;
use crate::calls::{leases, rejects};
use crate::functions::arguments;
use crate::postgres::argument::arg;
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::result_row::ResultRow;
use crate::postgres::savepoint::Savepoint;
use crate::postgres::tables::{call_logs, live_calls};

#[pg_extern(sql = false)]
fn route_call(
    did: Option<&str>,
    uniqueid: Option<&str>,
    caller_number: Option<&str>,
    caller_name: Option<&str>,
    linkedid: Option<&str>,
    node: Option<&str>,
) -> ResultRow<Answer> {
    let caller = [uniqueid, caller_number, caller_name, linkedid, node, None];
    ResultRow(decide(did, caller, |target| target))
}

/// SQL's `route_call` too: the endpoint's settings with it, for a caller whose SIP Call-ID is to be known also when nobody
/// tells the call's end.
#[pg_extern(sql = false)]
fn route_sip_call(
    did: Option<&str>,
    uniqueid: Option<&str>,
    caller_number: Option<&str>,
    caller_name: Option<&str>,
    linkedid: Option<&str>,
    node: Option<&str>,
    sip_call_id: Option<&str>,
) -> ResultRow<Decision> {
    let caller = [uniqueid, caller_number, caller_name, linkedid, node, sip_call_id];
    ResultRow(decide(did, caller, Decision::of))
}

/// What the answer is completed by is read before the door closes.
fn decide<T>(did: Option<&str>, caller: [Option<&str>; 6], completed: fn(Answer) -> T) -> T {
    let door = Door::of("route_call");
    let [uniqueid, caller_number, caller_name, linkedid, node, sip_call_id] = caller;
    let caller = Caller {
        uniqueid: arguments::uniqueid(uniqueid),
        number: text::described(caller_number, text::NUMBER),
        name: text::described(caller_name, text::CALLER_NAME),
        linkedid: arguments::linkedid(linkedid),
        node: arguments::node(node),
        sip_call_id: text::described(sip_call_id, text::SIP_CALL_ID),
    };
    let did = did.unwrap_or_default();
    let number = did::normalize(did);
    let mut rejected = None;
    let mut complete = |answer: Answer| {
        rejected = answer.reject_reason().map(str::to_owned);
        completed(answer)
    };
    let answer = match &number {
        Some(number) => door.call(caller.uniqueid, |inside| {
            route(inside, number, &caller).map(&mut complete)
        }),
        None => complete(Answer::reject(Reject::InvalidDidInput, None, None)),
    };
    if let Some(reason) = rejected {
        rejects::note(&reason, number.as_deref().unwrap_or(did), caller.node);
    }
    answer
}

static LIVE: Lookup<live_calls::Of> = lookup!(live_calls by live_calls_pkey (Text):).before_write();
static RECORDED: Lookup<call_logs::Of> = lookup!(call_logs by call_logs_asterisk_uniqueid_key (Text):);

/// Everything that a decision rests on, as of one moment.
struct Seen {
    in_flight: bool,
    recorded: bool,
    dialled: Option<Dialled>,
    /// What is full and stops the call. The lease of one of its calls is over.
    full: Option<Subject>,
    /// None where a gate stops the call before.
    links: Vec<Link>,
    /// The number's campaign has nobody; full and links are of whom is asked then.
    leaving: Option<Leaving>,
    /// `false`: all is known of one that takes the call, and not of the others.
    is_whole: bool,
    /// See `At::ended_before`.
    ended_before: u64,
}

fn look(number: &str, uniqueid: &str, asked: &Asked<'_>, leaves: bool, wholly: bool) -> Seen {
    View::Fresh.look(|at| {
        // First: see `enter_live_calls`.
        let in_flight = LIVE.first(at, arg(uniqueid), |_| ()).is_some();
        let mut dialled = read_dialled(at, number, asked.caller);
        let (mut full, mut links, mut is_whole) = links_of(at, dialled.as_ref(), asked, wholly);
        if let Some(dialled) = &mut dialled
            && count_as_marked(at, dialled, links.iter().any(|link| link.seller_metered))
        {
            (full, links, is_whole) = links_of(at, Some(dialled), asked, wholly);
        }
        let mut leaving = None;
        if leaves
            && let Some(dialled) = &mut dialled
            && (full.is_some() || gates::admit(dialled, asked).is_ok())
        {
            leaving = leave_at_route(at, dialled, &mut links, asked);
            if let Some(beyond) = leaving.as_ref().and_then(|leaving| leaving.beyond.as_deref()) {
                let full_beyond;
                (full_beyond, links, is_whole) = links_of(at, Some(beyond), asked, wholly);
                full = full.or(full_beyond);
                dialled.beyond = beyond.campaign.clone().map(Box::new);
            }
        }
        Seen {
            in_flight,
            recorded: RECORDED.first(at, arg(uniqueid), |_| ()).is_some(),
            dialled,
            full,
            links,
            leaving,
            is_whole,
            ended_before: at.ended_before(),
        }
    })
}

/// What is full above them, if calls of it have expired leases; the links that may be asked; and whether all is known of them.
fn links_of(
    at: At,
    dialled: Option<&Dialled>,
    asked: &Asked<'_>,
    wholly: bool,
) -> (Option<Subject>, Vec<Link>, bool) {
    let Some(dialled) = dialled else {
        return (None, Vec::new(), true);
    };
    let (full, campaign) = match gates::admit(dialled, asked) {
        Ok(campaign) => (None, Some(campaign)),
        Err(gate) => {
            let full = caps::full(gate, dialled).filter(|full| leases::expired_of(*full));
            (full, dialled.campaign.as_ref().filter(|_| full.is_some()))
        }
    };
    let (links, is_whole) = match campaign {
        None => (Vec::new(), true),
        // Whose turn it is will be asked with the campaign's lock: until then it is enough that somebody takes the call.
        Some(campaign) if campaign.strategy == Strategy::RoundRobin && !wholly => {
            let found = first_taker(at, campaign, asked);
            let is_whole = found.link().is_err();
            (found.links, is_whole)
        }
        Some(campaign) => (
            read_links(at, campaign.id, &campaign.overflow, asked.caller),
            true,
        ),
    };
    (full, links, is_whole)
}

/// What a call remembers from one round to the next.
#[derive(Default)]
struct Rounds {
    turns: Option<Turns>,
    /// Full links whose expired leases were closed.
    looked_at: Vec<i64>,
    /// The same of what else the call is counted by.
    emptied: Vec<Subject>,
    /// Links whose counters another transaction holds.
    held: Vec<i64>,
    /// The number's campaign has nobody for the call, and says who is asked then.
    leaves: bool,
    /// No other call of its caller is at work where that matters.
    is_alone: bool,
    /// A look at some links was not enough.
    looks_wholly: bool,
    patience: Patience,
}

/// Chooses and reserves until a reservation holds. Each round looks at everything anew and waits for at most one
/// link's row: a link that filled up meanwhile is judged again with all others, so the strategy's order is kept and
/// nobody is refused because a row was momentarily locked; and what an administrator changed meanwhile counts.
fn route(inside: &Inside, number: &str, caller: &Caller) -> Answered<Answer> {
    let mut rounds = Rounds::default();
    loop {
        let asked = caller.asked();
        let wholly = rounds.looks_wholly || rounds.turns.is_some() || rounds.leaves;
        let seen = look(number, caller.uniqueid, &asked, rounds.leaves, wholly);
        if seen.in_flight
            && let Some(answer) = answer_again(inside, number, caller)
        {
            return answer;
        }
        // A call that ended between the two looks is recorded now.
        if seen.recorded || seen.in_flight {
            return inside.seen(Answer::reject(Reject::CallEnded, None, None));
        }
        let Some(dialled) = seen.dialled else {
            return Answered::passing(Answer::reject(Reject::DidNotFound, None, None));
        };
        let leaving = seen.leaving.as_ref();
        // Where it has somebody again it is left anew.
        rounds.leaves = leaving.is_some();
        let full = seen.full.filter(|full| !rounds.emptied.contains(full));
        let first = match (gates::admit(&dialled, &asked), &dialled.campaign, full) {
            (Ok(campaign), ..) | (Err(_), Some(campaign), Some(_)) => campaign,
            (Err(gate), campaign, _) => {
                let campaign_id = campaign.as_ref().map(|campaign| campaign.id);
                return Answered::passing(Answer::reject(gate.says, campaign_id, None));
            }
        };
        let beyond = leaving.and_then(|leaving| leaving.beyond.as_deref());
        if let (Some(leaving), Some(beyond), None) = (leaving, beyond, full)
            && let Err(gate) = gates::admit(beyond, &asked)
        {
            let decision = leaving.describe(gate.name.to_owned());
            return Answered::passing(Answer::reject(leaving.says, Some(first.id), Some(decision)));
        }
        let campaign = leaving.and_then(Leaving::campaign).unwrap_or(first);
        // The number may belong to another campaign by now: the savepoint is rolled back, which releases the old campaign's
        // lock. Holding one campaign's lock while waiting for another's could deadlock.
        if rounds
            .turns
            .take_if(|turns: &mut Turns| turns.campaign_id != campaign.id)
            .is_some()
        {
            continue;
        }
        let asked = Asked {
            former: former_of(&dialled, beyond, asked.at),
            ..asked
        };
        let choice = Choice {
            number,
            caller,
            asked: &asked,
            dialled: &dialled,
            campaign,
            leaving,
            full,
            links: &seen.links,
            is_whole: seen.is_whole,
            ended_before: Cell::new(seen.ended_before),
        };
        // Two calls of one caller at one instant: the later one sees the first. It comes before the campaign's turns.
        if let Some(caller) = choice.remembered()
            && !rounds.is_alone
        {
            rounds.turns = None;
            lock_caller(&caller);
            rounds.is_alone = true;
            continue;
        }
        if let Some(answer) = choice.take(inside, &mut rounds) {
            return answer;
        }
    }
}

/// The switch asks twice when it lost the reply: the same target again. Two calls with one id are a fault of the
/// switch's configuration, which must not put a caller on another caller's slot.
fn answer_again(inside: &Inside, number: &str, caller: &Caller) -> Option<Answered<Answer>> {
    let call = read_live(caller.uniqueid)?;
    if call.did_number != number || call.is_of_another_node(caller.node) {
        refuse_another(caller.uniqueid);
    }
    Some(inside.seen(Answer::present(&call)))
}

impl Choice<'_> {
    /// `None`: what was seen is not so any more, look again.
    fn take(&self, inside: &Inside, rounds: &mut Rounds) -> Option<Answered<Answer>> {
        let strategy = self.campaign.strategy;
        let verdicts = select::judge_beside(self.links, &rounds.held, self.asked);
        let chosen = select::choose(strategy, self.links, &verdicts, self.asked, &mut uniform);
        let mut full = stopped::full_ahead_of(strategy, self.links, &verdicts, self.asked, chosen);
        full.retain(|full| !rounds.looked_at.contains(&full.link_id) && !rounds.held.contains(&full.link_id));
        let expired = match (self.full, chosen) {
            (Some(calls_of), Some(chosen)) => Some(Full {
                link_id: self.links[chosen].id,
                calls_of,
            }),
            _ => leases::expired_on(&full),
        };
        let Some(index) = expired
            .and_then(|full| self.links.iter().position(|link| link.id == full.link_id))
            .or(chosen)
        else {
            if !self.is_whole {
                rounds.looks_wholly = true;
                return None;
            }
            if rounds.held.is_empty() {
                return self.nobody(&verdicts, rounds).map(Answered::passing);
            }
            // A held link is not a full one.
            rounds.held.clear();
            rounds.patience.nothing_else_has_room();
            return None;
        };
        // Closing calls locks their rows, then waits for counters. Nobody is to hold these by then.
        if let Some(full) = expired {
            let link = &self.links[index];
            let client = link.client_metered.then_some(Subject::Client(link.client_id));
            for subject in [Some(Subject::Link(link.id)), client].into_iter().flatten() {
                if !wait_for(subject, self.wait(rounds, rounds.turns.is_some())) {
                    rounds.held.push(full.link_id);
                    return None;
                }
            }
        }
        // What is closed to make room holds locks, and waiting for another link while holding them could deadlock: rolled
        // back, the savepoint releases them. A link that refuses leaves nothing locked.
        let others_wait = rounds.turns.is_some() || expired.is_some();
        let savepoint = match rounds.turns.take() {
            Some(turns) => Some(turns.savepoint),
            None if strategy == Strategy::RoundRobin => {
                rounds.turns = Some(Turns::lock(self.campaign.id));
                return None;
            }
            // Nor does one whose client, or what else the call is counted by, refuses.
            None => {
                let link = &self.links[index];
                (expired.is_some() || link.client_metered || link.seller_metered).then(Savepoint::begin)
            }
        };
        let armed = inside.arm();
        let released = match expired {
            Some(full) => leases::release_expired_on(armed, full, &rounds.patience),
            None => Ok(()),
        };
        // What was closed may have moved counters of other links, or the meter of another number: those have no order to what is next.
        let wait = match expired.map(|full| full.calls_of) {
            None => self.wait(rounds, others_wait),
            Some(Subject::Link(_)) if !self.links[index].seller_metered => self.wait(rounds, others_wait),
            Some(_) => Wait::Moment(&rounds.patience),
        };
        let taken = match released {
            Ok(()) => self.reserve(armed, &verdicts, index, wait, &rounds.patience),
            Err(subject) => Changed::Held(subject),
        };
        if let (Some(full), Changed::Done(_) | Changed::Refused) = (expired, &taken) {
            // Once each: a lowered cap, or calls that counted, may leave it full.
            match self.full {
                Some(subject) => rounds.emptied.push(subject),
                None => rounds.looked_at.push(full.link_id),
            }
        }
        match (&taken, savepoint) {
            (Changed::Done(_), Some(savepoint)) => savepoint.release(),
            (_, Some(savepoint)) => savepoint.rollback(),
            (Changed::Done(_), None) => {}
            (_, None) => {
                take_live(armed, &LIVE, self.caller.uniqueid, |_| (), |_| ());
            }
        }
        match taken {
            Changed::Done(answer) => Some(Answered::written(armed, answer)),
            Changed::Held(subject) => {
                if !wait_for(subject, self.wait(rounds, false)) {
                    match subject {
                        Subject::Link(_) | Subject::Client(_) => rounds.held.push(self.links[index].id),
                        // No other link helps.
                        _ => rounds.patience.nothing_else_has_room(),
                    }
                }
                None
            }
            Changed::Refused | Changed::Outdated => None,
        }
    }

    /// Of those that were asked. `None`: others are asked now.
    fn nobody(&self, verdicts: &[Verdict], rounds: &mut Rounds) -> Option<Answer> {
        let says = stopped::reject_reason(verdicts);
        if self.leaving.is_none() {
            let exit = stopped::exit(verdicts);
            rounds.leaves = exit.is_some_and(|exit| self.campaign.overflow.to(exit).is_some());
            if rounds.leaves {
                return None;
            }
        }
        Some(Answer::reject(
            self.leaving.map_or(says, |leaving| leaving.says),
            self.dialled.campaign.as_ref().map(|campaign| campaign.id),
            Some(self.describe(verdicts, None)),
        ))
    }

    /// How long to wait for counters; not long while the call holds what others wait for. A campaign's only link is
    /// all that there is to wait for.
    fn wait<'a>(&self, rounds: &'a Rounds, others_wait: bool) -> Wait<'a> {
        match (self.links.len(), others_wait) {
            (..=1, _) => Wait::Long,
            (_, true) => Wait::Moment(&rounds.patience),
            (_, false) => Wait::Patiently(&rounds.patience),
        }
    }
}
