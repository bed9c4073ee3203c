//! A reservation: the call's row in `live_calls`, and a slot of its link.

use std::borrow::Cow;
use std::cell::Cell;

use capconduit_core::callers::Scope;
use capconduit_core::facts::{Campaign, Dialled};
use capconduit_core::{Asked, Link, Subject, Verdict, decision, gates, outcome, select};
use pgrx::pg_sys;
use pgrx::pg_sys::INT8OID;

use crate::calls::callers::{self, Remembering};
use crate::calls::counters::take_slot;
use crate::calls::facts::{count_as_marked, read_beyond, read_caller_id, read_dialled};
use crate::calls::hot_row::Changed;
use crate::calls::links::are_set_as_before;
use crate::calls::live_call::Answer;
use crate::calls::memory::Memory;
use crate::calls::meters::{self, Limits, Metered};
use crate::calls::overflow::{Leaving, former_of};
use crate::calls::{leases, nodes};
use crate::postgres::argument::{Argument, arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::guc;
use crate::postgres::held_rows::{Patience, Wait};
use crate::postgres::insert::insert;
use crate::postgres::look::At;
use crate::postgres::texts::Texts;
use crate::postgres::transaction::{began, now};

/// The call as the switch describes it.
pub struct Caller<'a> {
    pub uniqueid: &'a str,
    pub number: Option<&'a str>,
    pub name: Option<&'a str>,
    pub linkedid: Option<&'a str>,
    pub node: Option<&'a str>,
    pub sip_call_id: Option<&'a str>,
}

/// No link was tried before: pgrx makes an array of none at ten times the cost.
fn none_tried() -> Argument<'static> {
    // SAFETY: an array of no elements, of a type that is there.
    Argument::of(pg_sys::Datum::from(unsafe {
        pg_sys::construct_empty_array(INT8OID)
    }))
}

/// One round of a decision.
pub struct Choice<'a> {
    pub number: &'a str,
    pub caller: &'a Caller<'a>,
    pub asked: &'a Asked<'a>,
    pub dialled: &'a Dialled,
    /// The one whose links are asked.
    pub campaign: &'a Campaign,
    /// The number's campaign has nobody for the call.
    pub leaving: Option<&'a Leaving>,
    /// What has room only if calls are closed whose leases have expired: the number, its campaign or its seller.
    pub full: Option<Subject>,
    pub links: &'a [Link],
    /// `false`: nothing is reserved by it.
    pub is_whole: bool,
    /// See `At::ended_before`: of the look, then of the last moment at which all was as it was then.
    pub ended_before: Cell<u64>,
}

impl Caller<'_> {
    /// What gates know of the question, as of now.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            at: now(),
            caller: self.number,
            knows_caller: true,
            node: self.node,
            former: None,
        }
    }
}

impl Choice<'_> {
    /// Writes the call's row, then takes the slot: the hot row comes last, so it is locked for the shortest time.
    /// Where nothing is taken, the row must go again.
    pub fn reserve(
        &self,
        armed: Armed,
        verdicts: &[Verdict],
        index: usize,
        wait: Wait,
        patience: &Patience,
    ) -> Changed<Answer> {
        let Choice {
            caller,
            dialled,
            campaign,
            ..
        } = self;
        let link = &self.links[index];
        let turn = select::next_turn(campaign.strategy, self.links);
        let max_ring_seconds = self.first().max_ring_seconds;
        let timeout = outcome::first_timeout(campaign.dial_timeout_seconds, max_ring_seconds);
        let max_call_seconds = guc::MAX_CALL_SECONDS.get();
        let decision = self.describe(verdicts, Some(index));
        let now = began();
        let after = |seconds: i32| instant(now + i64::from(seconds) * 1_000_000);
        let texts = Texts::new();
        let reserved_at = link.reserves_at(self.asked.at).max(dialled.windows_from());
        let memory = Memory::of(self.asked.caller, self.scopes(link));
        let same_client_only = self.asked.former.is_some_and(|former| former.only);
        insert!(
            armed,
            live_calls {
                uniqueid: texts.put(caller.uniqueid),
                linkedid: texts.put(caller.linkedid),
                node: texts.put(caller.node),
                user_id: arg(dialled.user_id),
                campaign_id: arg(campaign.id),
                did_id: arg(dialled.did_id),
                did_number: texts.put(self.number),
                routing_strategy: texts.put(campaign.strategy.name()),
                link_id: arg(link.id),
                client_id: arg(link.client_id),
                holds_slot: arg(true),
                attempt: arg(1_i32),
                tried: none_tried(),
                caller_number: texts.put(caller.number),
                caller_name: texts.put(caller.name),
                routed_at: instant(now),
                attempt_at: instant(reserved_at),
                dial_timeout_seconds: arg(campaign.dial_timeout_seconds),
                attempt_timeout_seconds: arg(timeout),
                ring_deadline: after(max_ring_seconds),
                max_call_seconds: arg(max_call_seconds),
                lease_until: instant(leases::ends_at(now, max_call_seconds)),
                decision: texts.put(decision.as_str()),
                sip_call_id: texts.put(caller.sip_call_id),
                qualify_seconds: arg(link.qualify_seconds.unwrap_or(campaign.qualify_seconds)),
                awaited: arg(memory.awaits_outcome().then_some(true)),
                same_client_only: arg(same_client_only.then_some(true)),
                overflow_exit: texts.put(
                    self.leaving
                        .filter(|leaving| leaving.is_for(link))
                        .map(|leaving| leaving.exit.name())
                ),
                overflowed_from: arg(self.left().map(|campaign| campaign.id)),
                overflowed_at: instant(self.left().map(|_| reserved_at)),
            }
        );
        let taken = take_slot(
            armed,
            link,
            self.asked,
            reserved_at,
            turn,
            wait,
            |at| self.still(at, index),
            |at| read_caller_id(at, link.client_id),
        );
        let taken = taken.and_then(|caller_id| {
            let taken = self.take_meters(armed, index, reserved_at, wait, patience);
            taken.map(|()| caller_id)
        });
        taken.map(|caller_id| {
            memory.begins(armed, caller.uniqueid, link.client_id, self.asked.at);
            if let Some(node) = caller.node {
                nodes::note_call(armed, node);
            }
            Answer::target(
                1,
                link,
                campaign.id,
                timeout,
                max_call_seconds,
                caller_id,
                decision,
            )
        })
    }

    /// The number's campaign.
    fn first(&self) -> &Campaign {
        self.left().unwrap_or(self.campaign)
    }

    /// The one that the call leaves for another.
    fn left(&self) -> Option<&Campaign> {
        self.leaving
            .filter(|leaving| leaving.beyond.is_some())
            .and(self.dialled.campaign.as_ref())
    }

    pub fn describe(&self, verdicts: &[Verdict], chosen: Option<usize>) -> String {
        let decision = decision::describe(self.links, verdicts, chosen);
        match self.leaving {
            Some(leaving) => leaving.describe(decision),
            None => decision,
        }
    }

    /// The caller, where it matters whether it has called before, wherever the call may go.
    pub fn remembered(&self) -> Option<Cow<'_, str>> {
        let of_links = self.links.iter().flat_map(Remembering::of_link);
        callers::remembered(self.asked.caller, self.of_call().chain(of_links))
    }

    fn of_call(&self) -> impl Iterator<Item = Remembering<'_>> {
        let campaigns = self.left().into_iter().chain([self.campaign]);
        let seller = Remembering::of(Scope::Seller(self.dialled.user_id), &self.dialled.caller_rules);
        campaigns.map(Remembering::of_campaign).chain([seller])
    }

    /// What remembers the call's caller.
    fn scopes<'a>(&'a self, link: &'a Link) -> Vec<Remembering<'a>> {
        Remembering::of_link(link)
            .into_iter()
            .chain(self.of_call())
            .collect()
    }

    /// Behind the link's counters, in their order.
    fn take_meters(
        &self,
        armed: Armed,
        index: usize,
        reserved_at: i64,
        wait: Wait,
        patience: &Patience,
    ) -> Changed<()> {
        let (link, dialled) = (&self.links[index], self.dialled);
        let take = |of: Metered, limits: Limits, wait: Wait| {
            let still = |at: At| self.still(at, index);
            meters::take(armed, of, limits, self.asked, reserved_at, wait, still)
        };
        let mut taken = Changed::Done(());
        if link.seller_metered {
            for (subject, capped) in dialled.subjects() {
                // Who waits for the link does not need this number, nor the campaign that the call has left.
                let wait = match subject {
                    Subject::Did(_) => Wait::Moment(patience),
                    Subject::Campaign(id) if id != self.campaign.id => Wait::Moment(patience),
                    _ => wait,
                };
                let of = Metered::of_seller(subject, dialled.user_id);
                taken = taken.and_then(|()| take(of, Limits::of(capped), wait));
            }
        }
        if link.client_metered {
            taken = taken.and_then(|()| take(Metered::client(link.client_id), Limits::of_client(link), wait));
        }
        taken
    }

    /// Whether what a choice rests on beside the counters is at this moment as it was when it was made.
    fn still(&self, at: At, chosen: usize) -> bool {
        if at.ended_before() == self.ended_before.get() {
            return true;
        }
        let Some(mut dialled) = read_dialled(at, self.number, self.asked.caller) else {
            return false;
        };
        count_as_marked(at, &mut dialled, self.dialled.seller_metered);
        let caller = self.asked.caller;
        let beyond = self.left().and_then(|_| {
            read_beyond(
                at,
                dialled.user_id,
                self.campaign.id,
                caller,
                dialled.seller_metered,
            )
        });
        dialled.beyond = beyond.map(Box::new);
        if !dialled.is_capped_like(self.dialled) {
            return false;
        }
        // What is used of caps is judged by the meters themselves: this call may have taken the last place of one already.
        let dialled = dialled.uncapped();
        let Ok(first) = gates::admit(&dialled, self.asked) else {
            return false;
        };
        let beyond = dialled.beyond.as_deref().cloned();
        let beyond = beyond.map(|campaign| Dialled::overflowing_to(campaign, &dialled.marked));
        let campaign = match (self.left(), &beyond) {
            (None, _) => first,
            (Some(_), None) => return false,
            (Some(left), Some(beyond)) => match gates::admit(beyond, self.asked) {
                Ok(campaign) if first.asks_like(left) => campaign,
                _ => return false,
            },
        };
        // Who calls again is held by a lock that was taken for seller and campaigns as they were.
        let is_still = campaign.asks_like(self.campaign)
            && dialled.caller_rules == self.dialled.caller_rules
            && former_of(&dialled, beyond.as_ref(), self.asked.at) == self.asked.former
            && (dialled.did_id, dialled.user_id) == (self.dialled.did_id, self.dialled.user_id)
            && are_set_as_before(at, campaign.id, self.links, Some(chosen), self.asked)
            && self
                .leaving
                .filter(|leaving| leaving.beyond.is_some())
                .is_none_or(|leaving| are_set_as_before(at, first.id, &leaving.links, None, self.asked));
        if is_still {
            self.ended_before.set(at.ended_before());
        }
        is_still
    }
}
