//! Calls that a campaign has nobody for: who is asked then, and what is kept of it.

use capconduit_core::callers::{Former, Marked};
use capconduit_core::facts::{Campaign, Dialled};
use capconduit_core::gates::callers::{former, strictest};
use capconduit_core::overflow::{Exit, Overflow, To};
use capconduit_core::{Asked, Link, Reject, Verdict, decision, select, stopped};

use crate::calls::facts::read_beyond;
use crate::postgres::look::At;

/// The campaign that a call has left, and when it got its first slot in the one that it is in now: it counts in both.
#[derive(Clone, Copy)]
pub struct Left {
    pub campaign_id: i64,
    pub at: i64,
}

impl Left {
    /// As columns have it.
    pub fn new(campaign_id: Option<i64>, at: Option<i64>) -> Option<Self> {
        Some(Left {
            campaign_id: campaign_id?,
            at: at?,
        })
    }
}

/// A campaign has nobody for a call, and says who is asked then.
pub struct Leaving {
    pub exit: Exit,
    to: To,
    /// What the call is told if that one has nobody either.
    pub says: Reject,
    /// Why nobody of its own takes the call.
    decided: String,
    /// The other one's caps were read by this.
    pub seller_metered: bool,
    /// The links that do not.
    pub links: Vec<Link>,
    /// The other campaign, as what a call is to pass. None: a link of its own is asked, or the other campaign takes no calls.
    pub beyond: Option<Box<Dialled>>,
}

impl Leaving {
    pub fn campaign(&self) -> Option<&Campaign> {
        self.beyond.as_ref().and_then(|beyond| beyond.campaign.as_ref())
    }

    /// With what was found of who is asked then.
    pub fn describe(&self, then: String) -> String {
        match (self.to, &self.beyond) {
            (To::Campaign(_), None) => then,
            _ => decision::overflow(&self.decided, self.exit, &then),
        }
    }

    /// Whether it leads to this link.
    pub fn is_for(&self, link: &Link) -> bool {
        match self.to {
            To::Link(id) => link.id == id,
            To::Campaign(_) => self.beyond.is_some(),
        }
    }
}

/// A campaign that calls may leave.
pub struct Leavable<'a> {
    pub user_id: i64,
    pub overflow: &'a Overflow,
    pub seller_metered: bool,
    /// Of the caller, for all of its campaigns.
    pub marked: Marked,
}

/// If the campaign has nobody, and calls leave it then. Its links are then those that may be asked: none, where another campaign is.
pub fn leave(
    at: At,
    of: &Leavable<'_>,
    why: impl FnOnce(&[Verdict]) -> (Reject, Option<Exit>),
    links: &mut Vec<Link>,
    asked: &Asked<'_>,
) -> Option<Leaving> {
    let verdicts = select::judge_all(links, asked);
    if verdicts.contains(&Verdict::Eligible) {
        return None;
    }
    let (says, exit) = why(&verdicts);
    let exit = exit?;
    let to = of.overflow.to(exit)?;
    let decided = decision::describe(links, &verdicts, None);
    let mut leaving = Leaving {
        exit,
        to,
        says,
        decided,
        seller_metered: of.seller_metered,
        links: Vec::new(),
        beyond: None,
    };
    match to {
        To::Link(id) => links
            .iter_mut()
            .filter(|link| link.id == id)
            .for_each(|link| link.kept_back = false),
        To::Campaign(id) => {
            let campaign = read_beyond(at, of.user_id, id, asked.caller, of.seller_metered);
            leaving.beyond = campaign.map(|campaign| Box::new(Dialled::overflowing_to(campaign, &of.marked)));
            if leaving.beyond.is_some() {
                leaving.links = std::mem::take(links);
            }
        }
    }
    Some(leaving)
}

/// Of a new call, by what its own links say.
pub fn leave_at_route(
    at: At,
    dialled: &Dialled,
    links: &mut Vec<Link>,
    asked: &Asked<'_>,
) -> Option<Leaving> {
    let campaign = dialled.campaign.as_ref()?;
    if campaign.overflow.is_empty() {
        return None;
    }
    let of = Leavable {
        user_id: dialled.user_id,
        overflow: &campaign.overflow,
        seller_metered: dialled.seller_metered,
        marked: dialled.marked,
    };
    let asked = Asked {
        former: former(dialled, asked.at),
        ..*asked
    };
    leave(
        at,
        &of,
        |verdicts| (stopped::reject_reason(verdicts), stopped::exit(verdicts)),
        links,
        &asked,
    )
}

/// Who is to have a call that came from there, where rules ask for who had its caller.
pub fn former_of(dialled: &Dialled, beyond: Option<&Dialled>, at: i64) -> Option<Former> {
    strictest([former(dialled, at), beyond.and_then(|beyond| former(beyond, at))])
}
