//! Races in which a connection is struck in mid-operation: its backend is terminated, its statement cancelled, its network
//! cut. What was asked and not answered may have happened or not, and is asked again; nothing else may be seen.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use capconduit_tests::SUPERUSER;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::answer::Heard;
use super::race::{Race, any_race};
use super::session::{Commit, Session};
use super::{Lab, histories};

#[derive(Debug, Clone, Copy)]
enum Fault {
    Terminated,
    Cancelled,
    Cut,
}

/// What becomes of one operation of a lane, so long after it was asked.
#[derive(Debug, Clone, Copy)]
struct Strike {
    lane: usize,
    step: usize,
    fault: Fault,
    after: Duration,
}

fn any_strike() -> impl Strategy<Value = Strike> {
    let faults = select(vec![Fault::Terminated, Fault::Cancelled, Fault::Cut]);
    (0..4usize, 0..2usize, faults, 0..4_000u64).prop_map(|(lane, step, fault, after)| Strike {
        lane,
        step,
        fault,
        after: Duration::from_micros(after),
    })
}

#[derive(Default)]
struct Tally {
    unheard: Cell<usize>,
    happened: Cell<usize>,
    cancelled: Cell<usize>,
}

#[test]
fn what_a_fault_left_open_has_happened_once_or_not_at_all() {
    let lab = Lab::new(6, Commit::Durable);
    let tally = Tally::default();
    let races = (any_race(1..3), vec(any_strike(), 1..4));
    let lines = |(race, strikes): &(Race, Vec<Strike>)| {
        let strikes = strikes.iter().map(|strike| format!("{strike:?}"));
        race.lines().into_iter().chain(strikes).collect()
    };
    lab.explore(histories(200, 4_000), &races, lines, async |(race, strikes)| {
        run(&race, &strikes, &lab, &tally).await
    });
    println!(
        "{} operations without an answer, of which {} had happened; {} cancelled",
        tally.unheard.get(),
        tally.happened.get(),
        tally.cancelled.get()
    );
    assert!(
        tally.happened.get() > 0 && tally.unheard.get() > tally.happened.get() && tally.cancelled.get() > 0,
        "faults strike before, in and after commits"
    );
}

async fn run(race: &Race, strikes: &[Strike], lab: &Lab, tally: &Tally) -> Result<(), String> {
    let sessions = lab.sessions();
    let [control, holder, lanes @ ..] = &sessions[..] else {
        panic!("two connections beside the lanes")
    };
    let prepared = race.prepare(&lab.db, control).await?;
    race.hold(holder).await;
    let racing = race
        .lanes
        .iter()
        .zip(lanes)
        .enumerate()
        .map(|(lane, (steps, session))| {
            let prepared = &prepared;
            prepared.lane(
                session.clone(),
                steps,
                async move |session, op, step| {
                    let asking = prepared.ask(session, op);
                    let strike = strikes.iter().find(|s| s.lane == lane && s.step == step);
                    tokio::join!(asking, strike_at(strike, session, control)).0
                },
                async || Rc::new(Session::open(&lab.db.config(SUPERUSER), Commit::Durable).await),
            )
        });
    let (ended, ()) = tokio::join!(futures_util::future::join_all(racing), race.let_go(holder));
    let mut ran = Vec::new();
    for (lane, (session, its)) in ended.into_iter().enumerate() {
        if session.pid != lanes[lane].pid {
            // Whatever it was at when its client was gone: it is over now.
            control.until_gone(lanes[lane].pid).await;
        }
        lab.replace(lane + 2, session);
        ran.extend(its);
    }
    let happened = prepared.explained(control, &ran, false).await?;
    tally.happened.set(tally.happened.get() + happened);
    for ran in &ran {
        match ran.heard {
            Heard::Nothing => tally.unheard.set(tally.unheard.get() + 1),
            Heard::Cancelled => tally.cancelled.set(tally.cancelled.get() + 1),
            Heard::Answer(_) => {}
        }
    }
    Ok(())
}

async fn strike_at(strike: Option<&Strike>, session: &Session, control: &Session) {
    let Some(strike) = strike else { return };
    // The runtime's own clock counts milliseconds, in which most operations are over.
    let start = Instant::now();
    while start.elapsed() < strike.after {
        tokio::task::yield_now().await;
    }
    let told = match strike.fault {
        Fault::Terminated => {
            control
                .one("select pg_terminate_backend($1)", &[&session.pid])
                .await
        }
        Fault::Cancelled => control.one("select pg_cancel_backend($1)", &[&session.pid]).await,
        Fault::Cut => return session.cut(),
    };
    told.expect("the backend is told");
}
