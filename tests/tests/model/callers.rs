//! The model's callers: what is marked of one and remembered of its calls, and whom that stops.

use super::rows::Micros;
use super::world::{SECOND, World};

/// Where a caller can be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Platform,
    Seller(i64),
    Campaign(i64),
    Client(i64),
    Link(i64),
}

/// What a mark says: what people have set, or what a call has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    Allowed,
    Blocked,
    Offered,
    Answered,
    Qualified,
}

impl Fact {
    /// Of a call, not of people.
    pub fn is_seen(self) -> bool {
        !matches!(self, Fact::Allowed | Fact::Blocked)
    }

    pub fn name(self) -> &'static str {
        match self {
            Fact::Allowed => "allowed",
            Fact::Blocked => "blocked",
            Fact::Offered => "offered",
            Fact::Answered => "answered",
            Fact::Qualified => "qualified",
        }
    }
}

pub type MarkKey = (Scope, String, Fact);

#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Of what people have set: never compared.
    pub at: Micros,
    /// None: for ever.
    pub until: Option<Micros>,
    pub taken_by: Option<i64>,
}

/// Which call, of whom, in which scope.
pub type AwaitedKey = (String, Scope, String);

/// For how long, in seconds; none of them: for ever.
pub type Kept = Option<i64>;

/// A call whose outcome is not known yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Awaited {
    pub taken_by: i64,
    pub at: Micros,
    pub answered: Option<Kept>,
    pub qualified: Option<Kept>,
    /// When it was lost, and until when it may have been one of these.
    pub lost: Option<(Micros, Option<Micros>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub after: Fact,
    pub seconds: Kept,
    pub action: &'static str,
}

/// Who had the caller, and may have it first, or alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Former {
    pub client: i64,
    pub only: bool,
}

/// A campaign that is asked whether it takes a caller's call, and its seller.
#[derive(Debug, Clone, Copy)]
pub struct Asks {
    pub user: i64,
    pub campaign: i64,
    /// The number's own. Else the platform and the seller's rules were asked for it.
    pub is_first: bool,
}

impl Asks {
    fn scopes(self) -> [Scope; 2] {
        [Scope::Seller(self.user), Scope::Campaign(self.campaign)]
    }
}

/// Who calls, as far as a decision goes by it.
#[derive(Debug, Clone, Default)]
pub struct Who {
    /// Else nobody asks on behalf of a caller.
    pub is_known: bool,
    pub number: Option<String>,
    pub former: Option<Former>,
}

impl Who {
    pub fn calls(number: Option<&str>) -> Who {
        Who {
            is_known: true,
            number: number.and_then(canonical),
            former: None,
        }
    }
}

/// As marks have it. None: without a number.
pub fn canonical(number: &str) -> Option<String> {
    if number.starts_with('+') {
        Some(number.to_owned())
    } else {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("+{number}"))
    }
}

/// A call of before that a rule goes by: since when, and which client had it.
type Before = (Micros, Option<i64>);

impl World {
    pub fn rules_of(&self, scope: Scope) -> &[Rule] {
        self.rules.get(&scope).map_or(&[], Vec::as_slice)
    }

    fn mark(&self, scope: Scope, caller: &str, fact: Fact) -> Option<&Mark> {
        self.rows.marks.get(&(scope, caller.to_owned(), fact))
    }

    fn holds(&self, scope: Scope, who: &Who, fact: Fact, at: Micros) -> bool {
        let mark = who
            .number
            .as_ref()
            .and_then(|caller| self.mark(scope, caller, fact));
        mark.is_some_and(|mark| mark.until.is_none_or(|until| until > at))
    }

    /// By the marks of one scope alone.
    fn blocks(&self, scope: Scope, who: &Who, at: Micros) -> bool {
        self.holds(scope, who, Fact::Blocked, at) && !self.holds(scope, who, Fact::Allowed, at)
    }

    /// A call in flight counts, and the last one that was lost may have been what a rule goes by.
    fn before(&self, scope: Scope, who: &Who, rule: &Rule, at: Micros) -> Option<Before> {
        let caller = who.number.as_ref()?;
        let is_remembered = |seen: Micros, until: Option<Micros>| -> bool {
            until.is_none_or(|until| until > at)
                && rule.seconds.is_none_or(|seconds| seen + seconds * SECOND > at)
        };
        let known = self.mark(scope, caller, rule.after);
        let known = known.filter(|mark| is_remembered(mark.at, mark.until));
        let known = known.map(|mark| (mark.at, mark.taken_by));
        if rule.after == Fact::Offered {
            return known;
        }
        let calls = || {
            let all = self.rows.awaited.iter();
            all.filter(|((_, other, whose), _)| *other == scope && whose == caller)
                .map(|(_, call)| call)
        };
        let up = calls().filter(|call| call.lost.is_none());
        if let Some(last) = up.max_by_key(|call| call.at) {
            return Some((last.at, Some(last.taken_by)));
        }
        let lost = calls().filter_map(|call| Some((call.lost?, call.taken_by)));
        let lost = lost.max_by_key(|((lost_at, _), _)| *lost_at);
        let lost = lost.filter(|((lost_at, until), _)| is_remembered(*lost_at, *until));
        let lost = lost.map(|((lost_at, _), client)| (lost_at, Some(client)));
        known.into_iter().chain(lost).max_by_key(|(seen, _)| *seen)
    }

    /// Whether a link or a client has had the caller, and has not allowed it.
    fn has_had(&self, scope: Scope, who: &Who, at: Micros) -> bool {
        !self.holds(scope, who, Fact::Allowed, at)
            && self
                .rules_of(scope)
                .iter()
                .any(|rule| self.before(scope, who, rule, at).is_some())
    }

    fn is_allowed(&self, of: Asks, who: &Who, at: Micros) -> bool {
        of.scopes()
            .iter()
            .any(|scope| self.holds(*scope, who, Fact::Allowed, at))
    }

    /// Rules of a seller and its campaign that remember the caller.
    fn repeats(&self, of: Asks, who: &Who, at: Micros) -> Vec<(&'static str, Before)> {
        if self.is_allowed(of, who, at) {
            return Vec::new();
        }
        let seller = of.is_first.then_some(Scope::Seller(of.user));
        let scopes = seller.into_iter().chain([Scope::Campaign(of.campaign)]);
        scopes
            .flat_map(|scope| {
                let rules = self.rules_of(scope).iter();
                rules.filter_map(move |rule| Some((rule.action, self.before(scope, who, rule, at)?)))
            })
            .collect()
    }

    /// The client that had the caller last, where a rule asks for it.
    pub fn former(&self, of: Asks, who: &Who, at: Micros) -> Option<Former> {
        let asked_for = self.repeats(of, who, at).into_iter();
        let asked_for = asked_for.filter(|(action, _)| action.starts_with("same"));
        let clients = asked_for
            .filter_map(|(action, (seen, client))| Some((action == "same_client_only", seen, client?)));
        let (only, _, client) = clients.max()?;
        Some(Former { client, only })
    }

    /// Why nobody may take this caller's call.
    pub fn stops_caller(&self, of: Asks, who: &Who, at: Micros) -> Option<&'static str> {
        let campaign = of.campaign;
        let is_allowed = self.is_allowed(of, who, at);
        let is_blocked = of
            .scopes()
            .iter()
            .any(|scope| self.holds(*scope, who, Fact::Blocked, at));
        if of.is_first && self.blocks(Scope::Platform, who, at) || is_blocked && !is_allowed {
            return Some("caller_blocked");
        }
        if self.rejects_anonymous.contains(&campaign) && who.is_known && who.number.is_none() {
            return Some("anonymous_caller");
        }
        let repeats = self.repeats(of, who, at);
        if repeats.iter().any(|(action, _)| *action == "reject") {
            return Some("duplicate_caller");
        }
        let last = who.number.as_ref().and_then(|caller| {
            let last = self.mark(Scope::Campaign(campaign), caller, Fact::Offered);
            last.filter(|_| !is_allowed).map(|mark| mark.at)
        });
        let spaced = self.redial.get(&campaign).copied().zip(last);
        let too_soon = spaced.is_some_and(|(seconds, last)| (at - last).abs() < seconds * SECOND);
        too_soon.then_some("redial_too_soon")
    }

    /// Why a link may not take this caller's call.
    pub fn link_stops_caller(&self, link: i64, who: &Who, at: Micros) -> Option<&'static str> {
        let client = self.links[&link].client;
        if self.blocks(Scope::Client(client), who, at) {
            Some("client_blocks_caller")
        } else if self.blocks(Scope::Link(link), who, at) {
            Some("link_blocks_caller")
        } else if self.has_had(Scope::Client(client), who, at) {
            Some("client_duplicate_caller")
        } else if self.has_had(Scope::Link(link), who, at) {
            Some("link_duplicate_caller")
        } else {
            let other = who.former.filter(|former| former.only && former.client != client);
            other.map(|_| "same_client_only")
        }
    }

    /// Whether these have seen of a caller what the other world has, so that its calls follow one another.
    pub fn remembers_as(&self, other: &World, scopes: &[Scope], who: &Who) -> bool {
        let Some(caller) = &who.number else {
            return true;
        };
        let ruled = scopes.iter().filter(|scope| self.is_ruled(**scope));
        let of = |world: &World, scope: Scope| {
            let marks = [Fact::Offered, Fact::Answered, Fact::Qualified];
            let marks = marks.map(|fact| world.mark(scope, caller, fact).cloned());
            let calls = world.rows.awaited.iter();
            let calls = calls.filter(|((_, at, whose), _)| *at == scope && whose == caller);
            let calls = calls.map(|(key, call)| (key.clone(), call.clone()));
            (marks, calls.collect::<Vec<_>>())
        };
        ruled.copied().all(|scope| of(self, scope) == of(other, scope))
    }

    pub fn is_ruled(&self, scope: Scope) -> bool {
        let redial = matches!(scope, Scope::Campaign(id) if self.redial.contains_key(&id));
        redial || !self.rules_of(scope).is_empty()
    }

    pub fn awaits(&self, scope: Scope) -> bool {
        let mut rules = self.rules_of(scope).iter();
        rules.any(|rule| rule.after != Fact::Offered)
    }

    /// Whether a scope remembers what comes to this, and for how long.
    pub fn kept_for(&self, scope: Scope, fact: Fact) -> Option<Kept> {
        let mut rules = self.rules_of(scope).iter();
        let ruled = rules.find(|rule| rule.after == fact).map(|rule| rule.seconds);
        let redial = match scope {
            Scope::Campaign(id) if fact == Fact::Offered => self.redial.get(&id).copied(),
            _ => None,
        };
        match (ruled, redial) {
            (Some(seconds), Some(redial)) => Some(seconds.map(|seconds| seconds.max(redial))),
            (None, Some(redial)) => Some(Some(redial)),
            (ruled, None) => ruled,
        }
    }
}
