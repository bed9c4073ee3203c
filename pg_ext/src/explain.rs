//! `explain_route`: what a call to this number would get now, link by link, by the same reads and the same rules as
//! `route_call`. It writes nothing and takes no transaction id, so it also works on a standby.

use capconduit_core::{Link, Reject, Verdict, did, select};
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern, pg_sys};

use crate::fetch::View;
use crate::links::{Campaign, Dialled, read_dialled, read_links};
use crate::record;
use crate::spi::{Statement, connected};

/// In the order of the function's columns.
type ExplainRow = (
    name!(campaign_id, Option<i64>),
    name!(campaign_name, Option<String>),
    name!(routing_strategy, Option<&'static str>),
    name!(link_id, Option<i64>),
    name!(client_id, Option<i64>),
    name!(client_identifier, Option<String>),
    name!(eligible, bool),
    name!(reason, &'static str),
    name!(active, Option<i32>),
    name!(max_concurrency, Option<i32>),
    name!(counted, Option<i64>),
    name!(total_calls_allowed, Option<i64>),
    name!(forwarding_priority, Option<i32>),
    name!(weight, Option<i32>),
    name!(place, Option<i32>),
    name!(share, Option<f64>),
    name!(did_id, Option<i64>),
    name!(reject_reason, Option<&'static str>),
);

/// As many as ExplainRow has.
const COLUMNS: usize = 18;

type ExplainRows = TableIterator<'static, ExplainRow>;

#[pg_extern(sql = false)]
fn explain_route(did: Option<&str>, fcinfo: pg_sys::FunctionCallInfo) -> ExplainRows {
    // SAFETY: the call under way.
    unsafe { record::shape(fcinfo, COLUMNS) };
    connected(|| explain(did.unwrap_or_default(), Whose::Anyone)).into_rows()
}

#[pg_extern(sql = false)]
fn explain_own_did(did: Option<&str>, fcinfo: pg_sys::FunctionCallInfo) -> ExplainRows {
    // SAFETY: the call under way.
    unsafe { record::shape(fcinfo, COLUMNS) };
    connected(|| {
        let rows = SESSION_USER.run_read_only(&[]);
        let user_id = rows.first().and_then(|columns| columns.get());
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
        let (Some(campaign), None) = (dialled.campaign, dialled.stop) else {
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
            campaign: Some(campaign),
            links,
            shadowed: dialled.shadowed,
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
        let rejected = rejected.map(Reject::token);
        let without_link = |campaign: Option<&Campaign>, reason| -> ExplainRow {
            (
                campaign.map(|campaign| campaign.id),
                campaign.map(|campaign| campaign.name.clone()),
                campaign.map(|campaign| campaign.strategy.name()),
                None,
                None,
                None,
                false,
                reason,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                None,
                self.did_id,
                rejected,
            )
        };
        let mut rows = Vec::with_capacity(self.links.len() + self.shadowed.len() + 1);
        if let Some(stop) = self.stop {
            rows.push(without_link(self.campaign.as_ref(), stop.token()));
        }
        if let Some(campaign) = &self.campaign {
            let places = select::places(campaign.strategy, &self.links, &verdicts);
            for ((link, verdict), (place, share)) in self.links.iter().zip(verdicts).zip(places) {
                rows.push((
                    Some(campaign.id),
                    Some(campaign.name.clone()),
                    Some(campaign.strategy.name()),
                    Some(link.id),
                    Some(link.client_id),
                    Some(link.client_identifier.clone()),
                    verdict == Verdict::Eligible,
                    verdict.token(),
                    Some(link.active),
                    Some(link.max_concurrency),
                    Some(link.counted),
                    link.total_calls_allowed,
                    Some(link.forwarding_priority),
                    Some(link.weight),
                    place,
                    share,
                    self.did_id,
                    rejected,
                ));
            }
        }
        rows.extend(
            self.shadowed
                .iter()
                .map(|campaign| without_link(Some(campaign), "shadowed")),
        );
        TableIterator::new(rows)
    }
}
