//! Reads from copies that lie together: beside a campaign's numbers what their DIDs say, beside its links what the
//! campaign and the clients say. Foreign keys hold each copy equal to its source, so they never tell anything else than
//! the tables themselves; they tell it from two index pages instead of a dozen pages of five tables.
//!
//! They serve the ordinary case, a call that nothing stops. Whatever else is to be told is read from the tables.

use capconduit_core::{Link, Strategy};

use crate::calls::campaigns::{strategy, takes_calls};
use crate::calls::links::configured;
use crate::postgres::argument::arg;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::scan::Scan;
use crate::postgres::tables::{campaign_client_settings, campaign_dids};

static NUMBERS: Lookup<campaign_dids::Of> =
    lookup!(campaign_dids by campaign_dids_number_idx (Text): campaign_id, did_id, did_user_id, did_status)
        .covering();
static LINKS: Lookup<campaign_client_settings::Of> = lookup!(campaign_client_settings by campaign_client_settings_decision_idx (Int8): id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight, client_endpoint, client_status, client_has_contact, campaign_user_id, campaign_owner_status, campaign_status, campaign_strategy).covering();

/// A number's campaign and its links, which are yet to be counted.
pub struct Offered {
    pub did_id: i64,
    pub user_id: i64,
    pub campaign: OfferedCampaign,
}

/// What the links of a campaign tell of it.
pub struct OfferedCampaign {
    pub id: i64,
    pub strategy: Strategy,
    /// By id, as they are configured.
    pub links: Vec<Link>,
    owner: i64,
    /// Both campaign and owner.
    active: bool,
}

/// The copies beside links, if there are any.
pub fn open_links(at: At<'_>) -> Option<Scan<'_, campaign_client_settings::Of>> {
    LINKS.open_covering(at)
}

/// The campaign that takes a number's calls, if nothing stops them before its links are looked at. `None` where only the
/// tables can tell.
pub fn read_offered(at: At, number: &str) -> Option<Offered> {
    let mut numbers = NUMBERS.open_covering(at)?;
    let mut links = open_links(at)?;
    let mut did = None;
    let mut campaigns = Vec::new();
    numbers.seek(arg(number));
    while let Some(row) = numbers.next() {
        did = row.is(campaign_dids::did_status, "active").then(|| {
            (
                row.need(campaign_dids::did_id),
                row.need(campaign_dids::did_user_id),
            )
        });
        campaigns.push(row.need(campaign_dids::campaign_id));
    }
    let (did_id, user_id) = did?;
    // In the index the campaigns follow each other by id: the lowest comes first.
    for id in campaigns {
        let campaign = read_offered_campaign(&mut links, id)?;
        if takes_calls(campaign.owner, campaign.active, user_id) {
            return Some(Offered {
                did_id,
                user_id,
                campaign,
            });
        }
    }
    None
}

/// `None` without links: then nothing is known here of the campaign.
pub fn read_offered_campaign(
    links: &mut Scan<'_, campaign_client_settings::Of>,
    id: i64,
) -> Option<OfferedCampaign> {
    let mut campaign: Option<OfferedCampaign> = None;
    links.seek(arg(id));
    while let Some(row) = links.next() {
        let campaign = campaign.get_or_insert_with(|| OfferedCampaign {
            id,
            strategy: strategy(row.need(campaign_client_settings::campaign_strategy)),
            links: Vec::new(),
            owner: row.need(campaign_client_settings::campaign_user_id),
            active: row.is(campaign_client_settings::campaign_owner_status, "active")
                && row.is(campaign_client_settings::campaign_status, "active"),
        });
        let link = configured(
            &row,
            row.need(campaign_client_settings::client_endpoint).to_owned(),
            row.is(campaign_client_settings::client_status, "active"),
            row.need(campaign_client_settings::client_has_contact),
        );
        campaign.links.push(link);
    }
    campaign
}
