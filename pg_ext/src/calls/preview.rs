//! Whom a call to a number would be offered first, or why nobody, by the same reads and the same gates as a route. For whoever
//! asks before there is a call: a menu before it answers, a monitor once a minute.

use capconduit_core::facts::Dialled;
use capconduit_core::gates::callers::former;
use capconduit_core::overflow::Exit;
use capconduit_core::{Asked, Link, Reject, did, gates};

use crate::calls::facts::{count_as_marked, read_dialled};
use crate::calls::links::{FirstTaker, first_taker, read_links};
use crate::calls::overflow::{Leaving, former_of, leave_at_route};
use crate::postgres::look::{At, View};
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
    /// None: somebody of the campaign takes the call, or its calls go nowhere else.
    pub overflow: Option<&'a Overflowed<'a>>,
    pub is_rejected: bool,
    /// The links of a campaign that takes no call now: for when it does.
    pub links_of: &'a dyn Fn(&Dialled) -> Vec<Link>,
}

/// The campaign has nobody, and says who is asked then.
pub struct Overflowed<'a> {
    leaving: Leaving,
    asked: Asked<'a>,
    /// Of the other campaign, if the call passes there. Of a link of its own: its campaign's say.
    links: Option<FirstTaker>,
}

impl Overflowed<'_> {
    pub fn exit(&self) -> Exit {
        self.leaving.exit
    }

    /// The other campaign, as what the call is to pass, how that is asked, and its links.
    pub fn beyond(&self) -> Option<(&Dialled, &Asked<'_>, Option<&FirstTaker>)> {
        let beyond = self.leaving.beyond.as_deref()?;
        Some((beyond, &self.asked, self.links.as_ref()))
    }

    fn taker(&self) -> Option<(i64, &Link)> {
        let campaign = self.leaving.campaign()?;
        Some((campaign.id, self.links.as_ref()?.link().ok()?))
    }
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
            overflow: None,
            is_rejected: true,
            links_of: &|_| Vec::new(),
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
        let mut links = gates::admit(&dialled, asked)
            .ok()
            .map(|campaign| first_taker(at, campaign, asked));
        let says_metered = links
            .iter()
            .flat_map(|links| &links.links)
            .any(|link| link.seller_metered);
        count_as_marked(at, &mut dialled, says_metered);
        let admitted = gates::admit(&dialled, asked);
        let overflow = match (&admitted, &mut links) {
            (Ok(_), Some(links)) if links.link().is_err() => overflow(at, &dialled, links, asked),
            _ => None,
        };
        let row = match (admitted, &links) {
            (Ok(campaign), Some(links)) => match (links.link(), overflow.as_ref()) {
                (Ok(link), _) => offer(did_id, campaign.id, link),
                (Err(reason), None) => reject(reason, did_id, Some(campaign.id)),
                (Err(_), Some(overflow)) => match overflow.taker() {
                    Some((campaign_id, link)) => offer(did_id, campaign_id, link),
                    None => reject(overflow.leaving.says, did_id, Some(campaign.id)),
                },
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
            overflow: overflow.as_ref(),
            is_rejected: row.reason.is_some(),
            links_of: &|dialled| {
                let campaign = dialled.campaign.as_ref();
                let links =
                    campaign.map(|campaign| read_links(at, campaign.id, &campaign.overflow, asked.caller));
                links.unwrap_or_default()
            },
        };
        complete(row, detail(considered))
    })
}

/// Where nobody of the campaign takes the call.
fn overflow<'a>(
    at: At,
    dialled: &Dialled,
    own: &mut FirstTaker,
    asked: &Asked<'a>,
) -> Option<Overflowed<'a>> {
    let leaving = leave_at_route(at, dialled, &mut own.links, asked)?;
    let asked = Asked {
        former: former_of(dialled, leaving.beyond.as_deref(), asked.at),
        ..*asked
    };
    let links = match &leaving.beyond {
        Some(beyond) => {
            own.links.clone_from(&leaving.links);
            let admitted = gates::admit(beyond, &asked).ok();
            admitted.map(|campaign| first_taker(at, campaign, &asked))
        }
        None => {
            // A link of its own is the last that is asked.
            let kept = own.links.iter().position(|link| leaving.is_for(link));
            own.asked.retain(|(index, _)| Some(*index) != kept);
            own.asked
                .extend(kept.map(|index| (index, gates::judge(&own.links[index], &asked))));
            None
        }
    };
    Some(Overflowed {
        leaving,
        asked,
        links,
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
