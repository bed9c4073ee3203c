//! `next_target`: the attempt failed; who is next. The slot moves, or is given back and the caller is told why.

use capconduit_core::callers::Former;
use capconduit_core::cap::Capped;
use capconduit_core::facts::{Campaign, Dialled};
use capconduit_core::gates::callers::{former, strictest};
use capconduit_core::overflow::{Exit, Overflow};
use capconduit_core::{Asked, Link, Reject, Strategy, Subject, Verdict, decision, gates, outcome, select};
use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::callers::{self, Remembering};
use crate::calls::counters::{take_slot, wait_for};
use crate::calls::door::{Answered, Door, Inside};
use crate::calls::facts::{
    AfterFailure, read_after_failure, read_beyond, read_caller_id, read_seller_marked,
};
use crate::calls::hot_row::Changed;
use crate::calls::links::{are_set_as_before, read_links, uniform};
use crate::calls::live_call::{
    Answer, Attempt, Decision, LiveCall, end_live, move_live, read_live, refuse_another,
};
use crate::calls::locks::lock_caller;
use crate::calls::memory::{self, Memory, Outcome};
use crate::calls::meters::{self, Limits, Metered, is_seller_metered};
use crate::calls::nodes;
use crate::calls::overflow::{Leavable, Leaving, leave};
use crate::calls::settle::{MetersOwe, give_back, settle_link};
use crate::calls::turns::Turns;
use crate::functions::arguments;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::error;
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::insert::insert;
use crate::postgres::look::{At, View};
use crate::postgres::result_row::ResultRow;
use crate::postgres::rows::selected;
use crate::postgres::savepoint::Savepoint;
use crate::postgres::spi::{Query, Statement};
use crate::postgres::transaction::now;

#[pg_extern(sql = false)]
fn next_target(
    uniqueid: Option<&str>,
    failed_attempt: Option<i32>,
    dial_status: Option<&str>,
    hangup_cause: Option<i32>,
) -> ResultRow<Answer> {
    let door = Door::of("next_target");
    let failed = Failed::new(uniqueid, failed_attempt, dial_status, hangup_cause, None);
    ResultRow(door.call_in_flight(failed.uniqueid, |inside| next(inside, &failed)))
}

/// SQL's `next_target` too: the endpoint's settings with it, asked by a switch that says who it is.
#[pg_extern(sql = false)]
fn next_target_of_node(
    uniqueid: Option<&str>,
    failed_attempt: Option<i32>,
    dial_status: Option<&str>,
    hangup_cause: Option<i32>,
    node: Option<&str>,
) -> ResultRow<Decision> {
    let door = Door::of("next_target");
    let failed = Failed::new(uniqueid, failed_attempt, dial_status, hangup_cause, node);
    ResultRow(door.call_in_flight(failed.uniqueid, |inside| next(inside, &failed).map(Decision::of)))
}

/// The attempt that failed, as the switch describes it.
struct Failed<'a> {
    uniqueid: &'a str,
    attempt: i32,
    status: String,
    cause: Option<i32>,
    node: Option<&'a str>,
}

impl<'a> Failed<'a> {
    fn new(
        uniqueid: Option<&'a str>,
        attempt: Option<i32>,
        dial_status: Option<&str>,
        cause: Option<i32>,
        node: Option<&'a str>,
    ) -> Self {
        let uniqueid = arguments::uniqueid(uniqueid);
        let Some(attempt) = attempt.filter(|attempt| *attempt >= 1) else {
            error::invalid("failed_attempt must be 1 or more");
        };
        // Asterisk leaves DIALSTATUS empty where Dial could not even start.
        let status = outcome::normalize_status(dial_status.unwrap_or_default());
        let status = if status.is_empty() {
            "CHANUNAVAIL".to_owned()
        } else {
            status
        };
        Failed {
            uniqueid,
            attempt,
            status,
            cause: arguments::not_negative("hangup_cause", cause),
            node: arguments::node(node),
        }
    }
}

fn next(inside: &Inside, told: &Failed) -> Answered<Answer> {
    let (uniqueid, failed) = (told.uniqueid, told.attempt);
    let Some(call) = read_live(uniqueid) else {
        return inside.seen(Answer::reject(Reject::CallEnded, None, None));
    };
    if call.is_of_another_node(told.node) {
        refuse_another(uniqueid);
    }
    // Asked again for the attempt that was answered last: the same answer.
    if failed == call.attempt - 1 || (failed == call.attempt && call.end_reason.is_some()) {
        return inside.seen(Answer::present(&call));
    }
    if failed != call.attempt {
        error::invalid(format!(
            "attempt {failed} of call {uniqueid} cannot fail: it is at attempt {}",
            call.attempt
        ));
    }
    let armed = inside.arm();
    if let Some(node) = &call.node {
        nodes::note_call(armed, node);
    }
    note_failure(armed, uniqueid, &call, &told.status, told.cause);
    let answer = match outcome::attempt_timeout(call.dial_timeout_seconds, call.ring_seconds_left) {
        None => end(armed, uniqueid, call, Reject::RingBudgetSpent, None),
        Some(_) => move_on(armed, uniqueid, call),
    };
    Answered::written(armed, answer)
}

fn note_failure(armed: Armed, uniqueid: &str, call: &LiveCall, status: &str, cause: Option<i32>) {
    insert!(
        armed,
        call_attempts {
            uniqueid: arg(uniqueid),
            attempt: arg(call.attempt),
            user_id: arg(call.user_id),
            link_id: arg(call.link_id),
            client_id: arg(call.client_id),
            dial_status: arg(status),
            hangup_cause: arg(cause),
            started_at: instant(call.attempt_at),
            ended_at: instant(now()),
        }
    );
}

/// What a move rests on, as of one moment.
struct Seen {
    /// Those that are asked: of the call's campaign, or of the one that it leaves for.
    links: Vec<Link>,
    leaving: Option<Leaving>,
    campaign: AfterFailure,
    /// See `At::ended_before`.
    ended_before: u64,
}

selected! {
    struct Tried {
        client_id: Option<i64> = "client_id",
    }
}

static TRIED: Query<Tried> = Query::new(
    "select",
    "from capconduit.call_attempts where uniqueid = $1",
    &[TEXTOID],
);

/// In another campaign the same client may have a link, too: nobody is asked twice.
fn pass_over_clients(uniqueid: &str, links: &mut [Link]) {
    let tried = TRIED.all(&[arg(uniqueid)]);
    for link in links {
        link.already_tried |= tried
            .iter()
            .any(|attempt| attempt.client_id == Some(link.client_id));
    }
}

fn look(uniqueid: &str, call: &LiveCall, asked: &Asked<'_>, is_leaving: bool) -> Seen {
    let mut seen = look_at(call, asked, is_leaving);
    if call.left.is_some() || seen.leaving.as_ref().and_then(Leaving::campaign).is_some() {
        pass_over_clients(uniqueid, &mut seen.links);
    }
    seen
}

fn look_at(call: &LiveCall, asked: &Asked<'_>, is_leaving: bool) -> Seen {
    View::Fresh.look(|at| {
        let campaign = read_after_failure(at, call.campaign_id);
        let mut links = read_links(at, call.campaign_id, &campaign.overflow, asked.caller);
        for link in &mut links {
            link.already_tried = link.id == call.link_id || call.tried.contains(&link.id);
        }
        let leaving = call.user_id.filter(|_| is_leaving).and_then(|user_id| {
            let of = Leavable {
                user_id,
                overflow: &campaign.overflow,
                seller_metered: links.iter().any(|link| link.seller_metered)
                    || is_seller_metered(at, user_id),
                marked: read_seller_marked(at, user_id, asked.caller),
            };
            let says = Reject::NoMoreTargets { any_busy: false };
            let why = |_: &[Verdict]| (says, Some(Exit::NoMoreTargets));
            leave(at, &of, why, &mut links, asked)
        });
        if let Some(leaving) = &leaving
            && let Some(beyond) = leaving.campaign()
        {
            links = read_links(at, beyond.id, &beyond.overflow, asked.caller);
        }
        Seen {
            links,
            leaving,
            campaign,
            ended_before: at.ended_before(),
        }
    })
}

/// Chooses among the links not yet tried and moves the slot there, as a route does: judged anew whenever the choice
/// turns out full, held, or set differently.
fn move_on(armed: Armed, uniqueid: &str, call: LiveCall) -> Answer {
    let patience = Patience::default();
    let mut held: Vec<i64> = Vec::new();
    let mut is_alone = false;
    // Its campaign has nobody for it.
    let mut is_leaving = false;
    let mut turns_of = (call.campaign_id, call.strategy);
    loop {
        // Rolled back, the savepoint gives back the campaign's turns too.
        let (campaign_id, strategy) = turns_of;
        let turns = (strategy == Strategy::RoundRobin).then(|| Turns::lock(campaign_id).savepoint);
        let asked = Asked {
            former: call.same_client_only.then_some(Former {
                client_id: call.client_id,
                only: true,
            }),
            ..call.asked()
        };
        let seen = look(uniqueid, &call, &asked, is_leaving);
        is_leaving = seen.leaving.is_some();
        let beyond = seen
            .leaving
            .as_ref()
            .and_then(|leaving| leaving.beyond.as_deref());
        let campaign = seen.leaving.as_ref().and_then(Leaving::campaign);
        // One campaign's turns are never waited for with another's in hand.
        let asks = campaign.map_or((call.campaign_id, call.strategy), |beyond| {
            (beyond.id, beyond.strategy)
        });
        if asks != turns_of {
            drop(turns);
            turns_of = asks;
            continue;
        }
        let asked = Asked {
            former: strictest([asked.former, beyond.and_then(|beyond| former(beyond, asked.at))]),
            ..asked
        };
        let links = &seen.links;
        // Nobody else works on its caller, as when the call was routed.
        let scopes = campaign.map(Remembering::of_campaign).into_iter();
        if !is_alone
            && let Some(caller) = callers::remembered(
                asked.caller,
                scopes.chain(links.iter().flat_map(Remembering::of_link)),
            )
        {
            drop(turns);
            lock_caller(&caller);
            is_alone = true;
            continue;
        }
        let stopped = beyond.and_then(|beyond| gates::admit(beyond, &asked).err());
        let verdicts = select::judge_beside(links, &held, &asked);
        let chosen = select::choose(strategy, links, &verdicts, &asked, &mut uniform);
        let describe = |chosen: Option<usize>| {
            let decision = match stopped {
                Some(gate) => gate.name.to_owned(),
                None => decision::describe(links, &verdicts, chosen),
            };
            match &seen.leaving {
                Some(leaving) => leaving.describe(decision),
                None => decision,
            }
        };
        let Some(index) = chosen.filter(|_| stopped.is_none()) else {
            drop(turns);
            // A held link is not a full one.
            if !held.is_empty() {
                held.clear();
                patience.nothing_else_has_room();
                continue;
            }
            is_leaving = call.user_id.is_some()
                && !call.has_overflowed
                && seen.campaign.overflow.to(Exit::NoMoreTargets).is_some();
            if is_leaving && seen.leaving.is_none() {
                continue;
            }
            let any_busy = ANY_BUSY.run(&[arg(uniqueid)]) > 0;
            let text = describe(None);
            return end(
                armed,
                uniqueid,
                call,
                Reject::NoMoreTargets { any_busy },
                Some(text),
            );
        };
        let target = &links[index];
        let movement = Move {
            armed,
            uniqueid,
            call: &call,
            target,
            asked: &asked,
            turn: select::next_turn(strategy, links),
            beyond: campaign,
            patience: &patience,
        };
        let still = |at: At| {
            at.ended_before() == seen.ended_before
                || are_set_as_before(at, campaign_id, links, Some(index), &asked)
                    && movement.still_goes(at, seen.leaving.as_ref(), &seen.campaign.overflow)
        };
        let savepoint = turns.unwrap_or_else(Savepoint::begin);
        match movement.run(still) {
            Changed::Done(()) => {
                savepoint.release();
                let reserved_at = movement.reserves_at();
                let text = describe(Some(index));
                let overflow = seen
                    .leaving
                    .as_ref()
                    .filter(|leaving| leaving.is_for(target))
                    .map(|leaving| (leaving.exit, campaign));
                let dial_timeout_seconds =
                    campaign.map_or(call.dial_timeout_seconds, |beyond| beyond.dial_timeout_seconds);
                let timeout = outcome::attempt_timeout(dial_timeout_seconds, call.ring_seconds_left);
                let of_campaign = campaign.map_or(seen.campaign.qualify_seconds, |beyond| {
                    Some(beyond.qualify_seconds)
                });
                let attempt = Attempt {
                    link: target,
                    reserved_at,
                    timeout: timeout.unwrap_or(call.ring_seconds_left),
                    qualify_seconds: target.qualify_seconds.or(of_campaign),
                    awaited: call.awaited,
                    same_client_only: asked.former.is_some_and(|former| former.only),
                    decision: &text,
                    overflow,
                };
                return arrive(armed, uniqueid, call, attempt);
            }
            Changed::Held(subject) => {
                savepoint.rollback();
                // Without giving back what it holds the call cannot move anywhere.
                let own = [Subject::Link(call.link_id), Subject::Client(call.client_id)];
                if own.contains(&subject) {
                    wait_for(subject, Wait::Long);
                } else if !wait_for(subject, Wait::Patiently(&patience)) {
                    held.push(target.id);
                }
            }
            Changed::Refused | Changed::Outdated => savepoint.rollback(),
        }
    }
}

static ANY_BUSY: Statement = Statement::new(
    "select from capconduit.call_attempts where uniqueid = $1 and dial_status = 'BUSY' limit 1",
    &[TEXTOID],
);

/// A slot on its way from one link to another.
struct Move<'a> {
    armed: Armed<'a>,
    uniqueid: &'a str,
    call: &'a LiveCall,
    target: &'a Link,
    asked: &'a Asked<'a>,
    turn: Option<i64>,
    /// The campaign that the call leaves its own for.
    beyond: Option<&'a Campaign>,
    patience: &'a Patience,
}

impl Move<'_> {
    /// Two link rows in one transaction: always the lower id first; then their clients' meters. While one is changed others wait for it, so
    /// the next one is waited for but a moment.
    fn run(&self, still: impl Fn(At) -> bool) -> Changed<()> {
        let mut owe = MetersOwe::default();
        let mut give_back = || {
            if !self.call.holds_slot {
                return Ok(());
            }
            let end = self.call.slot_moves(self.uniqueid);
            settle_link(
                self.armed,
                self.wait(),
                self.call.link_id,
                &[end],
                0,
                &[],
                &mut owe,
            )
        };
        let (link_id, target_id) = (self.call.link_id, self.target.id);
        if link_id < target_id
            && let Err(subject) = give_back()
        {
            return Changed::Held(subject);
        }
        let taken = take_slot(
            self.armed,
            self.target,
            self.asked,
            self.reserves_at(),
            self.turn,
            self.wait(),
            &still,
            |_| (),
        );
        if !matches!(taken, Changed::Done(())) {
            return taken;
        }
        if link_id > target_id
            && let Err(subject) = give_back()
        {
            return Changed::Held(subject);
        }
        self.enter(&still).and_then(|()| self.move_clients(owe, &still))
    }

    fn reserves_at(&self) -> i64 {
        let reserved = self.target.reserves_at(self.asked.at);
        self.beyond
            .map_or(reserved, |beyond| reserved.max(beyond.caps.windows_from))
    }

    /// The campaign that the call leaves for counts it from now on. That which it leaves has done so, as have its number and its seller.
    fn enter(&self, still: impl Fn(At) -> bool) -> Changed<()> {
        let (Some(beyond), Some(user_id), true) =
            (self.beyond, self.call.user_id, self.target.seller_metered)
        else {
            return Changed::Done(());
        };
        let of = Metered::of_seller(Subject::Campaign(beyond.id), user_id);
        meters::take(
            self.armed,
            of,
            Limits::of(&beyond.caps),
            self.asked,
            self.reserves_at(),
            self.wait(),
            still,
        )
    }

    /// Whether its campaign sends calls to the same now; and, where it leaves for another one, that one lets it in.
    fn still_goes(&self, at: At, leaving: Option<&Leaving>, overflow: &Overflow) -> bool {
        if read_after_failure(at, self.call.campaign_id).overflow != *overflow {
            return false;
        }
        let (Some(leaving), Some(beyond), Some(user_id)) = (leaving, self.beyond, self.call.user_id) else {
            return true;
        };
        let caller = self.asked.caller;
        let Some(now) = read_beyond(at, user_id, beyond.id, caller, leaving.seller_metered) else {
            return false;
        };
        // What is used of its caps is judged by its meter.
        let is_set_alike = now.asks_like(beyond) && now.caps.caps == beyond.caps.caps;
        let now = Campaign {
            caps: Capped::NOT,
            ..now
        };
        let now = Dialled::overflowing_to(now, &read_seller_marked(at, user_id, caller));
        is_set_alike
            && gates::admit(&now, self.asked).is_ok()
            && are_set_as_before(at, self.call.campaign_id, &leaving.links, None, self.asked)
    }

    /// No client has two links of one campaign, so the one that is left is not the one that is next.
    fn move_clients(&self, left: MetersOwe, still: impl Fn(At) -> bool) -> Changed<()> {
        let settle = |owe: MetersOwe| match owe.settle(self.armed, self.wait()) {
            Ok(()) => Changed::Done(()),
            Err(subject) => Changed::Held(subject),
        };
        let target = self.target;
        if !target.client_metered {
            return settle(left);
        }
        let next = Metered::client(target.client_id);
        let (before, behind) = left.split(next.subject);
        let take = || {
            meters::take(
                self.armed,
                next,
                Limits::of_client(target),
                self.asked,
                self.reserves_at(),
                self.wait(),
                still,
            )
        };
        settle(before).and_then(|()| take()).and_then(|()| settle(behind))
    }

    fn wait(&self) -> Wait<'_> {
        Wait::Moment(self.patience)
    }
}

fn arrive(armed: Armed, uniqueid: &str, call: LiveCall, to: Attempt<'_>) -> Answer {
    let attempt = call.attempt + 1;
    let decision = decision::append(&call.decision, attempt, to.decision);
    let (link, beyond) = (to.link, to.overflow.and_then(|(_, campaign)| campaign));
    let mut scopes = Vec::from(Remembering::of_link(link));
    scopes.extend(beyond.map(Remembering::of_campaign));
    let memory = Memory::of(call.caller_number.as_deref(), scopes);
    let to = Attempt {
        awaited: memory.moves(armed, uniqueid, to.awaited, link.client_id, now()),
        decision: &decision,
        ..to
    };
    move_live(armed, uniqueid, &call, &to);
    let caller_id = View::Fresh.look(|at| read_caller_id(at, link.client_id));
    Answer::target(
        attempt,
        link,
        beyond.map_or(call.campaign_id, |beyond| beyond.id),
        to.timeout,
        call.max_call_seconds,
        caller_id,
        decision,
    )
}

/// Nobody is left: the slot returns, the call's row waits for log_call.
fn end(armed: Armed, uniqueid: &str, call: LiveCall, reason: Reject, decided: Option<String>) -> Answer {
    let decision = match decided {
        Some(text) => decision::append(&call.decision, call.attempt + 1, &text),
        None => call.decision.clone(),
    };
    if call.holds_slot {
        give_back(armed, call.slot_back(uniqueid));
    }
    // Nobody can have its caller any more.
    if call.awaited {
        memory::ends(armed, uniqueid, Outcome::NobodyLeft);
    }
    end_live(armed, uniqueid, reason, &decision);
    Answer::present(&LiveCall {
        holds_slot: false,
        end_reason: Some(reason.token().to_owned()),
        end_cause: Some(reason.hangup_cause()),
        decision,
        ..call
    })
}
