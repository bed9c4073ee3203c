//! What an operation of a race may have seen, and chosen where the model leaves a choice: one that was answered told much
//! of it, one that was not nothing.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::answer::{Answer, Heard, Seen};
use super::op::Op;
use super::rows::Micros;
use super::search::{Ran, Search};
use super::world::World;

impl Search<'_> {
    /// What it may have seen, and chosen where the model leaves a choice.
    pub(super) fn sights(&self, world: &World, index: usize) -> Vec<Seen> {
        let ran = &self.ran[index];
        let mut sights = match &ran.heard {
            Heard::Answer(answer) => vec![Seen::of(ran.now.unwrap_or(ran.asked_at), self.after, answer)],
            _ => self.unheard(world, ran),
        };
        let locked = self.may_be_locked(world, index);
        sights = each(&sights, &locked, |seen, locked| seen.locked = locked.clone());
        let looks = self.may_have_looked_at(index);
        sights = each(&sights, &looks, |seen, look| seen.look = look.clone());
        if let Op::ReleaseExpired(most) = ran.op {
            let closed = subsets(world.rows.calls.keys());
            let some = closed.into_iter().filter(|set| set.len() as i32 == most);
            let choices: Vec<_> = some.map(Some).chain([None]).collect();
            sights = each(&sights, &choices, |seen, closed| seen.closed = closed.clone());
        }
        sights
    }

    /// Nobody knows when it ran, which link it drew, and what it answered.
    fn unheard(&self, world: &World, ran: &Ran) -> Vec<Seen> {
        let seen = Seen::of(ran.asked_at, self.after, &Answer::Done);
        match ran.op {
            Op::Route(ref args) => {
                let links: Vec<i64> = world.links.keys().copied().collect();
                let sights = each(&[seen], &links, |seen, link| seen.drawn = Some(*link));
                // It may have waited before it began: its budget counts from then, which its row tells.
                let found = self.rows.calls.get(&args.uniqueid).map(|call| call.routed_at);
                let times: BTreeSet<Micros> = found.into_iter().chain([ran.asked_at]).collect();
                let times: Vec<_> = times.into_iter().collect();
                each(&sights, &times, |seen, now| seen.now = *now)
            }
            Op::Next { .. } => {
                let links: Vec<i64> = world.links.keys().copied().collect();
                let sights = each(&[seen], &links, |seen, link| seen.drawn = Some(*link));
                // The budget that was left is known from whoever was told of this call later.
                let timeouts: BTreeSet<Option<i32>> = self
                    .ran
                    .iter()
                    .filter(|other| other.op.uniqueid() == ran.op.uniqueid())
                    .map(|other| match other.answer() {
                        Some(Answer::Target(target)) => target.dial_timeout_seconds,
                        _ => None,
                    })
                    .collect();
                let timeouts: Vec<_> = timeouts.into_iter().collect();
                let mut sights = each(&sights, &timeouts, |seen, timeout| seen.timeout = *timeout);
                let mut spent = seen_spent(&sights);
                sights.append(&mut spent);
                sights
            }
            // Long ago enough for a node to be silent, or not.
            Op::Heartbeat { .. } | Op::Started { .. } | Op::ReleaseExpired(_) => {
                each(&[seen], &[ran.asked_at, self.after], |seen, now| seen.now = *now)
            }
            _ => vec![seen],
        }
    }

    /// The worlds by which it may have chosen a link: the present one, or any since it was asked.
    fn may_have_looked_at(&self, index: usize) -> Vec<Option<Rc<World>>> {
        let ran = &self.ran[index];
        let asked_by = |done: u64| self.due(done, ran.began).next().is_none();
        let chooses = matches!(ran.op, Op::Route(_) | Op::Next { .. });
        let past = self
            .past
            .iter()
            .filter(|(done, _)| chooses && asked_by(*done))
            .map(|(_, world)| Some(Rc::clone(world)));
        past.chain([None]).collect()
    }

    /// Whoever closes others' calls passes over those that others work on, until the next time. So it may have passed
    /// over any set of calls that some operation ran on, or closed, at the same time.
    fn may_be_locked(&self, world: &World, index: usize) -> Vec<BTreeSet<String>> {
        let ran = &self.ran[index];
        // A route closes what has expired on a full link.
        let closes_others = |op: &Op| {
            matches!(
                op,
                Op::Route(_) | Op::ReleaseExpired(_) | Op::Heartbeat { .. } | Op::Started { .. }
            )
        };
        if !closes_others(&ran.op) {
            return vec![BTreeSet::new()];
        }
        let others = self.ran.iter().enumerate().filter(|(other, _)| *other != index);
        let at_once: Vec<&Op> = others
            .filter(|(_, other)| other.began < ran.ended && ran.began < other.ended)
            .map(|(_, other)| &other.op)
            .collect();
        let busy = world.rows.calls.keys().filter(|id| {
            at_once
                .iter()
                .any(|op| op.uniqueid() == Some(id.as_str()) || closes_others(op))
        });
        subsets(busy)
    }
}

fn each<T>(sights: &[Seen], values: &[T], set: impl Fn(&mut Seen, &T)) -> Vec<Seen> {
    let both = sights
        .iter()
        .flat_map(|seen| values.iter().map(move |value| (seen, value)));
    both.map(|(seen, value)| {
        let mut seen = seen.clone();
        set(&mut seen, value);
        seen
    })
    .collect()
}

fn seen_spent(sights: &[Seen]) -> Vec<Seen> {
    each(sights, &["ring_budget_spent"], |seen, reason| {
        seen.reason = Some((*reason).to_owned());
    })
}

fn subsets<'s>(of: impl Iterator<Item = &'s String>) -> Vec<BTreeSet<String>> {
    of.fold(vec![BTreeSet::new()], |sets, member| {
        let with_it = sets.iter().map(|set| {
            let mut set = set.clone();
            set.insert(member.clone());
            set
        });
        sets.iter().cloned().chain(with_it).collect()
    })
}
