//! The turns of a round robin campaign: one call at a time takes one.

use crate::calls::locks::lock_campaign;
use crate::postgres::savepoint::Savepoint;

/// A round robin campaign's turns, held by this call until its savepoint is rolled back.
pub struct Turns {
    pub campaign_id: i64,
    pub savepoint: Savepoint,
}

impl Turns {
    pub fn lock(campaign_id: i64) -> Self {
        let savepoint = Savepoint::begin();
        lock_campaign(campaign_id);
        Turns {
            campaign_id,
            savepoint,
        }
    }
}
