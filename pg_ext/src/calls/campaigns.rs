//! A campaign, as routing needs it.

use capconduit_core::Strategy;

use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::scan::Row;
use crate::postgres::tables::campaigns;
use crate::postgres::{access, guc};

pub struct Campaign {
    pub id: i64,
    pub name: String,
    pub strategy: Strategy,
    pub dial_timeout_seconds: i32,
    pub max_ring_seconds: i32,
}

/// Whether a campaign takes calls of a number that is this owner's; of several, the one with the lowest id. One of another seller
/// takes none.
pub fn takes_calls(campaign_owner: i64, is_active: bool, number_owner: i64) -> bool {
    is_active && campaign_owner == number_owner
}

pub static CAMPAIGNS: Lookup<campaigns::Of> = lookup!(campaigns by campaigns_pkey (Int8): user_id, status, name, routing_strategy, dial_timeout_seconds, max_ring_seconds);
pub fn read_campaign(id: i64, row: &Row<'_, campaigns::Of>) -> Campaign {
    Campaign {
        id,
        name: row.need(campaigns::name).to_owned(),
        strategy: strategy(row.need(campaigns::routing_strategy)),
        dial_timeout_seconds: row.need(campaigns::dial_timeout_seconds),
        max_ring_seconds: row
            .get(campaigns::max_ring_seconds)
            .unwrap_or_else(|| guc::MAX_RING_SECONDS.get()),
    }
}

pub fn strategy(name: &str) -> Strategy {
    Strategy::parse(name)
        .unwrap_or_else(|| access::refuse(c"campaigns", &format!("{name:?} is no routing_strategy")))
}
