//! The model's overflow: who is asked where a campaign has nobody for a call.

use super::callers::{Asks, Former, Who};
use super::caps::{OVER, stops};
use super::judge::{Judged, describe, judge, none_takes_it};
use super::meters::Subject;
use super::rows::{Micros, Overflowed};
use super::world::World;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum To {
    /// Another one of the same seller.
    Campaign(i64),
    /// A link of its own, which is asked for nothing else.
    Link(i64),
}

pub const EXITS: [&str; 3] = ["all_closed", "all_capped", "no_more_targets"];

/// Which exit a new call leaves by, whoever passes over its caller.
pub fn exit_of(judged: &Judged) -> Option<&'static str> {
    let is_of_caller = |verdict: &str| verdict.ends_with("_caller") || verdict == "same_client_only";
    let others = judged.iter().filter(|(_, verdict)| !is_of_caller(verdict));
    match none_takes_it(&others.copied().collect()).0 {
        "all_closed" => Some("all_closed"),
        "all_capped" | "no_eligible_clients_available" => Some("all_capped"),
        "no_active_clients_in_campaign" => Some("no_more_targets"),
        _ => None,
    }
}

/// The links that are asked for a call, and what is known of them by one look.
pub struct Asking {
    pub campaign: i64,
    pub former: Option<Former>,
    pub judged: Judged,
    /// Why others were not enough.
    pub leaving: Option<Leaving>,
    /// Why this campaign takes no such call.
    pub stop: Option<&'static str>,
}

pub struct Leaving {
    exit: &'static str,
    to: To,
    from: i64,
    decided: String,
}

impl Asking {
    /// A call's own campaign.
    pub fn own(
        look: &World,
        campaign: i64,
        former: Option<Former>,
        tried: &[i64],
        who: &Who,
        at: Micros,
    ) -> Asking {
        let who = Who {
            former,
            ..who.clone()
        };
        Asking {
            campaign,
            former,
            judged: judge(look, campaign, None, tried, &who, at),
            leaving: None,
            stop: None,
        }
    }

    /// Who is asked where the call leaves these by that exit. `tried` gives the links of a campaign that it cannot go to.
    pub fn then(
        &self,
        look: &World,
        exit: Option<&'static str>,
        tried: impl Fn(i64, bool) -> Vec<i64>,
        who: &Who,
        at: Micros,
    ) -> Option<Asking> {
        let exit = exit?;
        let exits = look.overflow.get(&self.campaign)?;
        let (_, to) = exits.iter().find(|(of, _)| *of == exit)?;
        let leaving = Some(Leaving {
            exit,
            to: *to,
            from: self.campaign,
            decided: describe(&self.judged, None),
        });
        let user = look.campaigns[&self.campaign].user;
        let (campaign, former, asked_last, stop) = match *to {
            To::Link(id) => (self.campaign, self.former, Some(id), None),
            To::Campaign(id) => {
                let other = look.campaigns.get(&id)?;
                if other.status != "active" || other.user != user {
                    return None;
                }
                let asks = Asks {
                    user,
                    campaign: id,
                    is_first: false,
                };
                let former = strictest(self.former, look.former(asks, who, at));
                (id, former, None, look.stops_beyond(asks, who, at))
            }
        };
        let who = Who {
            former,
            ..who.clone()
        };
        let tried = tried(campaign, campaign != self.campaign);
        Some(Asking {
            campaign,
            former,
            judged: judge(look, campaign, asked_last, &tried, &who, at),
            leaving,
            stop,
        })
    }

    /// The campaign that the call leaves for this one.
    pub fn left(&self) -> Option<i64> {
        let leaving = self.leaving.as_ref()?;
        matches!(leaving.to, To::Campaign(_)).then_some(leaving.from)
    }

    /// What is kept of a call that comes to this link by it.
    pub fn brings(&self, link: i64, reserved: Micros) -> Overflowed {
        let leaving = self.leaving.as_ref().filter(|leaving| leaving.is_for(link));
        Overflowed {
            exit: leaving.map(|leaving| leaving.exit.to_owned()),
            from: self.left(),
            at: self.left().map(|_| reserved),
        }
    }

    pub fn describe(&self, chosen: Option<i64>) -> String {
        let then = match self.stop {
            Some(gate) => gate.to_owned(),
            None => describe(&self.judged, chosen),
        };
        match &self.leaving {
            Some(leaving) => format!("{}>{}>{then}", leaving.decided, leaving.exit),
            None => then,
        }
    }
}

impl Leaving {
    fn is_for(&self, link: i64) -> bool {
        match self.to {
            To::Campaign(_) => true,
            To::Link(id) => id == link,
        }
    }
}

/// Of two that are asked for: who is to have a call alone; where both are, nobody.
fn strictest(first: Option<Former>, then: Option<Former>) -> Option<Former> {
    let (Some(one), Some(other)) = (first, then) else {
        return first.or(then);
    };
    let nobody = Former {
        client: -1,
        only: true,
    };
    match (one.only, other.only) {
        (true, true) if one.client != other.client => Some(nobody),
        (false, true) => Some(other),
        _ => Some(one),
    }
}

impl World {
    /// Whether a link waits until its campaign has nobody else.
    pub fn keeps_back(&self, link: i64) -> bool {
        let exits = self.overflow.get(&self.links[&link].campaign);
        exits.is_some_and(|exits| exits.iter().any(|(_, to)| *to == To::Link(link)))
    }

    /// By which gate a campaign stops calls that overflow to it.
    fn stops_beyond(&self, asks: Asks, who: &Who, at: Micros) -> Option<&'static str> {
        let id = asks.campaign;
        if self.is_paused("campaigns", id) {
            Some("campaign_paused")
        } else if self.closed.contains(&("campaigns", id)) {
            Some("campaign_closed")
        } else {
            let full = |over| stops(self, &[Subject::Campaign(id)], over, at);
            self.stops_caller(asks, who, at)
                .or_else(|| OVER.iter().find_map(|over| full(over)))
        }
    }

    /// Another campaign of the same seller, or a link of this one.
    pub fn may_overflow_to(&self, campaign: i64, exit: &(&'static str, To)) -> bool {
        let Some(own) = self.campaigns.get(&campaign) else {
            return true;
        };
        let stood = self.overflow.get(&campaign);
        match exit.1 {
            _ if stood.is_some_and(|exits| exits.contains(exit)) => true,
            To::Campaign(id) => {
                let other = self.campaigns.get(&id);
                id != campaign && other.is_some_and(|other| other.user == own.user)
            }
            To::Link(id) => self.links.get(&id).is_some_and(|link| link.campaign == campaign),
        }
    }

    /// What is gone is named no more.
    pub fn forget_overflow(&mut self, gone: Subject) {
        let named = match gone {
            Subject::Campaign(id) => To::Campaign(id),
            Subject::Link(id) => To::Link(id),
            _ => return,
        };
        if let To::Campaign(id) = named {
            self.overflow.remove(&id);
        }
        for exits in self.overflow.values_mut() {
            exits.retain(|(_, to)| *to != named);
        }
    }
}
