//! Leases: how long a call holds its slot without a word of its end, and which calls are over by that or by their switch's death.

use capconduit_core::Subject;
use capconduit_core::stopped::Full;
use pgrx::pg_sys::{INT4OID, INT8OID};

use crate::calls::hearing::dead_nodes_sql;
use crate::calls::lost::{Held, LockedCall, close_within_moments, lock, lock_calls};
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::guc;
use crate::postgres::held_rows::Patience;
use crate::postgres::look::View;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::spi::Query;
use crate::postgres::tables::live_calls;
use crate::postgres::transaction::began;

/// A lease outlives the longest call by this: its record may be on the way.
const MARGIN_SECONDS: i32 = 60;

/// When the lease of a call ends that was routed then, in microseconds.
pub fn ends_at(routed_at: i64, max_call_seconds: i32) -> i64 {
    routed_at + i64::from(max_call_seconds + MARGIN_SECONDS) * 1_000_000
}

/// Whether a lease is over, of `live_calls l`.
macro_rules! lease_is_over {
    () => {
        "l.lease_until < now()"
    };
}

static EXPIRED: Lookup<live_calls::Of> = lookup!(live_calls by live_calls_lease_until_idx (Before): link_id, client_id, user_id, campaign_id, overflowed_from, did_id, holds_slot);

/// The first of these of whose calls a lease has expired.
pub fn expired_on(full: &[Full]) -> Option<Full> {
    if full.is_empty() {
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
            let calls_of = [
                row.get(live_calls::link_id).map(Subject::Link),
                row.get(live_calls::client_id).map(Subject::Client),
                row.get(live_calls::did_id).map(Subject::Did),
                row.get(live_calls::campaign_id).map(Subject::Campaign),
                row.get_optional(live_calls::overflowed_from)
                    .map(Subject::Campaign),
                row.get(live_calls::user_id).map(Subject::Seller),
            ];
            if row.need(live_calls::holds_slot)
                && let Some(place) = full
                    .iter()
                    .position(|full| calls_of.contains(&Some(full.calls_of)))
            {
                first = first.map_or(Some(place), |first: usize| Some(first.min(place)));
            }
        }
        first
    });
    first.map(|place| full[place])
}

/// Whether there is one of this subject.
pub fn expired_of(calls_of: Subject) -> bool {
    let link_id = 0;
    expired_on(&[Full { link_id, calls_of }]).is_some()
}

static LOCK_EXPIRED_ON: Query<LockedCall> = lock_calls!(
    &[INT8OID],
    "where ",
    lease_is_over!(),
    " and l.holds_slot and l.link_id = $1 limit 10"
);

static LOCK_EXPIRED_OF_CLIENT: Query<LockedCall> = lock_calls!(
    &[INT8OID, INT8OID],
    "where ",
    lease_is_over!(),
    " and l.holds_slot and l.client_id = $1 order by l.link_id <> $2 limit 10"
);

macro_rules! lock_expired_of {
    ($column:literal) => {
        lock_calls!(
            &[INT8OID],
            "where ",
            lease_is_over!(),
            " and l.holds_slot and l.",
            $column,
            " = $1 order by l.link_id limit 10"
        )
    };
}

static LOCK_EXPIRED_OF_DID: Query<LockedCall> = lock_expired_of!("did_id");
// By its name: the table may be of the release before.
static LOCK_EXPIRED_OF_CAMPAIGN: Query<LockedCall> = lock_calls!(
    &[INT8OID],
    "where ",
    lease_is_over!(),
    " and l.holds_slot and $1 in (l.campaign_id, (to_jsonb(l) ->> 'overflowed_from')::bigint) order by l.link_id limit 10"
);
static LOCK_EXPIRED_OF_SELLER: Query<LockedCall> = lock_expired_of!("user_id");

/// A route that found a link full takes back what is owed to it, and locks no other link by it. Where another
/// subject is full that is owed by others, too. While others wait for what is locked by it, nothing is waited for but a moment; an error is what would have to be.
pub fn release_expired_on(armed: Armed, full: Full, patience: &Patience) -> Result<(), Subject> {
    let held = match full.calls_of {
        Subject::Link(id) => lock(&LOCK_EXPIRED_ON, &[arg(id)], LEASE_EXPIRED),
        Subject::Client(id) => lock(
            &LOCK_EXPIRED_OF_CLIENT,
            &[arg(id), arg(full.link_id)],
            LEASE_EXPIRED,
        ),
        Subject::Did(id) => lock(&LOCK_EXPIRED_OF_DID, &[arg(id)], LEASE_EXPIRED),
        Subject::Campaign(id) => lock(&LOCK_EXPIRED_OF_CAMPAIGN, &[arg(id)], LEASE_EXPIRED),
        Subject::Seller(id) => lock(&LOCK_EXPIRED_OF_SELLER, &[arg(id)], LEASE_EXPIRED),
    };
    close_within_moments(armed, held, patience).map(|_| ())
}

const LEASE_EXPIRED: &str = "lease expired";

static LOCK_EXPIRED: Query<LockedCall> = lock_calls!(&[INT8OID], "where ", lease_is_over!(), " limit $1");

/// At most so many calls whose lease is over.
pub fn lock_expired(most: i64) -> Vec<Held<'static>> {
    lock(&LOCK_EXPIRED, &[arg(most)], LEASE_EXPIRED)
}

static LOCK_ON_DEAD_NODES: Query<LockedCall> = lock_calls!(
    &[INT8OID, INT4OID],
    "where not (",
    lease_is_over!(),
    ") and l.node = any (array(",
    dead_nodes_sql!(),
    ")) limit $1"
);

/// At most so many others, of switches that are dead.
pub fn lock_on_dead_nodes(most: i64) -> Vec<Held<'static>> {
    let silence = arg(guc::NODE_SILENCE_SECONDS.get());
    lock(&LOCK_ON_DEAD_NODES, &[arg(most), silence], "node silent")
}
