//! An order that explains what several connections were answered, and what was left behind. What was answered has
//! happened, between the question and the answer; what was cancelled has not; what was asked and never answered may have
//! happened at any time since, or never. A crash keeps all that was answered and some of what was not.

use std::rc::Rc;

use super::answer::{Answer, Heard};
use super::history::fill_id;
use super::lost::hear;
use super::op::Op;
use super::rows::{Micros, Rows};
use super::world::{Learn, World};

/// An operation that was put to the database, and between which ticks.
#[derive(Debug)]
pub struct Ran {
    pub op: Op,
    pub began: usize,
    pub ended: usize,
    pub asked_at: Micros,
    /// now() of its transaction, where that is known.
    pub now: Option<Micros>,
    pub heard: Heard,
    pub after_crash: bool,
}

/// The tick at which what was never answered has ended: none.
pub const NEVER: usize = usize::MAX;

impl Ran {
    pub fn line(&self) -> String {
        let end = if self.ended == NEVER {
            String::new()
        } else {
            self.ended.to_string()
        };
        let when = if self.after_crash { "after the crash " } else { "" };
        format!(
            "{when}[{}, {end}] {:?}\n    {:?}",
            self.began, self.op, self.heard
        )
    }

    pub fn answer(&self) -> Option<&Answer> {
        match &self.heard {
            Heard::Answer(answer) => Some(answer),
            Heard::Cancelled | Heard::Nothing => None,
        }
    }

    /// An answer that wrote nothing and confirmed nothing. It may rest on what others had committed and not yet been
    /// told of, and that a crash takes back.
    fn promises_nothing(&self) -> bool {
        match self.answer() {
            Some(Answer::Refused(_) | Answer::Explained(_) | Answer::Counted(_, 0)) => true,
            Some(Answer::Target(target)) => {
                target.attempt.is_none() && target.reason.as_deref() != Some("call_ended")
            }
            Some(Answer::Heartbeat(heartbeat)) => heartbeat.status != "ok",
            Some(Answer::Total(status, _)) => status != "ok",
            _ => false,
        }
    }
}

/// The part of the order that is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Start,
    /// What happened beyond the point to which the crash has kept everything.
    Lost,
    AfterCrash,
}

pub struct Search<'a> {
    pub ran: &'a [Ran],
    /// What was found in the end, and when.
    pub rows: &'a Rows,
    pub after: Micros,
    /// When the server started that came after the crash, if there was one.
    pub restarted: bool,
    /// Whether a choice and what it writes may be two moments.
    apart: bool,
    /// The worlds on the way, if so, and what was done by then.
    pub past: Vec<(u64, Rc<World>)>,
    /// What kept the longest attempt from being an order.
    pub furthest: (usize, String),
    /// The operations without an answer that have happened in the order that was found.
    pub happened_unheard: usize,
}

impl<'a> Search<'a> {
    pub fn of(ran: &'a [Ran], rows: &'a Rows, after: Micros) -> Self {
        assert!(ran.len() <= 64, "they have a bit each");
        Search {
            ran,
            rows,
            after,
            restarted: false,
            apart: false,
            past: Vec::new(),
            furthest: (0, String::new()),
            happened_unheard: 0,
        }
    }

    /// Whether they can follow on this world in some order, and end in what was found.
    ///
    /// Whoever takes a slot, or finds none to take, chose by one look and writes later: it may wait for rows in between.
    /// What others did meanwhile may leave no order in which both are one moment. Then the look may be any since the
    /// question; the slot must still be there.
    pub fn explains(&mut self, world: &World) -> bool {
        let cancelled = |index: &usize| matches!(self.ran[*index].heard, Heard::Cancelled);
        let done = (0..self.ran.len()).filter(cancelled).fold(0, with);
        [false, true].into_iter().any(|apart| {
            self.apart = apart;
            self.follows(world, done, Stage::Start)
        })
    }

    /// What had ended by then and is not done.
    pub fn due(&self, done: u64, by: usize) -> impl Iterator<Item = usize> {
        (0..self.ran.len()).filter(move |&index| !has(done, index) && self.ran[index].ended < by)
    }

    fn follows(&mut self, world: &World, done: u64, stage: Stage) -> bool {
        let open: Vec<usize> = (0..self.ran.len())
            .filter(|&index| !has(done, index) && self.ran[index].after_crash == (stage == Stage::AfterCrash))
            .collect();
        match (stage, self.restarted) {
            (Stage::Start, true) => {
                if self.all(&open, Ran::promises_nothing) && self.follows(world, done, Stage::Lost) {
                    let before = std::mem::take(&mut self.past);
                    if self.follows(world, open.iter().copied().fold(done, with), Stage::AfterCrash) {
                        return true;
                    }
                    self.past = before;
                }
            }
            (Stage::Lost, _) => {
                if self.all(&open, |_| false) {
                    return true;
                }
            }
            (Stage::Start, false) | (Stage::AfterCrash, _) => {
                if self.all(&open, |_| false) && self.is_found(world, done) {
                    return true;
                }
            }
        }
        for &index in &open {
            let ran = &self.ran[index];
            if open.iter().any(|&other| self.ran[other].ended < ran.began) {
                continue;
            }
            let ways = self.ways(world, index, done);
            if self.apart {
                self.past.push((done, Rc::new(world.clone())));
            }
            let found = ways
                .iter()
                .any(|world| self.follows(world, with(done, index), stage));
            if self.apart {
                self.past.pop();
            }
            if found {
                let unheard = stage != Stage::Lost && self.ran[index].answer().is_none();
                self.happened_unheard += usize::from(unheard);
                return true;
            }
        }
        false
    }

    /// Whether all of these were never answered, or are of that sort.
    fn all(&self, open: &[usize], sort: impl Fn(&Ran) -> bool) -> bool {
        open.iter()
            .map(|&index| &self.ran[index])
            .all(|ran| ran.answer().is_none() || sort(ran))
    }

    fn is_found(&mut self, world: &World, done: u64) -> bool {
        let differences = world
            .rows
            .without_what_races()
            .differences(&self.rows.without_what_races());
        if differences.is_empty() {
            return true;
        }
        self.note(done, differences.join("\n"));
        false
    }

    /// The worlds that may be after this operation; none, if it would not have answered so here.
    fn ways(&mut self, world: &World, index: usize, done: u64) -> Vec<World> {
        let ran = &self.ran[index];
        let mut worlds: Vec<World> = Vec::new();
        for seen in self.sights(world, index) {
            let mut after = world.clone();
            let mut expected = ran.op.apply(&mut after, &seen);
            if let Some(answer) = ran.answer() {
                fill_id(&mut expected, answer, &ran.op, self.rows);
                if without_what_races(&expected) != without_what_races(answer) {
                    self.note(
                        done,
                        format!("{:?}\nmodel    {expected:?}\ndatabase {answer:?}", ran.op),
                    );
                    continue;
                }
            }
            let noted: Vec<(String, Micros)> = after.learn.iter().filter_map(noted_call).collect();
            after.learn_ids(self.rows);
            // A connection notes a call as its node's sign of life now and then.
            let mut alive = after.clone();
            for (name, now) in noted {
                if let Some(node) = alive.rows.nodes.get_mut(&name) {
                    node.last_call_at = Some(now);
                }
                hear(&mut alive, now, true);
            }
            for after in [after, alive] {
                let says_nothing = ran.answer().is_none() && after == *world;
                if !says_nothing && !worlds.contains(&after) {
                    worlds.push(after);
                }
            }
        }
        worlds
    }

    fn note(&mut self, done: u64, why: String) {
        let depth = done.count_ones() as usize;
        if depth >= self.furthest.0 {
            self.furthest = (depth, why);
        }
    }
}

fn with(done: u64, index: usize) -> u64 {
    done | 1 << index
}

fn has(done: u64, index: usize) -> bool {
    done & 1 << index != 0
}

fn noted_call(learn: &Learn) -> Option<(String, Micros)> {
    match learn {
        Learn::LastCall(name, now) => Some((name.clone(), *now)),
        _ => None,
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
