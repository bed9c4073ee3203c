//! Small histories on several connections at once. Whatever they answered, and left behind, must be what they could
//! have answered one after the other, in some order that puts nothing before what had ended when it began.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::Lab;
use super::answer::{Answer, Seen};
use super::change::Change;
use super::draw::{any_world, call_step, lane_step, upkeep_step};
use super::history::{History, fill_id};
use super::op::Op;
use super::rows::{Micros, Rows};
use super::session::Session;
use super::step::Step;
use super::world::World;

/// Few calls, so that lanes meet.
const CALLS: u8 = 3;

#[derive(Debug, Clone)]
struct Race {
    world: World,
    /// What has happened before, one after the other.
    before: Vec<Step>,
    lanes: Vec<Vec<Step>>,
    /// The counter row of this link is locked by somebody else for a moment when the lanes begin.
    held_link: Option<i64>,
}

#[test]
fn what_happens_at_once_could_have_happened_one_after_the_other() {
    let lab = Lab::new(6);
    let races = (
        any_world(),
        vec(prop_oneof![5 => call_step(CALLS), 1 => upkeep_step(CALLS)], 0..8),
        vec(vec(lane_step(CALLS), 1..3), 2..5),
        proptest::option::of(1..4i64),
    )
        .prop_map(|(world, before, lanes, held_link)| Race {
            world,
            before,
            lanes,
            held_link,
        })
        .prop_filter(
            "the test knows one id for a new link",
            Race::adds_one_link_at_most,
        );
    // A race may need several goes to show its fault again: while a failure is being shrunk, each gets them.
    let goes = Cell::new(1);
    lab.explore(1_500, 30_000, &races, Race::lines, async |race| {
        for _ in 0..goes.get() {
            if let Err(why) = race.run(&lab).await {
                goes.set(10);
                return Err(why);
            }
        }
        Ok(())
    });
}

/// An operation that has run, and between which ticks.
struct Ran {
    op: Op,
    began: usize,
    ended: usize,
    now: Option<Micros>,
    answer: Answer,
}

impl Race {
    fn adds_one_link_at_most(&self) -> bool {
        let adds = |step: &&Step| matches!(step, Step::Change(Change::AddLink(_)));
        self.lanes.iter().flatten().filter(adds).count() <= 1
    }

    fn lines(&self) -> Vec<String> {
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

    async fn run(&self, lab: &Lab) -> Result<(), String> {
        let sessions = lab.sessions();
        let [control, holder, lanes @ ..] = &*sessions else {
            panic!("two connections beside the lanes")
        };
        let mut history = History::begin(&lab.db, control, &self.world).await;
        for step in &self.before {
            history
                .step(step)
                .await
                .map_err(|error| format!("before: {error}"))?;
        }
        let start = history.world.clone();
        let clock = control.clock().await;
        let ticks = Cell::new(0);
        let tick = || ticks.replace(ticks.get() + 1);
        let lane = async |session: &Session, steps: &[Step]| {
            let mut ran = Vec::new();
            for step in steps {
                let op = step.resolve(&start, clock);
                let began = tick();
                let (now, answer) = op.ask(session, start.next_link + 1).await;
                let ended = tick();
                ran.push(Ran {
                    op,
                    began,
                    ended,
                    now,
                    answer,
                });
            }
            ran
        };
        if let Some(link) = self.held_link {
            let lock = format!("begin; select from link_counters where link_id = {link} for update");
            holder.run(&lock).await;
        }
        let let_go = async {
            if self.held_link.is_some() {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                holder.run("rollback").await;
            }
        };
        let racing =
            futures_util::future::join_all(self.lanes.iter().zip(lanes).map(|(steps, s)| lane(s, steps)));
        let (ran, ()) = tokio::join!(racing, let_go);
        let ran: Vec<Ran> = ran.into_iter().flatten().collect();
        let (rows, wrong, after) = control.look().await;
        let mut search = Search {
            ran: &ran,
            rows: &rows,
            clock,
            after,
            furthest: (0, String::new()),
        };
        if wrong.is_empty() && search.explains(start, &BTreeSet::new()) {
            return Ok(());
        }
        let told: Vec<String> = ran
            .iter()
            .map(|r| format!("[{}, {}] {:?}\n    {:?}", r.began, r.ended, r.op, r.answer))
            .collect();
        Err(format!(
            "no order explains:\n{}\nverify_counters: {wrong:?}\nthe longest attempt ends so: {}",
            told.join("\n"),
            search.furthest.1
        ))
    }
}

struct Search<'a> {
    ran: &'a [Ran],
    rows: &'a Rows,
    clock: Micros,
    after: Micros,
    furthest: (usize, String),
}

impl Search<'_> {
    /// Whether the operations that are not `done` can follow on this world, and end in what was found.
    fn explains(&mut self, world: World, done: &BTreeSet<usize>) -> bool {
        if done.len() == self.ran.len() {
            let differences = world
                .rows
                .without_what_races()
                .differences(&self.rows.without_what_races());
            if !differences.is_empty() {
                self.note(done.len(), differences.join("\n"));
            }
            return differences.is_empty();
        }
        let left: Vec<usize> = (0..self.ran.len())
            .filter(|index| !done.contains(index))
            .collect();
        for &index in &left {
            let began = self.ran[index].began;
            if left.iter().any(|&other| self.ran[other].ended < began) {
                continue;
            }
            for locked in self.may_be_locked(&world, index) {
                let Some(world) = self.follows(&world, index, locked, done.len()) else {
                    continue;
                };
                let mut done = done.clone();
                done.insert(index);
                if self.explains(world, &done) {
                    return true;
                }
            }
        }
        false
    }

    /// The world after this operation, if it would have answered so there.
    fn follows(
        &mut self,
        world: &World,
        index: usize,
        locked: BTreeSet<String>,
        depth: usize,
    ) -> Option<World> {
        let ran = &self.ran[index];
        let mut seen = Seen::of(ran.now.unwrap_or(self.clock), self.after, &ran.answer);
        seen.locked = locked;
        let mut world = world.clone();
        let mut expected = ran.op.apply(&mut world, &seen);
        fill_id(&mut expected, &ran.answer, &ran.op, self.rows);
        world.learn_ids(self.rows);
        if without_what_races(&expected) == without_what_races(&ran.answer) {
            return Some(world);
        }
        self.note(
            depth,
            format!("{:?}\nmodel    {expected:?}\ndatabase {:?}", ran.op, ran.answer),
        );
        None
    }

    fn note(&mut self, depth: usize, why: String) {
        if depth >= self.furthest.0 {
            self.furthest = (depth, why);
        }
    }

    /// Whoever closes many calls passes over those that others work on, until the next time. So it may have passed
    /// over any set of calls that some operation ran on, or many were closed by, at the same time.
    fn may_be_locked(&self, world: &World, index: usize) -> Vec<BTreeSet<String>> {
        let ran = &self.ran[index];
        let closes_many = |op: &Op| {
            matches!(
                op,
                Op::ReleaseExpired(_) | Op::Heartbeat { .. } | Op::Started { .. }
            )
        };
        if !closes_many(&ran.op) {
            return vec![BTreeSet::new()];
        }
        let others = self.ran.iter().enumerate().filter(|(other, _)| *other != index);
        let at_once: Vec<&Op> = others
            .filter(|(_, other)| other.began < ran.ended && ran.began < other.ended)
            .map(|(_, other)| &other.op)
            .collect();
        let busy: Vec<&String> = world
            .rows
            .calls
            .keys()
            .filter(|id| {
                at_once.iter().any(|op| {
                    op.uniqueid() == Some(id.as_str()) || closes_many(op) || matches!(op, Op::Route(_))
                })
            })
            .collect();
        (0..1 << busy.len())
            .map(|mask: u32| {
                let bits = busy.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
                bits.map(|(_, id)| (*id).clone()).collect()
            })
            .collect()
    }
}

/// A reject for want of room rests on one look at all links: its decision must be exact.
fn without_what_races(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    if let Answer::Target(target) = &mut answer
        && target.reason.as_deref() != Some("no_eligible_clients_available")
    {
        target.decision = None;
    }
    answer
}
