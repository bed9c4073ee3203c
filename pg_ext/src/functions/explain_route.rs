//! `explain_route`: what a call to this number would get now, link by link, by the same reads and the same rules as
//! `route_call`. It writes nothing and takes no transaction id, so it also works on a standby.

use std::rc::Rc;

use capconduit_core::{Link, Reject, Verdict, did, select};
use pgrx::pg_extern;

use crate::calls::facts::{Campaign, Dialled, read_dialled, read_shadowed};
use crate::calls::links::read_links;
use crate::postgres::look::View;
use crate::postgres::result_row::{ResultRows, result_row};
use crate::postgres::spi::{Statement, connected};

result_row! {
    #[derive(Clone, Default)]
    struct Explanation {
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

type ExplainRows = ResultRows<Explanation>;

#[pg_extern(sql = false)]
fn explain_route(did: Option<&str>) -> ExplainRows {
    connected(|_| explain(did.unwrap_or_default(), Whose::Anyone)).into_rows()
}

#[pg_extern(sql = false)]
fn explain_own_did(did: Option<&str>) -> ExplainRows {
    connected(|_| {
        let user_id = SESSION_USER.value_read_only(&[]);
        explain(did.unwrap_or_default(), Whose::Only(user_id))
    })
    .into_rows()
}

static SESSION_USER: Statement = Statement::new("select capconduit.session_user_id()", &[]);

/// Who may see the DID; to everybody else it does not exist.
enum Whose {
    Anyone,
    Only(Option<i64>),
}

/// What there is to tell: why no link was looked at, or the links of the campaign, and the campaigns behind it.
#[derive(Default)]
struct Explained {
    did_id: Option<i64>,
    stop: Option<Reject>,
    campaign: Option<Campaign>,
    links: Vec<Link>,
    shadowed: Vec<Campaign>,
}

fn explain(did: &str, whose: Whose) -> Explained {
    let stopped = |reason, did_id| Explained {
        did_id,
        stop: Some(reason),
        ..Explained::default()
    };
    let Some(number) = did::normalize(did) else {
        return stopped(Reject::InvalidDidInput, None);
    };
    let visible = |dialled: &Dialled| match whose {
        Whose::Anyone => true,
        Whose::Only(user_id) => user_id == Some(dialled.user_id),
    };
    View::Calling.look(|at| {
        let Some(dialled) = read_dialled(at, &number).filter(visible) else {
            return stopped(Reject::DidNotFound, None);
        };
        let (Some(campaign), None) = (&dialled.campaign, dialled.stop) else {
            return Explained {
                did_id: Some(dialled.did_id),
                stop: dialled.stop,
                ..Explained::default()
            };
        };
        let links = read_links(at, campaign.id);
        Explained {
            did_id: Some(dialled.did_id),
            stop: links.is_empty().then_some(Reject::NoActiveClientsInCampaign),
            links,
            shadowed: read_shadowed(at, &dialled),
            campaign: dialled.campaign,
        }
    })
}

impl Explained {
    fn into_rows(self) -> ExplainRows {
        let verdicts = select::judge_all(&self.links);
        // What a call would be told now; NULL where somebody takes it.
        let rejected = match self.stop {
            Some(stop) => Some(stop),
            None if verdicts.contains(&Verdict::Eligible) => None,
            None => Some(select::reject_reason(&verdicts)),
        };
        let nothing = Explanation {
            did_id: self.did_id,
            reject_reason: rejected.map(Reject::token),
            ..Explanation::default()
        };
        let without_link = |campaign: Option<&Campaign>, reason| Explanation {
            reason,
            ..campaign.map_or_else(|| nothing.clone(), |campaign| describe(campaign, &nothing))
        };
        let mut rows = Vec::with_capacity(self.links.len() + self.shadowed.len() + 1);
        if let Some(stop) = self.stop {
            rows.push(without_link(self.campaign.as_ref(), stop.token()));
        }
        if let Some(campaign) = &self.campaign {
            let described = describe(campaign, &nothing);
            let places = select::places(campaign.strategy, &self.links, &verdicts);
            for ((link, verdict), (place, share)) in self.links.into_iter().zip(verdicts).zip(places) {
                rows.push(Explanation {
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
                });
            }
        }
        rows.extend(
            self.shadowed
                .iter()
                .map(|campaign| without_link(Some(campaign), "shadowed")),
        );
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
