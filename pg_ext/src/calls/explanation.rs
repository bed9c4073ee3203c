//! What a call to a number would get, link by link, by the same reads and the same gates as a route. It writes nothing and takes
//! no transaction id, so it also works on a standby.

use std::rc::Rc;

use capconduit_core::facts::{Campaign, Dialled};
use capconduit_core::gates::callers::former;
use capconduit_core::overflow::Exit;
use capconduit_core::{Asked, Link, Reject, Verdict, did, gates, select, stopped};

use crate::calls::facts::{count_as_marked, read_dialled, read_shadowed};
use crate::calls::links::read_links;
use crate::calls::overflow::{Leaving, former_of, leave_at_route};
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

/// What there is to tell: why no link was asked, or the links of the campaign; those of the one that its calls overflow to now; and the
/// campaigns behind it.
pub struct Explained<'a> {
    asked: Asked<'a>,
    dialled: Option<Dialled>,
    stop: Option<Reject>,
    links: Vec<Link>,
    leaving: Option<Leaving>,
    links_beyond: Vec<Link>,
    shadowed: Vec<Campaign>,
}

/// What one row is about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    pub asked: &'a Asked<'a>,
    /// None: nobody has the number.
    pub dialled: Option<&'a Dialled>,
    /// The same, with all campaigns that such a call is counted by.
    pub counted: Option<&'a Dialled>,
    pub part: Part<'a>,
    /// It is asked now because its campaign, or the one before, has nobody else.
    pub exit: Option<Exit>,
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
        leaving: None,
        links_beyond: Vec::new(),
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
        let links = gates::admit(&dialled, &asked)
            .map(|campaign| read_links(at, campaign.id, &campaign.overflow, asked.caller));
        let mut links = links.unwrap_or_default();
        count_as_marked(at, &mut dialled, links.iter().any(|link| link.seller_metered));
        if let Err(gate) = gates::admit(&dialled, &asked) {
            return Explained {
                dialled: Some(dialled),
                ..nothing(gate.says)
            };
        }
        let mut leaving = leave_at_route(at, &dialled, &mut links, &asked);
        let mut links_beyond = Vec::new();
        if let Some(leaving) = &mut leaving
            && let Some(beyond) = leaving.campaign()
        {
            links_beyond = read_links(at, beyond.id, &beyond.overflow, asked.caller);
            links = std::mem::take(&mut leaving.links);
        }
        Explained {
            asked,
            leaving,
            links_beyond,
            stop: links.is_empty().then_some(Reject::NoActiveClientsInCampaign),
            links,
            shadowed: read_shadowed(at, &dialled),
            dialled: Some(dialled),
        }
    })
}

/// Links that are asked one after the other, and what a call is to pass before.
struct Asking<'a> {
    dialled: Option<&'a Dialled>,
    /// What such a call is counted by.
    counted: Option<&'a Dialled>,
    asked: Asked<'a>,
    /// Why links are asked that others come before.
    leaving: Option<&'a Leaving>,
    links: Vec<Link>,
    verdicts: Vec<Verdict>,
}

impl<'a> Asking<'a> {
    fn new(
        dialled: Option<&'a Dialled>,
        asked: Asked<'a>,
        leaving: Option<&'a Leaving>,
        links: Vec<Link>,
    ) -> Self {
        Asking {
            verdicts: select::judge_all(&links, &asked),
            dialled,
            counted: dialled,
            asked,
            leaving,
            links,
        }
    }

    fn campaign(&self) -> Option<&'a Campaign> {
        self.dialled
            .and_then(|dialled| gates::admit(dialled, &self.asked).ok())
    }

    fn exit_to(&self, part: Part<'_>) -> Option<Exit> {
        let leaving = self.leaving.filter(|leaving| match part {
            Part::Link(link) => leaving.is_for(link),
            Part::Call => leaving.beyond.is_some(),
            Part::Behind(_) => false,
        });
        leaving.map(|leaving| leaving.exit)
    }

    fn is_taken(&self) -> bool {
        self.campaign().is_some() && self.verdicts.contains(&Verdict::Eligible)
    }
}

impl Explained<'_> {
    /// A row for each part, completed by what `detail` says of it.
    pub fn into_rows<D, R>(
        self,
        detail: impl Fn(About<'_>) -> D,
        complete: impl Fn(Explanation, D) -> R,
    ) -> ResultRows<R> {
        let dialled = self.dialled.as_ref();
        let leaving = self.leaving.as_ref();
        let beyond = leaving.and_then(|leaving| leaving.beyond.as_deref());
        let first = Asking::new(
            dialled,
            self.asked,
            leaving.filter(|_| beyond.is_none()),
            self.links,
        );
        let counted = beyond.zip(dialled).map(|(beyond, dialled)| Dialled {
            beyond: beyond.campaign.clone().map(Box::new),
            ..dialled.clone()
        });
        let then = beyond.map(|beyond| {
            let former = dialled.and_then(|dialled| former_of(dialled, Some(beyond), self.asked.at));
            let asked = Asked { former, ..self.asked };
            Asking {
                counted: counted.as_ref(),
                ..Asking::new(Some(beyond), asked, leaving, self.links_beyond)
            }
        });
        // What a call would be told now; NULL where somebody takes it.
        let is_taken = first.is_taken() || then.as_ref().is_some_and(Asking::is_taken);
        let rejected = (!is_taken).then(|| match (leaving, self.stop) {
            (Some(leaving), _) => leaving.says,
            (None, Some(stop)) => stop,
            (None, None) => stopped::reject_reason(&first.verdicts),
        });
        let nothing = Explanation {
            did_id: dialled.map(|dialled| dialled.did_id),
            reject_reason: rejected.map(Reject::token),
            ..Explanation::default()
        };
        let mut rows = Vec::with_capacity(first.links.len() + self.shadowed.len() + 1);
        let mut tell = |asking: Asking<'_>, stop: Option<Reject>| {
            let about = |part| About {
                asked: &asking.asked,
                dialled: asking.dialled,
                counted: asking.counted,
                part,
                exit: asking.exit_to(part),
            };
            let campaign = asking.campaign();
            // A number's campaign is told where it takes the call.
            let told = campaign.or_else(|| asking.leaving.and_then(Leaving::campaign));
            let described = told.map_or_else(|| nothing.clone(), |campaign| describe(campaign, &nothing));
            if let Some(stop) = stop {
                let row = Explanation {
                    reason: stop.token(),
                    ..described.clone()
                };
                rows.push(complete(row, detail(about(Part::Call))));
            }
            let Some(campaign) = campaign else {
                return;
            };
            let places = select::places(campaign.strategy, &asking.links, &asking.verdicts, &asking.asked);
            let details: Vec<D> = asking
                .links
                .iter()
                .map(|link| detail(about(Part::Link(link))))
                .collect();
            let judged = asking.links.into_iter().zip(asking.verdicts);
            for (((link, verdict), (place, share)), detail) in judged.zip(places).zip(details) {
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
        };
        let campaign = first.campaign();
        tell(first, self.stop);
        if let Some(then) = then {
            let stop = then
                .dialled
                .and_then(|beyond| gates::admit(beyond, &then.asked).err());
            let nobody = then.links.is_empty().then_some(Reject::NoActiveClientsInCampaign);
            tell(then, stop.map(|gate| gate.says).or(nobody));
        }
        for (campaign, shadowed) in campaign
            .iter()
            .flat_map(|campaign| self.shadowed.iter().map(move |behind| (*campaign, behind)))
        {
            let row = Explanation {
                reason: "shadowed",
                ..describe(shadowed, &nothing)
            };
            let about = About {
                asked: &self.asked,
                dialled,
                counted: dialled,
                part: Part::Behind(campaign),
                exit: None,
            };
            rows.push(complete(row, detail(about)));
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
