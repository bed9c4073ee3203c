//! Leases that are over: a call whose end nobody has told, and whose switch has had its time.

use pgrx::pg_sys::INT8OID;

use crate::calls::lost::{LockedCall, close_all, lock, lock_calls};
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::look::View;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::spi::Query;
use crate::postgres::tables::live_calls;
use crate::postgres::transaction::began;

static EXPIRED: Lookup<live_calls::Of> =
    lookup!(live_calls by live_calls_lease_until_idx (Before): link_id, holds_slot);

/// The first of these links on which a lease has expired.
pub fn expired_on(link_ids: &[i64]) -> Option<i64> {
    if link_ids.is_empty() {
        return None;
    }
    let now = began();
    let first = View::Fresh.look(|at| {
        let mut first = None;
        let mut expired = EXPIRED.open(at);
        expired.seek(instant(now));
        while first != Some(0)
            && let Some(row) = expired.next()
        {
            let link_id = row.need(live_calls::link_id);
            if row.need(live_calls::holds_slot)
                && let Some(place) = link_ids.iter().position(|id| *id == link_id)
            {
                first = first.map_or(Some(place), |first: usize| Some(first.min(place)));
            }
        }
        first
    });
    first.map(|place| link_ids[place])
}

static LOCK_EXPIRED_ON: Query<LockedCall> = lock_calls!(
    &[INT8OID],
    "where l.lease_until < now() and l.holds_slot and l.link_id = $1 limit 10"
);

/// A route that found the link full takes back what is owed to it, and locks no other link by it.
pub fn release_expired_on(armed: Armed, link_id: i64) {
    close_all(armed, &lock(&LOCK_EXPIRED_ON, &[arg(link_id)], LEASE_EXPIRED));
}

pub const LEASE_EXPIRED: &str = "lease expired";
