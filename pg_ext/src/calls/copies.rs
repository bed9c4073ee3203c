//! Reads from copies that lie together: beside a campaign's numbers what their DIDs say, beside its links what the
//! campaign and the clients say. Foreign keys hold each copy equal to its source, so they never tell anything else than
//! the tables themselves; they tell it from two index pages instead of a dozen pages of five tables.
//!
//! They serve the ordinary case, a call that nothing stops. Whatever else is to be told is read from the tables.

use capconduit_core::{Link, Strategy};

use crate::calls::campaigns::strategy;
use crate::calls::links::configured;
use crate::postgres::look::At;
use crate::postgres::lookup::{Key, Lookup};
use crate::postgres::scan::Scan;
use crate::postgres::spi::arg;

static NUMBERS: Lookup = Lookup::covering(
    c"campaign_dids",
    c"campaign_dids_number_idx",
    Key::Text,
    &[c"campaign_id", c"did_id", c"did_user_id", c"did_status"],
);
static LINKS: Lookup = Lookup::covering(
    c"campaign_client_settings",
    c"campaign_client_settings_decision_idx",
    Key::Int8,
    &[
        c"id",
        c"client_id",
        c"status",
        c"max_concurrency",
        c"total_calls_allowed",
        c"forwarding_priority",
        c"weight",
        c"client_endpoint",
        c"client_status",
        c"client_has_contact",
        c"campaign_user_id",
        c"campaign_owner_status",
        c"campaign_status",
        c"campaign_strategy",
    ],
);

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
pub fn open_links(at: At) -> Option<Scan> {
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
        did = row.is(3, "active").then(|| (row.need(1), row.need(2)));
        campaigns.push(row.need::<i64>(0));
    }
    let (did_id, user_id) = did?;
    // In the index the campaigns follow each other by id: the lowest that is active takes the calls.
    for id in campaigns {
        let campaign = read_offered_campaign(&mut links, id)?;
        if campaign.owner == user_id && campaign.active {
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
pub fn read_offered_campaign(links: &mut Scan, id: i64) -> Option<OfferedCampaign> {
    let mut campaign: Option<OfferedCampaign> = None;
    links.seek(arg(id));
    while let Some(row) = links.next() {
        let campaign = campaign.get_or_insert_with(|| OfferedCampaign {
            id,
            strategy: strategy(row.need_text(13)),
            links: Vec::new(),
            owner: row.need(10),
            active: row.is(11, "active") && row.is(12, "active"),
        });
        let link = configured(
            &row,
            row.need_text(7).to_owned(),
            row.is(8, "active"),
            row.need(9),
        );
        campaign.links.push(link);
    }
    campaign
}
