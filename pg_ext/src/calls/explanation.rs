//! What a call to a number would get, link by link, by the same reads and the same gates as a route. It writes nothing and takes
//! no transaction id, so it also works on a standby.

use std::rc::Rc;

use capconduit_core::facts::{Campaign, Dialled};
use capconduit_core::gates::callers::former;
use capconduit_core::{Asked, Link, Reject, Verdict, did, gates, select, stopped};

use crate::calls::facts::{count_as_marked, read_dialled, read_shadowed};
use crate::calls::links::read_links;
use crate::postgres::look::View;
use crate::postgres::result_row::{ResultRows, result_row};

result_row! {
    #[derive(Clone, Default)]
    pub struct Explanation {
        campaign_id: Option<i64>,
        campaign_name: Option<Rc<str>>,
        routing_strategy: Option<&'static str>,
        link_id: Option<i64>,
        client_id: Option<i64>,
        client_identifier: Option<String>,
        eligible: bool,
        reason: &'static str,
        active: Option<i32>,
        max_concurrency: Option<i32>,
        counted: Option<i64>,
        total_calls_allowed: Option<i64>,
        forwarding_priority: Option<i32>,
        weight: Option<i32>,
        place: Option<i32>,
        share: Option<f64>,
        did_id: Option<i64>,
        reject_reason: Option<&'static str>,
    }
}

/// Who may see the DID; to everybody else it does not exist.
pub enum Whose {
    Anyone,
    Only(Option<i64>),
}

/// What there is to tell: why no link was asked, or the links of the campaign, and the campaigns behind it.
pub struct Explained<'a> {
    asked: Asked<'a>,
    dialled: Option<Dialled>,
    stop: Option<Reject>,
    links: Vec<Link>,
    shadowed: Vec<Campaign>,
}

/// What one row is about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    pub asked: &'a Asked<'a>,
    /// None: nobody has the number.
    pub dialled: Option<&'a Dialled>,
    pub part: Part<'a>,
}

#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// No link was asked.
    Call,
    Link(&'a Link),
    /// A campaign behind this one.
    Behind(&'a Campaign),
}

pub fn explain<'a>(did: &str, asked: Asked<'a>, whose: Whose) -> Explained<'a> {
    let nothing = |stop| Explained {
        asked,
        dialled: None,
        stop: Some(stop),
        links: Vec::new(),
        shadowed: Vec::new(),
    };
    let Some(number) = did::normalize(did) else {
        return nothing(Reject::InvalidDidInput);
    };
    let visible = |dialled: &Dialled| match whose {
        Whose::Anyone => true,
        Whose::Only(user_id) => user_id == Some(dialled.user_id),
    };
    View::Calling.look(|at| {
        let Some(mut dialled) = read_dialled(at, &number, asked.caller).filter(visible) else {
            return nothing(Reject::DidNotFound);
        };
        let asked = Asked {
            former: former(&dialled, asked.at),
            ..asked
        };
        let links = gates::admit(&dialled, &asked).map(|campaign| read_links(at, campaign.id, asked.caller));
        let links = links.unwrap_or_default();
        count_as_marked(at, &mut dialled, links.iter().any(|link| link.seller_metered));
        if let Err(gate) = gates::admit(&dialled, &asked) {
            return Explained {
                dialled: Some(dialled),
                ..nothing(gate.says)
            };
        }
        Explained {
            asked,
            stop: links.is_empty().then_some(Reject::NoActiveClientsInCampaign),
            links,
            shadowed: read_shadowed(at, &dialled),
            dialled: Some(dialled),
        }
    })
}

impl Explained<'_> {
    /// A row for each part, completed by what `detail` says of it.
    pub fn into_rows<D, R>(
        self,
        detail: impl Fn(About<'_>) -> D,
        complete: impl Fn(Explanation, D) -> R,
    ) -> ResultRows<R> {
        let dialled = self.dialled.as_ref();
        let detail = |part: Part<'_>| {
            detail(About {
                asked: &self.asked,
                dialled,
                part,
            })
        };
        let verdicts = select::judge_all(&self.links, &self.asked);
        // What a call would be told now; NULL where somebody takes it.
        let rejected = match self.stop {
            Some(stop) => Some(stop),
            None if verdicts.contains(&Verdict::Eligible) => None,
            None => Some(stopped::reject_reason(&verdicts)),
        };
        let nothing = Explanation {
            did_id: dialled.map(|dialled| dialled.did_id),
            reject_reason: rejected.map(Reject::token),
            ..Explanation::default()
        };
        let campaign = dialled.and_then(|dialled| gates::admit(dialled, &self.asked).ok());
        let described = campaign.map_or_else(|| nothing.clone(), |campaign| describe(campaign, &nothing));
        let mut rows = Vec::with_capacity(self.links.len() + self.shadowed.len() + 1);
        if let Some(stop) = self.stop {
            let row = Explanation {
                reason: stop.token(),
                ..described.clone()
            };
            rows.push(complete(row, detail(Part::Call)));
        }
        if let Some(campaign) = campaign {
            let places = select::places(campaign.strategy, &self.links, &verdicts, &self.asked);
            for ((link, verdict), (place, share)) in self.links.into_iter().zip(verdicts).zip(places) {
                let detail = detail(Part::Link(&link));
                let row = Explanation {
                    link_id: Some(link.id),
                    client_id: Some(link.client_id),
                    client_identifier: Some(link.client_identifier),
                    eligible: verdict == Verdict::Eligible,
                    reason: verdict.token(),
                    active: Some(link.active),
                    max_concurrency: Some(link.max_concurrency),
                    counted: Some(link.counted),
                    total_calls_allowed: link.total_calls_allowed,
                    forwarding_priority: Some(link.forwarding_priority),
                    weight: Some(link.weight),
                    place,
                    share,
                    ..described.clone()
                };
                rows.push(complete(row, detail));
            }
            for shadowed in &self.shadowed {
                let row = Explanation {
                    reason: "shadowed",
                    ..describe(shadowed, &nothing)
                };
                rows.push(complete(row, detail(Part::Behind(campaign))));
            }
        }
        ResultRows(rows)
    }
}

fn describe(campaign: &Campaign, row: &Explanation) -> Explanation {
    Explanation {
        campaign_id: Some(campaign.id),
        campaign_name: Some(campaign.name.as_str().into()),
        routing_strategy: Some(campaign.strategy.name()),
        ..row.clone()
    }
}
