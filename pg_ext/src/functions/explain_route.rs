//! `explain_route`: what a call to this number would get now, link by link, by the same reads and the same rules as
//! `route_call`. It writes nothing and takes no transaction id, so it also works on a standby.

use capconduit_core::{Link, Reject, Verdict, did, select};
use pgrx::pg_extern;

use crate::calls::campaigns::Campaign;
use crate::calls::facts::{Dialled, read_dialled, read_links};
use crate::postgres::look::View;
use crate::postgres::result_row::Records;
use crate::postgres::spi::{Argument, Statement, arg, connected};

/// campaign_id, campaign_name, routing_strategy, link_id, client_id, client_identifier, eligible, reason, active,
/// max_concurrency, counted, total_calls_allowed, forwarding_priority, weight, place, share, did_id, reject_reason.
type ExplainRows = Records<18>;

#[pg_extern(sql = false)]
fn explain_route(did: Option<&str>) -> ExplainRows {
    connected(|| explain(did.unwrap_or_default(), Whose::Anyone)).into_rows()
}

#[pg_extern(sql = false)]
fn explain_own_did(did: Option<&str>) -> ExplainRows {
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
        let did_id = self.did_id;
        let without_link = |campaign: Option<&Campaign>, reason: &str| {
            let mut row = [None; 18];
            if let Some(campaign) = campaign {
                row[..3].copy_from_slice(&describe(campaign));
            }
            row[6..8].copy_from_slice(&[arg(false), arg(reason)]);
            row[16..].copy_from_slice(&[arg(did_id), arg(rejected)]);
            row
        };
        let mut rows = Vec::with_capacity(self.links.len() + self.shadowed.len() + 1);
        if let Some(stop) = self.stop {
            rows.push(without_link(self.campaign.as_ref(), stop.token()));
        }
        if let Some(campaign) = &self.campaign {
            let [id, name, strategy] = describe(campaign);
            let places = select::places(campaign.strategy, &self.links, &verdicts);
            for ((link, verdict), (place, share)) in self.links.iter().zip(verdicts).zip(places) {
                rows.push([
                    id,
                    name,
                    strategy,
                    arg(link.id),
                    arg(link.client_id),
                    arg(link.client_identifier.as_str()),
                    arg(verdict == Verdict::Eligible),
                    arg(verdict.token()),
                    arg(link.active),
                    arg(link.max_concurrency),
                    arg(link.counted),
                    arg(link.total_calls_allowed),
                    arg(link.forwarding_priority),
                    arg(link.weight),
                    arg(place),
                    arg(share),
                    arg(did_id),
                    arg(rejected),
                ]);
            }
        }
        rows.extend(
            self.shadowed
                .iter()
                .map(|campaign| without_link(Some(campaign), "shadowed")),
        );
        Records(rows)
    }
}

fn describe(campaign: &Campaign) -> [Argument; 3] {
    [
        arg(campaign.id),
        arg(campaign.name.as_str()),
        arg(campaign.strategy.name()),
    ]
}
