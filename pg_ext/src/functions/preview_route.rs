//! `preview_route`: whom a call to this number would be offered first, in one row, by the same reads and the same rules
//! as `route_call`. For whoever asks before there is a call: a menu before it answers, a monitor once a minute.

use capconduit_core::{Link, Reject, did};
use pgrx::pg_extern;

use crate::calls::facts::read_dialled;
use crate::calls::links::first_taker;
use crate::postgres::look::View;
use crate::postgres::result_row::{ResultRow, result_row};

result_row! {
    #[derive(Default)]
    struct Preview {
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

/// Nothing here is found by a name in the search path, so the SQL declares no path of its own.
#[pg_extern(sql = false)]
fn preview_route(did: Option<&str>) -> ResultRow<Preview> {
    ResultRow(preview(did.unwrap_or_default()))
}

fn preview(did: &str) -> Preview {
    let Some(number) = did::normalize(did) else {
        return reject(Reject::InvalidDidInput, None, None);
    };
    View::Calling.look(|at| {
        let Some(dialled) = read_dialled(at, &number) else {
            return reject(Reject::DidNotFound, None, None);
        };
        let did_id = Some(dialled.did_id);
        match (dialled.campaign, dialled.stop) {
            (Some(campaign), None) => match first_taker(at, campaign.id, campaign.strategy) {
                Ok(link) => offer(did_id, campaign.id, &link),
                Err(reason) => reject(reason, did_id, Some(campaign.id)),
            },
            (campaign, stop) => reject(
                stop.unwrap_or(Reject::NoActiveCampaignForDid),
                did_id,
                campaign.map(|campaign| campaign.id),
            ),
        }
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
