//! Small histories on several connections at once: what is drawn of them, and how one of their lanes runs, whatever
//! strikes it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;

use super::answer::Heard;
use super::change::Change;
use super::draw::{any_beginning, any_world, call_step, lane_step, upkeep_step};
use super::history::History;
use super::op::Op;
use super::rows::Micros;
use super::search::{NEVER, Ran, Search};
use super::session::Session;
use super::step::Step;
use super::world::World;

/// Few calls, so that lanes meet.
const CALLS: u8 = 3;

#[derive(Debug, Clone)]
pub struct Race {
    pub world: World,
    /// What has happened before, one after the other.
    pub before: Vec<Step>,
    pub lanes: Vec<Vec<Step>>,
    /// The counter row of this link is locked by somebody else for a moment when the lanes begin.
    pub held_link: Option<i64>,
}

pub fn any_race(steps: std::ops::Range<usize>) -> impl Strategy<Value = Race> {
    (
        any_world(),
        any_beginning(true),
        vec(prop_oneof![5 => call_step(CALLS), 1 => upkeep_step(CALLS)], 0..8),
        vec(vec(lane_step(CALLS), steps), 2..5),
        proptest::option::of(1..4i64),
    )
        .prop_map(|(world, set, before, lanes, held_link)| Race {
            world,
            before: [set, before].concat(),
            lanes,
            held_link,
        })
        .prop_filter(
            "the test knows one id for a new link",
            Race::adds_one_link_at_most,
        )
}

impl Race {
    fn adds_one_link_at_most(&self) -> bool {
        let adds = |step: &&Step| matches!(step, Step::Change(Change::AddLink(_)));
        self.lanes.iter().flatten().filter(adds).count() <= 1
    }

    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.world.lines();
        lines.extend(self.before.iter().map(|step| format!("before: {step:?}")));
        lines.extend(
            self.held_link
                .map(|link| format!("link {link} is locked for a moment")),
        );
        for (lane, steps) in self.lanes.iter().enumerate() {
            lines.extend(steps.iter().map(|step| format!("lane {lane}: {step:?}")));
        }
        lines
    }

    /// Sets the world up and lets happen what was before.
    pub async fn prepare(
        &self,
        db: &capconduit_tests::TestDb,
        control: &Session,
    ) -> Result<Prepared, String> {
        let mut history = History::begin(db, control, &self.world).await;
        for step in &self.before {
            history
                .step(step)
                .await
                .map_err(|error| format!("before: {error}"))?;
        }
        Ok(Prepared {
            start: history.world,
            clock: control.clock().await,
            ticks: Cell::new(0),
            crashed: Cell::new(false),
        })
    }

    pub async fn hold(&self, holder: &Session) {
        if let Some(link) = self.held_link {
            let lock = format!("begin; select from link_counters where link_id = {link} for update");
            holder.run(&lock).await;
        }
    }

    pub async fn let_go(&self, holder: &Session) {
        if self.held_link.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            holder.run("rollback").await;
        }
    }
}

/// The world in which the lanes start, and the time that is counted in it.
pub struct Prepared {
    pub start: World,
    clock: Micros,
    ticks: Cell<usize>,
    pub crashed: Cell<bool>,
}

impl Prepared {
    pub fn tick(&self) -> usize {
        self.ticks.replace(self.ticks.get() + 1)
    }

    pub fn resolve(&self, step: &Step) -> Op {
        step.resolve(&self.start, self.clock)
    }

    pub async fn ask(&self, session: &Session, op: &Op) -> Ran {
        let (began, asked_at, after_crash) = (self.tick(), clock(), self.crashed.get());
        let (now, heard) = op.hear(session, self.start.next_link + 1).await;
        let ended = self.tick();
        Ran {
            op: op.clone(),
            began,
            ended: if matches!(heard, Heard::Nothing) {
                NEVER
            } else {
                ended
            },
            asked_at,
            now,
            heard,
            after_crash,
        }
    }

    /// One after the other. What was not answered is asked again, on the connection that `reconnect` gives.
    pub async fn lane(
        &self,
        mut session: Rc<Session>,
        steps: &[Step],
        ask: impl AsyncFn(&Session, &Op, usize) -> Ran,
        reconnect: impl AsyncFn() -> Rc<Session>,
    ) -> (Rc<Session>, Vec<Ran>) {
        let mut all = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let op = self.resolve(step);
            let ran = ask(&session, &op, number).await;
            let cancelled = matches!(ran.heard, Heard::Cancelled);
            let lost = session.client.is_closed() || matches!(ran.heard, Heard::Nothing);
            let again = cancelled || matches!(ran.heard, Heard::Nothing);
            all.push(ran);
            if lost {
                session = reconnect().await;
            }
            if again {
                all.push(self.ask(&session, &op).await);
            }
        }
        (session, all)
    }

    /// Whether some order explains it. `restarted`: there was a crash among them. Gives the number
    /// of unanswered operations that have happened.
    pub async fn explained(&self, control: &Session, ran: &[Ran], restarted: bool) -> Result<usize, String> {
        let (rows, wrong, after) = control.look().await;
        let mut search = Search::of(ran, &rows, after);
        search.restarted = restarted;
        if wrong.is_empty() && search.explains(&self.start) {
            return Ok(search.happened_unheard);
        }
        let told: Vec<String> = ran.iter().map(Ran::line).collect();
        Err(format!(
            "no order explains:\n{}\nverify_counters: {wrong:?}\nthe longest attempt ends so: {}",
            told.join("\n"),
            search.furthest.1
        ))
    }
}

/// The same clock as the server's, which is on this machine.
fn clock() -> Micros {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as Micros
}
