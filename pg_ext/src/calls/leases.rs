//! Leases that are over: a call whose end nobody has told, and whose switch has had its time.

use pgrx::pg_sys::INT8OID;

use crate::calls::lost::{close_all, lock_calls_sql, read_held};
use crate::postgres::look::View;
use crate::postgres::lookup::{Key, Lookup};
use crate::postgres::spi::{Statement, arg, instant};
use crate::postgres::transaction::began;

static EXPIRED: Lookup = Lookup::new(
    c"live_calls",
    c"live_calls_lease_until_idx",
    Key::Before,
    &[c"link_id", c"holds_slot"],
);

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
            let link_id: i64 = row.need(0);
            if row.need(1)
                && let Some(place) = link_ids.iter().position(|id| *id == link_id)
            {
                first = first.map_or(Some(place), |first: usize| Some(first.min(place)));
            }
        }
        first
    });
    first.map(|place| link_ids[place])
}

static LOCK_EXPIRED_ON: Statement = Statement::new(
    lock_calls_sql!("where l.lease_until < now() and l.holds_slot and l.link_id = $1 limit 10"),
    &[INT8OID],
);

/// A route that found the link full takes back what is owed to it, and locks no other link by it.
pub fn release_expired_on(link_id: i64) {
    close_all(&read_held(&LOCK_EXPIRED_ON.run(&[arg(link_id)]), LEASE_EXPIRED));
}

pub const LEASE_EXPIRED: &str = "lease expired";
