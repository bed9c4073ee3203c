//! `next_target`: the attempt failed; who is next. The slot moves, or is given back and the caller is told why.

use capconduit_core::{Link, Reject, Strategy, decision, outcome, select};
use pgrx::pg_extern;
use pgrx::pg_sys::TEXTOID;

use crate::call::{Answer, LiveCall, end_live, move_live, read_live};
use crate::counters::{settle, take_slot};
use crate::fetch::View;
use crate::links::{read_caller_id, read_links, uniform};
use crate::locks::{Savepoint, enter_live_calls, lock_call, lock_campaign, require_read_committed};
use crate::record::Record;
use crate::spi::{Statement, arg, connected, instant, now};
use crate::write::Insert;
use crate::{args, early_lock_release, error};

#[pg_extern(sql = false)]
fn next_target(
    uniqueid: Option<&str>,
    failed_attempt: Option<i32>,
    dial_status: Option<&str>,
    hangup_cause: Option<i32>,
) -> Record<12> {
    require_read_committed("next_target");
    let uniqueid = args::uniqueid(uniqueid);
    let Some(failed) = failed_attempt.filter(|attempt| *attempt >= 1) else {
        error::invalid("failed_attempt must be 1 or more");
    };
    // Asterisk leaves DIALSTATUS empty where Dial could not even start.
    let status = outcome::normalize_status(dial_status.unwrap_or_default(), 50);
    let status = if status.is_empty() {
        "CHANUNAVAIL".to_owned()
    } else {
        status
    };
    let cause = args::not_negative("hangup_cause", hangup_cause);
    connected(|| next(uniqueid, failed, &status, cause)).into_record()
}

fn next(uniqueid: &str, failed: i32, status: &str, cause: Option<i32>) -> Answer {
    lock_call(uniqueid);
    enter_live_calls();
    let Some(call) = read_live(uniqueid) else {
        early_lock_release::flush_what_was_seen();
        return Answer::reject(Reject::CallEnded, None, None);
    };
    // Asked again for the attempt that was answered last: the same answer.
    if failed == call.attempt - 1 || (failed == call.attempt && call.end_reason.is_some()) {
        early_lock_release::flush_what_was_seen();
        return Answer::present(&call);
    }
    if failed != call.attempt {
        error::invalid(format!(
            "attempt {failed} of call {uniqueid} cannot fail: it is at attempt {}",
            call.attempt
        ));
    }
    early_lock_release::arm();
    note_failure(uniqueid, &call, status, cause);
    match outcome::attempt_timeout(call.dial_timeout_seconds, call.ring_seconds_left) {
        None => end(uniqueid, call, Reject::RingBudgetSpent, None),
        Some(timeout) => move_on(uniqueid, call, timeout),
    }
}

static FAILURES: Insert = Insert::new(
    c"call_attempts",
    &[
        c"uniqueid",
        c"attempt",
        c"user_id",
        c"link_id",
        c"client_id",
        c"dial_status",
        c"hangup_cause",
        c"started_at",
        c"ended_at",
    ],
);

fn note_failure(uniqueid: &str, call: &LiveCall, status: &str, cause: Option<i32>) {
    FAILURES.run(&[
        arg(uniqueid),
        arg(call.attempt),
        arg(call.user_id),
        arg(call.link_id),
        arg(call.client_id),
        arg(status),
        arg(cause),
        instant(call.attempt_at),
        instant(now()),
    ]);
}

/// Chooses among the links not yet tried and moves the slot there, as a route does: judged anew whenever the choice
/// turns out full.
fn move_on(uniqueid: &str, call: LiveCall, timeout: i32) -> Answer {
    if call.strategy == Strategy::RoundRobin {
        lock_campaign(call.campaign_id);
    }
    loop {
        let mut links = View::Fresh.look(|at| read_links(at, call.campaign_id));
        for link in &mut links {
            link.already_tried = link.id == call.link_id || call.tried.contains(&link.id);
        }
        let verdicts = select::judge_all(&links);
        let Some(index) = select::choose(call.strategy, &links, &verdicts, &mut uniform) else {
            let text = decision::describe(&links, &verdicts, None);
            let any_busy = ANY_BUSY.run(&[arg(uniqueid)]).first().is_some();
            return end(uniqueid, call, Reject::NoMoreTargets { any_busy }, Some(text));
        };
        let turn = (call.strategy == Strategy::RoundRobin).then(|| select::next_turn(&links));
        let savepoint = Savepoint::begin();
        if move_slot(&call, &links[index], turn) {
            savepoint.release();
            let text = decision::describe(&links, &verdicts, Some(index));
            return arrive(uniqueid, call, &links[index], timeout, &text);
        }
        savepoint.rollback();
    }
}

static ANY_BUSY: Statement = Statement::new(
    "select from capconduit.call_attempts where uniqueid = $1 and dial_status = 'BUSY' limit 1",
    &[TEXTOID],
);

/// Two link rows in one transaction: always the lower id first.
fn move_slot(call: &LiveCall, target: &Link, turn: Option<i64>) -> bool {
    let give_back = || {
        if call.holds_slot {
            settle(call.link_id, None, 1, 0);
        }
    };
    if call.link_id < target.id {
        give_back();
        return take_slot(target, turn, |_| ()).is_some();
    }
    let taken = take_slot(target, turn, |_| ()).is_some();
    if taken {
        give_back();
    }
    taken
}

fn arrive(uniqueid: &str, call: LiveCall, link: &Link, timeout: i32, decided: &str) -> Answer {
    let attempt = call.attempt + 1;
    let decision = decision::append(&call.decision, attempt, decided);
    move_live(uniqueid, &call, link, timeout, &decision);
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
fn end(uniqueid: &str, call: LiveCall, reason: Reject, decided: Option<String>) -> Answer {
    let decision = match decided {
        Some(text) => decision::append(&call.decision, call.attempt + 1, &text),
        None => call.decision.clone(),
    };
    if call.holds_slot {
        settle(call.link_id, None, 1, 0);
    }
    end_live(uniqueid, reason, &decision);
    Answer::present(&LiveCall {
        holds_slot: false,
        end_reason: Some(reason.token().to_owned()),
        end_cause: Some(reason.hangup_cause()),
        decision,
        ..call
    })
}
