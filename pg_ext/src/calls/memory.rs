//! What remembers calls for gates that go by those of before: the one place that hears of a call's first slot, its moves and its end. Callers do,
//! for now; whatever else is to remember is told here, and none of the functions on calls is touched.

use std::borrow::Cow;

use capconduit_core::callers::Scope;

use crate::calls::callers::{self, Remembering};
use crate::calls::facts::read_caller_rules;
use crate::calls::parties::Parties;
use crate::postgres::armed::Armed;
use crate::postgres::look::View;

/// What is to be remembered of a call wherever it may go by a slot, and by whom.
pub struct Memory<'a> {
    /// As marks have it; `None`: nobody is to remember it.
    caller: Option<Cow<'a, str>>,
    scopes: Vec<Remembering<'a>>,
}

impl<'a> Memory<'a> {
    pub fn of(caller: Option<&'a str>, scopes: Vec<Remembering<'a>>) -> Self {
        Memory {
            caller: callers::remembered(caller, scopes.iter().copied()),
            scopes,
        }
    }

    /// Whether it goes by what the call comes to: its end is to be told then.
    pub fn awaits_outcome(&self) -> bool {
        self.caller.is_some() && self.scopes.iter().any(Remembering::awaits_outcome)
    }

    /// The call got its first slot, one of this client's. Told last of all: until then the call itself is asked what is remembered.
    pub fn begins(&self, armed: Armed, uniqueid: &str, client_id: i64, at: i64) {
        if let Some(caller) = &self.caller {
            callers::remember(armed, uniqueid, caller, &self.scopes, client_id, at);
        }
    }

    /// It leaves one client for this one. Gives whether its outcome is awaited from now on.
    pub fn moves(&self, armed: Armed, uniqueid: &str, was_awaited: bool, client_id: i64, at: i64) -> bool {
        if was_awaited {
            callers::pass_on(armed, uniqueid, client_id);
        }
        self.begins(armed, uniqueid, client_id, at);
        was_awaited || self.awaits_outcome()
    }
}

/// How a call ends.
pub enum Outcome<'a> {
    /// Nobody is left to take it.
    NobodyLeft,
    /// Nobody told. It may have been answered, if it held a slot.
    Lost { held_slot: bool },
    /// When it was answered and when it was a good one, if it was.
    Recorded {
        caller: Option<&'a str>,
        answered_at: Option<i64>,
        qualified_at: Option<i64>,
    },
}

/// A call whose outcome is awaited has one. Before any counter.
pub fn ends(armed: Armed, uniqueid: &str, outcome: Outcome<'_>) {
    match outcome {
        Outcome::NobodyLeft => callers::lose(armed, uniqueid, false),
        Outcome::Lost { held_slot } => callers::lose(armed, uniqueid, held_slot),
        Outcome::Recorded {
            caller,
            answered_at,
            qualified_at,
        } => callers::settle(armed, uniqueid, caller, answered_at, qualified_at),
    }
}

/// The same of a call that nothing was reserved for, by what is to be remembered now.
pub fn notes(
    armed: Armed,
    caller: Option<&str>,
    of: Parties,
    answered_at: Option<i64>,
    qualified_at: Option<i64>,
) {
    let scopes = [
        of.link_id.map(Scope::Link),
        of.client_id.map(Scope::Client),
        of.campaign_id.map(Scope::Campaign),
        of.user_id.map(Scope::Seller),
    ];
    let scopes: Vec<_> = View::Fresh.look(|at| {
        let scopes = scopes.into_iter().flatten();
        scopes
            .map(|scope| (scope, read_caller_rules(at, scope)))
            .collect()
    });
    callers::note(armed, caller, &scopes, of.client_id, answered_at, qualified_at);
}
