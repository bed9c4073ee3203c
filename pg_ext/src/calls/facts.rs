//! What is known of a dialled number: its DID and owner, the campaign that takes its calls, and the campaign's links. One
//! author for everybody who decides or tells: the copies where they answer, else the tables.

use capconduit_core::{Link, Reject};

use crate::calls::campaigns::{CAMPAIGNS, Campaign, read_campaign, takes_calls};
use crate::calls::copies;
use crate::calls::links::{count_all, read_from_tables};
use crate::postgres::argument::arg;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::tables::{campaign_dids, campaigns, dids, users};

/// What is known of a dialled number, and what routing needs of its campaign.
pub struct Dialled {
    pub did_id: i64,
    pub user_id: i64,
    /// The active campaign with the lowest id.
    pub campaign: Option<Campaign>,
    /// The DID's later active campaigns, which get no calls.
    pub shadowed: Vec<Campaign>,
    /// What stops the call before any link is looked at.
    pub stop: Option<Reject>,
}

static DIDS: Lookup<dids::Of> = lookup!(dids by dids_number_key (Text): id, user_id, status);
static USERS: Lookup<users::Of> = lookup!(users by users_pkey (Int8): status);
static CAMPAIGN_DIDS: Lookup<campaign_dids::Of> =
    lookup!(campaign_dids by campaign_dids_pkey (Int8): campaign_id);
/// A canonical number and the campaign that takes its calls.
pub fn read_dialled(at: At, number: &str) -> Option<Dialled> {
    let (did_id, user_id, active) = DIDS.first(at, arg(number), |did| {
        (
            did.need(dids::id),
            did.need(dids::user_id),
            did.is(dids::status, "active"),
        )
    })?;
    let mut dialled = Dialled {
        did_id,
        user_id,
        campaign: None,
        shadowed: Vec::new(),
        stop: None,
    };
    let mut campaigns = read_campaigns(at, did_id, user_id).into_iter();
    dialled.campaign = campaigns.next();
    dialled.shadowed = campaigns.collect();
    dialled.stop = if !active {
        Some(Reject::DidInactive)
    } else if USERS.first(at, arg(user_id), |user| user.is(users::status, "active")) != Some(true) {
        Some(Reject::OwnerInactive)
    } else if dialled.campaign.is_none() {
        Some(Reject::NoActiveCampaignForDid)
    } else {
        None
    };
    Some(dialled)
}

/// The DID's campaigns that take its calls, by id.
fn read_campaigns(at: At, did_id: i64, user_id: i64) -> Vec<Campaign> {
    let mut ids: Vec<i64> = Vec::new();
    let mut assigned = CAMPAIGN_DIDS.open(at);
    assigned.seek(arg(did_id));
    while let Some(row) = assigned.next() {
        ids.push(row.need(campaign_dids::campaign_id));
    }
    // The index ends with the campaign's id: they come in its order.
    let mut campaigns = CAMPAIGNS.open(at);
    ids.into_iter()
        .filter_map(|id| {
            campaigns
                .get(arg(id), |row| {
                    takes_calls(
                        row.need(campaigns::user_id),
                        row.is(campaigns::status, "active"),
                        user_id,
                    )
                    .then(|| read_campaign(id, &row))
                })
                .flatten()
        })
        .collect()
}

/// A campaign's links by id, with their counters as of this moment.
pub fn read_links(at: At, campaign_id: i64) -> Vec<Link> {
    count_all(at, read_settings(at, campaign_id))
}

/// What a call to this number meets, with the links if any are to be asked.
pub fn read_all(at: At, number: &str) -> (Option<Dialled>, Vec<Link>) {
    let (dialled, links) = read_configured(at, number);
    (dialled, count_all(at, links))
}

/// The same, with the links as they are configured; the rest of each is yet to be looked up.
pub fn read_configured(at: At, number: &str) -> (Option<Dialled>, Vec<Link>) {
    if let Some(offered) = copies::read_offered(at, number)
        && let id = offered.campaign.id
        && let Some(campaign) = CAMPAIGNS.first(at, arg(id), |row| read_campaign(id, &row))
    {
        let dialled = Dialled {
            did_id: offered.did_id,
            user_id: offered.user_id,
            campaign: Some(campaign),
            shadowed: Vec::new(),
            stop: None,
        };
        return (Some(dialled), offered.campaign.links);
    }
    let dialled = read_dialled(at, number);
    let links = match &dialled {
        Some(Dialled {
            campaign: Some(campaign),
            stop: None,
            ..
        }) => read_settings(at, campaign.id),
        _ => Vec::new(),
    };
    (dialled, links)
}

/// A campaign's links by id, as they are configured; the rest of each is yet to be looked up.
pub fn read_settings(at: At, campaign_id: i64) -> Vec<Link> {
    if let Some(mut beside) = copies::open_links(at) {
        return copies::read_offered_campaign(&mut beside, campaign_id)
            .map_or_else(Vec::new, |campaign| campaign.links);
    }
    read_from_tables(at, campaign_id)
}
