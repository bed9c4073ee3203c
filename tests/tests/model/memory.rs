//! What the model's calls leave of their callers: with a reservation, a failover, a record, a loss.

use super::answer::Seen;
use super::callers::{Awaited, Fact, Kept, Mark, MarkKey, Scope};
use super::rows::{Micros, Parties};
use super::world::{Learn, SECOND, World};

/// An instant that the database reads from its clock between these two.
#[derive(Clone, Copy)]
pub struct Between(pub Micros, pub Micros);

impl Between {
    pub fn exactly(at: Micros) -> Between {
        Between(at, at)
    }

    /// Not later than the clock shows.
    fn at_most(at: Micros, seen: &Seen) -> Between {
        Between(at.min(seen.now), at.min(seen.after))
    }
}

fn later(at: Micros, kept: Kept) -> Option<Micros> {
    kept.map(|seconds| at + seconds * SECOND)
}

/// The scopes of a call that is with this link.
pub fn scopes(world: &World, link: i64) -> [Scope; 2] {
    [Scope::Link(link), Scope::Client(world.links[&link].client)]
}

impl World {
    fn see(&mut self, key: MarkKey, at: Between, kept: Kept, client: Option<i64>) {
        let is_last = |old: &Mark| key.2 == Fact::Offered || at.0 >= old.at;
        if !self.rows.marks.get(&key).is_none_or(is_last) {
            return;
        }
        if at.0 < at.1 {
            self.learn.push(Learn::Marked(key.clone(), at.0, at.1));
        }
        let mark = Mark {
            at: at.0,
            until: later(at.0, kept),
            taken_by: client,
        };
        self.rows.marks.insert(key, mark);
    }

    /// A call got a slot of this client's. Gives whether its outcome is awaited.
    pub fn remember(
        &mut self,
        rules: &World,
        id: &str,
        caller: &str,
        scopes: &[Scope],
        client: i64,
        at: Between,
    ) -> bool {
        let caller = || caller.to_owned();
        for scope in scopes {
            if let Some(kept) = rules.kept_for(*scope, Fact::Offered) {
                self.see((*scope, caller(), Fact::Offered), at, kept, None);
            }
            if rules.awaits(*scope) {
                let key = (id.to_owned(), *scope, caller());
                if at.0 < at.1 {
                    self.learn.push(Learn::Awaited(key.clone(), at.0, at.1));
                }
                let call = Awaited {
                    taken_by: client,
                    at: at.0,
                    answered: rules.kept_for(*scope, Fact::Answered),
                    qualified: rules.kept_for(*scope, Fact::Qualified),
                    lost: None,
                };
                self.rows.awaited.insert(key, call);
            }
        }
        scopes.iter().any(|scope| rules.awaits(*scope))
    }

    /// The link and the client that a call leaves did not have it.
    pub fn pass_on(&mut self, id: &str, client: i64) {
        self.rows
            .awaited
            .retain(|(call, scope, _), _| call != id || !matches!(scope, Scope::Link(_) | Scope::Client(_)));
        let calls = self.rows.awaited.iter_mut();
        calls
            .filter(|((call, ..), _)| call == id)
            .for_each(|(_, call)| call.taken_by = client);
    }

    /// What a call has come to is known: when it was answered, and when it had talked enough.
    pub fn settle_caller(
        &mut self,
        id: &str,
        answered: Option<Micros>,
        qualified: Option<Micros>,
        seen: &Seen,
    ) {
        let calls = self.rows.awaited.iter().filter(|((call, ..), _)| call == id);
        let calls: Vec<_> = calls.map(|(key, call)| (key.clone(), call.clone())).collect();
        for ((id, scope, caller), call) in calls {
            for (fact, at, kept) in [
                (Fact::Answered, answered, call.answered),
                (Fact::Qualified, qualified, call.qualified),
            ] {
                if let (Some(at), Some(kept)) = (at, kept) {
                    let at = Between::at_most(at.max(call.at), seen);
                    self.see((scope, caller.clone(), fact), at, kept, Some(call.taken_by));
                }
            }
            self.rows.awaited.remove(&(id, scope, caller));
        }
    }

    /// The same of a call that nothing was reserved for, by the rules that stand now.
    pub fn note_caller(
        &mut self,
        caller: &str,
        parties: Parties,
        answered: Option<Micros>,
        qualified: Option<Micros>,
        seen: &Seen,
    ) {
        let scopes = [
            parties.link.map(Scope::Link),
            parties.client.map(Scope::Client),
            parties.campaign.map(Scope::Campaign),
            parties.user.map(Scope::Seller),
        ];
        for scope in scopes.into_iter().flatten() {
            for (fact, at) in [(Fact::Answered, answered), (Fact::Qualified, qualified)] {
                if let (Some(at), Some(kept)) = (at, self.kept_for(scope, fact)) {
                    let at = Between::at_most(at, seen);
                    self.see((scope, caller.to_owned(), fact), at, kept, parties.client);
                }
            }
        }
    }

    /// Nobody told how a call ended: it may have been answered by who had it, if somebody had.
    pub fn lose_caller(&mut self, id: &str, held_slot: bool, now: Micros) {
        if !held_slot {
            self.rows.awaited.retain(|(call, ..), _| call != id);
            return;
        }
        let calls = self.rows.awaited.iter_mut();
        for (_, call) in calls.filter(|((call, ..), _)| call == id) {
            let longest = [call.answered, call.qualified].into_iter().flatten();
            let longest = longest.map(|kept| kept.unwrap_or(i64::MAX)).max();
            let longest = longest.filter(|seconds| *seconds != i64::MAX);
            call.lost = Some((now, later(now, longest)));
        }
    }

    /// What is of a scope goes with it; a call in flight goes on.
    pub fn forget_callers(&mut self, of: Scope) {
        self.rules.remove(&of);
        self.rows.marks.retain(|(scope, ..), _| *scope != of);
        self.rows
            .awaited
            .retain(|(_, scope, _), call| *scope != of || call.lost.is_none());
        if let Scope::Campaign(id) = of {
            self.rejects_anonymous.remove(&id);
            self.redial.remove(&id);
        }
    }

    /// What has ended says nothing any more.
    pub fn sweep_callers(&mut self, now: Micros) {
        let has_ended = |until: Option<Micros>| until.is_some_and(|until| until <= now);
        self.rows.marks.retain(|_, mark| !has_ended(mark.until));
        let (calls, records) = (&self.rows.calls, &self.rows.records);
        self.rows.awaited.retain(|(id, ..), call| match call.lost {
            None => calls.contains_key(id),
            Some((_, until)) => !has_ended(until) && records.contains_key(id),
        });
    }
}
