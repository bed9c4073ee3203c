//! What is marked of a caller, and remembered of its calls. It is looked up only where a row says that its scope has something of the kind, so
//! that others' calls cost what they cost.

use std::borrow::Cow;
use std::ffi::CStr;

use capconduit_core::Link;
use capconduit_core::caller_rules::{self, After, CallerRule, Of};
use capconduit_core::callers::{Marked, Scope, Seen, canonical};
use capconduit_core::facts::Campaign;
use pgrx::JsonB;
use pgrx::pg_sys::{INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID};

use crate::calls::locks::lock_caller;
use crate::postgres::access;
use crate::postgres::argument::{Argument, arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::spi::Change;
use crate::postgres::tables::{caller_calls, caller_marks};
use crate::postgres::transaction::now;

static MARKS: Lookup<caller_marks::Of> =
    lookup!(caller_marks by caller_marks_key_kind_after_key (Text): kind, after, until, taken_by, at);
static CALLS: Lookup<caller_calls::Of> =
    lookup!(caller_calls by caller_calls_pkey (Text): taken_by, at, lost_at, until);

/// Of the caller as the switch gave it.
pub fn read_marked(at: At, scope: Scope, caller: Option<&str>, rules: &[CallerRule]) -> Marked {
    let mut marked = Marked::default();
    let Some(caller) = canonical(caller) else {
        return marked;
    };
    let key = scope.key(&caller);
    let mut marks = MARKS.open(at);
    marks.seek(arg(key.as_str()));
    while let Some(mark) = marks.next() {
        let until = mark.get(caller_marks::until).unwrap_or(i64::MAX);
        let seen = || {
            Some(Seen {
                at: mark.need(caller_marks::at),
                until,
                client_id: mark.get(caller_marks::taken_by),
            })
        };
        match mark.need(caller_marks::kind) {
            "allowed" => marked.allowed_until = Some(until),
            "blocked" => marked.blocked_until = Some(until),
            _ => match mark.get(caller_marks::after).and_then(After::parse) {
                Some(After::Answered) => marked.answered = seen(),
                Some(After::Qualified) => marked.qualified = seen(),
                _ => marked.offered = seen(),
            },
        }
    }
    if rules.iter().any(|rule| rule.after != After::Offered) {
        let mut calls = CALLS.open(at);
        calls.seek(arg(key.as_str()));
        while let Some(call) = calls.next() {
            let lost_at = call.get(caller_calls::lost_at);
            let seen = Seen {
                at: lost_at.unwrap_or_else(|| call.need(caller_calls::at)),
                until: call.get(caller_calls::until).unwrap_or(i64::MAX),
                client_id: Some(call.need(caller_calls::taken_by)),
            };
            let last = match lost_at {
                None => &mut marked.in_flight,
                Some(_) => &mut marked.lost,
            };
            *last = (*last).into_iter().chain([seen]).max_by_key(|seen| seen.at);
        }
    }
    marked
}

/// As they are written down in a row.
pub fn read_rules(table: &CStr, of: Of, written: Option<JsonB>) -> Vec<CallerRule> {
    written.map_or_else(Vec::new, |JsonB(rules)| {
        caller_rules::read(of, &rules)
            .unwrap_or_else(|fault| access::refuse(table, &format!("caller_rules: {fault}")))
    })
}

/// A scope that a call is in, and what that one remembers.
#[derive(Clone, Copy)]
pub struct Remembering<'a> {
    pub scope: Scope,
    pub rules: &'a [CallerRule],
    /// The least time between two calls of one caller.
    pub min_redial_seconds: Option<i32>,
}

impl<'a> Remembering<'a> {
    pub fn of(scope: Scope, rules: &'a [CallerRule]) -> Self {
        Remembering {
            scope,
            rules,
            min_redial_seconds: None,
        }
    }

    /// Of a link, and of its client over all links of that one.
    pub fn of_link(link: &'a Link) -> [Self; 2] {
        [
            Remembering::of(Scope::Link(link.id), &link.caller_rules),
            Remembering::of(Scope::Client(link.client_id), &link.client_caller_rules),
        ]
    }

    pub fn of_campaign(campaign: &'a Campaign) -> Self {
        Remembering {
            min_redial_seconds: campaign.min_redial_seconds,
            ..Remembering::of(Scope::Campaign(campaign.id), &campaign.caller_rules)
        }
    }

    /// Its calls of one caller are reserved one after the other.
    pub fn is_any(&self) -> bool {
        !self.rules.is_empty() || self.min_redial_seconds.is_some()
    }

    /// A call in flight is known to it.
    pub fn awaits_outcome(&self) -> bool {
        self.rules.iter().any(|rule| rule.after != After::Offered)
    }

    fn after(&self, after: After) -> Option<CallerRule> {
        self.rules.iter().copied().find(|rule| rule.after == after)
    }

    /// Whether it is remembered, and for how many seconds; without a number, for ever.
    fn kept_for(&self, after: After) -> Option<Option<i64>> {
        let ruled = self.after(after).map(|rule| rule.seconds);
        let redial = (after == After::Offered)
            .then_some(self.min_redial_seconds)
            .flatten();
        match (ruled, redial) {
            (Some(Some(seconds)), Some(redial)) => Some(Some(seconds.max(redial.into()))),
            (None, Some(redial)) => Some(Some(redial.into())),
            (ruled, _) => ruled,
        }
    }
}

/// The columns of a scope: its link, client, campaign and seller.
fn columns(scope: Scope) -> [Argument<'static>; 4] {
    let none = || arg(None::<i64>);
    let mut columns = [none(), none(), none(), none()];
    let (place, id) = match scope {
        Scope::Platform => return columns,
        Scope::Link(id) => (0, id),
        Scope::Client(id) => (1, id),
        Scope::Campaign(id) => (2, id),
        Scope::Seller(id) => (3, id),
    };
    columns[place] = arg(id);
    columns
}

/// The call that came later says when, and how long it is kept.
macro_rules! see {
    ($before:literal, $marks:literal) => {
        concat!(
            $before,
            "insert into capconduit.caller_marks as old \
                 (link_id, client_id, campaign_id, user_id, caller, kind, after, until, source, created_by, at, taken_by) ",
            $marks,
            " on conflict (key, kind, after) do update \
                 set until = case when excluded.after = 'offered' or excluded.at >= old.at then excluded.until else old.until end, \
                     at = case when excluded.after = 'offered' then excluded.at else greatest(old.at, excluded.at) end, \
                     taken_by = case when excluded.at >= old.at then excluded.taken_by else old.taken_by end"
        )
    };
}

static SEE: Change = Change::new(
    see!(
        "",
        "values ($1, $2, $3, $4, $5, 'seen', $6, $7, 'call', null, $8, $9)"
    ),
    &[
        INT8OID,
        INT8OID,
        INT8OID,
        INT8OID,
        TEXTOID,
        TEXTOID,
        TIMESTAMPTZOID,
        TIMESTAMPTZOID,
        INT8OID,
    ],
);

/// A fact from now on.
fn see(
    armed: Armed,
    scope: Scope,
    caller: &str,
    after: After,
    at: i64,
    kept_for: Option<i64>,
    client_id: Option<i64>,
) {
    let until = kept_for.map(|seconds| at + seconds * 1_000_000);
    let [link, client, campaign, seller] = columns(scope);
    SEE.run(
        armed,
        &[
            link,
            client,
            campaign,
            seller,
            arg(caller),
            arg(after.name()),
            instant(until),
            instant(at),
            arg(client_id),
        ],
    );
}

static AWAIT: Change = Change::new(
    "insert into capconduit.caller_calls \
         (uniqueid, link_id, client_id, campaign_id, user_id, caller, taken_by, at, answered_seconds, qualified_seconds) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     on conflict (key, uniqueid) do update \
         set taken_by = excluded.taken_by, at = excluded.at, answered_seconds = excluded.answered_seconds, \
             qualified_seconds = excluded.qualified_seconds, lost_at = null, until = null",
    &[
        TEXTOID,
        INT8OID,
        INT8OID,
        INT8OID,
        INT8OID,
        TEXTOID,
        INT8OID,
        TIMESTAMPTZOID,
        INT4OID,
        INT4OID,
    ],
);

/// In a column: for ever.
const EVER: i32 = -1;

/// A call that got a slot of the client's, in the order of scopes. Nobody else works on this caller. One of the same id may have been lost, and its
/// record purged.
pub fn remember(armed: Armed, uniqueid: &str, caller: &str, scopes: &[Remembering], client_id: i64, at: i64) {
    for remembering in scopes {
        let scope = remembering.scope;
        if let Some(kept_for) = remembering.kept_for(After::Offered) {
            see(armed, scope, caller, After::Offered, at, kept_for, None);
        }
        if remembering.awaits_outcome() {
            let seconds = |after| {
                let kept_for = remembering.kept_for(after);
                let seconds = kept_for.map(|seconds| seconds.map_or(EVER, |seconds| seconds as i32));
                arg(seconds)
            };
            let [link, client, campaign, seller] = columns(scope);
            AWAIT.run(
                armed,
                &[
                    arg(uniqueid),
                    link,
                    client,
                    campaign,
                    seller,
                    arg(caller),
                    arg(client_id),
                    instant(at),
                    seconds(After::Answered),
                    seconds(After::Qualified),
                ],
            );
        }
    }
}

static LEAVE: Change = Change::new(
    "delete from capconduit.caller_calls where uniqueid = $1 and num_nonnulls(link_id, client_id) = 1",
    &[TEXTOID],
);
static PASS_ON: Change = Change::new(
    "update capconduit.caller_calls set taken_by = $2 where uniqueid = $1",
    &[TEXTOID, INT8OID],
);

/// The call goes on to another client: the link and the client that it leaves did not have it.
pub fn pass_on(armed: Armed, uniqueid: &str, client_id: i64) {
    LEAVE.run(armed, &[arg(uniqueid)]);
    PASS_ON.run(armed, &[arg(uniqueid), arg(client_id)]);
}

static SETTLE: Change = Change::new(
    see!(
        "with gone as (delete from capconduit.caller_calls where uniqueid = $1 returning *) ",
        "select g.link_id, g.client_id, g.campaign_id, g.user_id, g.caller, 'seen', e.after, \
                case when e.seconds >= 0 then e.at + make_interval(secs => e.seconds) end, 'call', null, e.at, g.taken_by \
           from gone g \
          cross join lateral (values ('answered', g.answered_seconds, least(greatest($2, g.at), clock_timestamp())), \
                                     ('qualified', g.qualified_seconds, least(greatest($3, g.at), clock_timestamp()))) \
                             e (after, seconds, at) \
          where e.seconds is not null and case e.after when 'answered' then $2 else $3 end is not null \
            and (g.campaign_id is null or exists (select from capconduit.campaigns c where c.id = g.campaign_id)) \
          order by g.key, e.after"
    ),
    &[TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID],
);

/// What the call has come to is known: when it was answered, and when it had talked enough. By the switch's clock, which is believed between
/// the call's reservation and now: one that is behind would have it forgotten at once.
pub fn settle(
    armed: Armed,
    uniqueid: &str,
    caller: Option<&str>,
    answered_at: Option<i64>,
    qualified_at: Option<i64>,
) {
    // Before any counter, as a route does. Whoever has no number any more was erased meanwhile, and has left nothing.
    if let Some(caller) = canonical(caller) {
        lock_caller(&caller);
    }
    SETTLE.run(
        armed,
        &[arg(uniqueid), instant(answered_at), instant(qualified_at)],
    );
}

/// The same of a call that nothing was reserved for.
pub fn note(
    armed: Armed,
    caller: Option<&str>,
    scopes: &[(Scope, Vec<CallerRule>)],
    client_id: Option<i64>,
    answered_at: Option<i64>,
    qualified_at: Option<i64>,
) {
    let Some(caller) = canonical(caller) else {
        return;
    };
    if scopes.iter().all(|(_, rules)| rules.is_empty()) {
        return;
    }
    lock_caller(&caller);
    let now = now();
    for (scope, rules) in scopes {
        let remembering = Remembering::of(*scope, rules);
        for (after, at) in [(After::Answered, answered_at), (After::Qualified, qualified_at)] {
            if let (Some(at), Some(kept_for)) = (at, remembering.kept_for(after)) {
                see(armed, *scope, &caller, after, at.min(now), kept_for, client_id);
            }
        }
    }
}

static LOSE: Change = Change::new(
    "update capconduit.caller_calls \
        set lost_at = now(), \
            until = case when -1 in (answered_seconds, qualified_seconds) then 'infinity' \
                         else now() + make_interval(secs => greatest(answered_seconds, qualified_seconds)) end \
      where uniqueid = $1",
    &[TEXTOID],
);
static FORGET: Change = Change::new(
    "delete from capconduit.caller_calls where uniqueid = $1",
    &[TEXTOID],
);

/// A call whose end nobody told: it may have been answered by who had it, if somebody had.
pub fn lose(armed: Armed, uniqueid: &str, held_slot: bool) {
    let what = if held_slot { &LOSE } else { &FORGET };
    what.run(armed, &[arg(uniqueid)]);
}

/// The caller as marks have it, where one of these is to remember it.
pub fn remembered<'a, 'b>(
    caller: Option<&'a str>,
    scopes: impl IntoIterator<Item = Remembering<'b>>,
) -> Option<Cow<'a, str>> {
    let any = scopes.into_iter().any(|scope| scope.is_any());
    any.then(|| canonical(caller)).flatten()
}
