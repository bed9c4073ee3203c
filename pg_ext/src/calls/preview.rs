//! Whom a call to a number would be offered first, or why nobody, by the same reads and the same gates as a route. For whoever
//! asks before there is a call: a menu before it answers, a monitor once a minute.

use capconduit_core::facts::Dialled;
use capconduit_core::gates::callers::former;
use capconduit_core::{Asked, Link, Reject, did, gates};

use crate::calls::facts::{count_as_marked, read_dialled};
use crate::calls::links::{FirstTaker, first_taker};
use crate::postgres::look::View;
use crate::postgres::result_row::result_row;

result_row! {
    #[derive(Default)]
    pub struct Preview {
        status: &'static str,
        reason: Option<&'static str>,
        hangup_cause: Option<i32>,
        did_id: Option<i64>,
        campaign_id: Option<i64>,
        link_id: Option<i64>,
        client_id: Option<i64>,
        client_identifier: Option<String>,
    }
}

/// What a preview was made of.
#[derive(Clone, Copy)]
pub struct Considered<'a> {
    pub asked: &'a Asked<'a>,
    /// None: nobody has the number.
    pub dialled: Option<&'a Dialled>,
    /// None: no link was asked.
    pub links: Option<&'a FirstTaker>,
}

/// The row, completed by what `detail` says of it.
pub fn preview<D, R>(
    did: &str,
    asked: &Asked<'_>,
    detail: impl Fn(Considered<'_>) -> D,
    complete: impl Fn(Preview, D) -> R,
) -> R {
    let nobody = |reason| {
        let considered = Considered {
            asked,
            dialled: None,
            links: None,
        };
        complete(reject(reason, None, None), detail(considered))
    };
    let Some(number) = did::normalize(did) else {
        return nobody(Reject::InvalidDidInput);
    };
    View::Calling.look(|at| {
        let Some(mut dialled) = read_dialled(at, &number, asked.caller) else {
            return nobody(Reject::DidNotFound);
        };
        let did_id = Some(dialled.did_id);
        let asked = &Asked {
            former: former(&dialled, asked.at),
            ..*asked
        };
        let links = gates::admit(&dialled, asked)
            .ok()
            .map(|campaign| first_taker(at, campaign.id, campaign.strategy, asked));
        let says_metered = links
            .iter()
            .flat_map(|links| &links.links)
            .any(|link| link.seller_metered);
        count_as_marked(at, &mut dialled, says_metered);
        let admitted = gates::admit(&dialled, asked);
        let row = match (admitted, &links) {
            (Ok(campaign), Some(links)) => match links.link() {
                Ok(link) => offer(did_id, campaign.id, link),
                Err(reason) => reject(reason, did_id, Some(campaign.id)),
            },
            (admitted, _) => reject(
                admitted
                    .err()
                    .map_or(Reject::NoActiveCampaignForDid, |gate| gate.says),
                did_id,
                dialled.campaign.as_ref().map(|campaign| campaign.id),
            ),
        };
        let considered = Considered {
            asked,
            dialled: Some(&dialled),
            links: links.as_ref(),
        };
        complete(row, detail(considered))
    })
}

fn offer(did_id: Option<i64>, campaign_id: i64, link: &Link) -> Preview {
    Preview {
        status: "ok",
        did_id,
        campaign_id: Some(campaign_id),
        link_id: Some(link.id),
        client_id: Some(link.client_id),
        client_identifier: Some(link.client_identifier.clone()),
        ..Preview::default()
    }
}

fn reject(reason: Reject, did_id: Option<i64>, campaign_id: Option<i64>) -> Preview {
    Preview {
        status: "reject",
        reason: Some(reason.token()),
        hangup_cause: Some(reason.hangup_cause()),
        did_id,
        campaign_id,
        ..Preview::default()
    }
}
