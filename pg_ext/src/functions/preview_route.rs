//! `preview_route`: whom a call to this number would be offered first, in one row, by the same reads and the same rules
//! as `route_call`. For whoever asks before there is a call: a menu before it answers, a monitor once a minute.

use capconduit_core::{Link, Reject, Strategy, did};
use pgrx::pg_extern;

use crate::calls::copies;
use crate::calls::facts::{read_dialled, read_settings};
use crate::calls::links::first_taker;
use crate::postgres::look::{At, View};
use crate::postgres::result_row::Record;
use crate::postgres::spi::arg;

/// status, reason, hangup_cause, did_id, campaign_id, link_id, client_id, client_identifier.
type Preview = Record<8>;

/// Nothing here is found by a name in the search path, so the SQL declares no path of its own.
#[pg_extern(sql = false)]
fn preview_route(did: Option<&str>) -> Preview {
    let Some(number) = did::normalize(did.unwrap_or_default()) else {
        return reject(Reject::InvalidDidInput, None, None);
    };
    View::Calling.look(|at| {
        if let Some(offered) = copies::read_offered(at, &number) {
            let did_id = Some(offered.did_id);
            let campaign = offered.campaign;
            return first(at, did_id, campaign.id, campaign.strategy, campaign.links);
        }
        let Some(dialled) = read_dialled(at, &number) else {
            return reject(Reject::DidNotFound, None, None);
        };
        let did_id = Some(dialled.did_id);
        match (dialled.campaign, dialled.stop) {
            (Some(campaign), None) => first(
                at,
                did_id,
                campaign.id,
                campaign.strategy,
                read_settings(at, campaign.id),
            ),
            (campaign, stop) => reject(
                stop.unwrap_or(Reject::NoActiveCampaignForDid),
                did_id,
                campaign.map(|campaign| campaign.id),
            ),
        }
    })
}

fn first(at: At, did_id: Option<i64>, campaign_id: i64, strategy: Strategy, links: Vec<Link>) -> Preview {
    match first_taker(at, strategy, links) {
        Ok(link) => offer(did_id, campaign_id, &link),
        Err(reason) => reject(reason, did_id, Some(campaign_id)),
    }
}

fn offer(did_id: Option<i64>, campaign_id: i64, link: &Link) -> Preview {
    Record([
        arg("ok"),
        None,
        None,
        arg(did_id),
        arg(campaign_id),
        arg(link.id),
        arg(link.client_id),
        arg(link.client_identifier.as_str()),
    ])
}

fn reject(reason: Reject, did_id: Option<i64>, campaign_id: Option<i64>) -> Preview {
    Record([
        arg("reject"),
        arg(reason.token()),
        arg(reason.hangup_cause()),
        arg(did_id),
        arg(campaign_id),
        None,
        None,
        None,
    ])
}
