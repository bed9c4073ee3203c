//! `next_target`: the attempt failed; who is next. The slot moves, or is given back and the caller is told why.

use capconduit_core::callers::Former;
use capconduit_core::{Asked, Link, Reject, Strategy, Subject, decision, outcome, select};
use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::calls::callers::{self, Remembering};
use crate::calls::counters::{take_slot, wait_for};
use crate::calls::door::{Answered, Door, Inside};
use crate::calls::facts::read_caller_id;
use crate::calls::hot_row::Changed;
use crate::calls::links::{are_set_as_before, read_links, uniform};
use crate::calls::live_call::{Answer, Decision, LiveCall, end_live, move_live, read_live, refuse_another};
use crate::calls::locks::lock_caller;
use crate::calls::meters::{self, Limits, Metered};
use crate::calls::nodes;
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
use crate::postgres::savepoint::Savepoint;
use crate::postgres::spi::Statement;
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
        Some(timeout) => move_on(armed, uniqueid, call, timeout),
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

/// Chooses among the links not yet tried and moves the slot there, as a route does: judged anew whenever the choice
/// turns out full, held, or set differently.
fn move_on(armed: Armed, uniqueid: &str, call: LiveCall, timeout: i32) -> Answer {
    let patience = Patience::default();
    let former = call.same_client_only.then_some(Former {
        client_id: call.client_id,
        only: true,
    });
    let mut held: Vec<i64> = Vec::new();
    let mut is_alone = false;
    loop {
        // Rolled back, the savepoint gives back the campaign's turns too.
        let turns = (call.strategy == Strategy::RoundRobin).then(|| Turns::lock(call.campaign_id).savepoint);
        let (mut links, ended_before) = View::Fresh.look(|at| {
            (
                read_links(at, call.campaign_id, call.caller_number.as_deref()),
                at.ended_before(),
            )
        });
        let asked = Asked {
            former,
            ..call.asked()
        };
        for link in &mut links {
            link.already_tried = link.id == call.link_id || call.tried.contains(&link.id);
        }
        // Nobody else works on its caller, as when the call was routed.
        if !is_alone
            && let Some(caller) =
                callers::remembered(asked.caller, links.iter().flat_map(Remembering::of_link))
        {
            drop(turns);
            lock_caller(&caller);
            is_alone = true;
            continue;
        }
        let verdicts = select::judge_beside(&links, &held, &asked);
        let Some(index) = select::choose(call.strategy, &links, &verdicts, &asked, &mut uniform) else {
            drop(turns);
            // A held link is not a full one.
            if !held.is_empty() {
                held.clear();
                patience.nothing_else_has_room();
                continue;
            }
            let text = decision::describe(&links, &verdicts, None);
            let any_busy = ANY_BUSY.run(&[arg(uniqueid)]) > 0;
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
            turn: select::next_turn(call.strategy, &links),
            patience: &patience,
        };
        let still = |at: At| {
            at.ended_before() == ended_before
                || are_set_as_before(at, call.campaign_id, &links, index, &asked)
        };
        let savepoint = turns.unwrap_or_else(Savepoint::begin);
        match movement.run(still) {
            Changed::Done(()) => {
                savepoint.release();
                let text = decision::describe(&links, &verdicts, Some(index));
                let reserved_at = target.reserves_at(asked.at);
                let link = &links[index];
                return arrive(armed, uniqueid, call, link, reserved_at, timeout, &text);
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
            self.target.reserves_at(self.asked.at),
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
        self.move_clients(owe, still)
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
        let reserved = target.reserves_at(self.asked.at);
        let take = || {
            meters::take(
                self.armed,
                next,
                Limits::of_client(target),
                self.asked,
                reserved,
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

#[allow(clippy::too_many_arguments)]
fn arrive(
    armed: Armed,
    uniqueid: &str,
    call: LiveCall,
    link: &Link,
    reserved_at: i64,
    timeout: i32,
    decided: &str,
) -> Answer {
    let attempt = call.attempt + 1;
    let decision = decision::append(&call.decision, attempt, decided);
    let mut awaited = call.awaited;
    if awaited {
        callers::pass_on(armed, uniqueid, link.client_id);
    }
    let scopes = Remembering::of_link(link);
    if let Some(caller) = callers::remembered(call.caller_number.as_deref(), scopes) {
        callers::remember(armed, uniqueid, &caller, &scopes, link.client_id, now());
        awaited |= scopes.iter().any(Remembering::awaits_outcome);
    }
    move_live(
        armed,
        uniqueid,
        &call,
        link,
        reserved_at,
        timeout,
        awaited,
        &decision,
    );
    let caller_id = View::Fresh.look(|at| read_caller_id(at, link.client_id));
    Answer::target(
        attempt,
        link,
        call.campaign_id,
        timeout,
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
        callers::lose(armed, uniqueid, false);
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
