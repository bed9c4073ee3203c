//! `release_expired`: closes calls whose lease is over, and calls of switches that have fallen silent.

use pgrx::pg_extern;
use pgrx::pg_sys::{INT4OID, INT8OID};

use crate::calls::hearing::dead_nodes_sql;
use crate::calls::leases::LEASE_EXPIRED;
use crate::calls::lost::{close_soon, lock_calls_sql, read_held};
use crate::calls::{hearing, locks};
use crate::postgres::result_row::Record;
use crate::postgres::spi::{Statement, arg, connected};
use crate::postgres::transaction::require_read_committed;
use crate::postgres::{early_lock_release, error, guc};

static LOCK_EXPIRED: Statement = Statement::new(
    lock_calls_sql!("where l.lease_until < now() limit $1"),
    &[INT8OID],
);

static LOCK_ON_DEAD_NODES: Statement = Statement::new(
    lock_calls_sql!(
        "where l.lease_until >= now() and l.node = any (array(",
        dead_nodes_sql!(),
        ")) limit $1"
    ),
    &[INT8OID, INT4OID],
);

#[pg_extern(sql = false)]
fn release_expired(max: Option<i32>) -> Record<2> {
    require_read_committed("release_expired");
    let max = i64::from(max.unwrap_or(100));
    if !(1..=10_000).contains(&max) {
        error::invalid("max must be between 1 and 10000");
    }
    let released = connected(|| {
        locks::enter_live_calls();
        early_lock_release::arm();
        let silence_counts = hearing::catch_up();
        let mut held = read_held(&LOCK_EXPIRED.run(&[arg(max)]), LEASE_EXPIRED);
        let left = max - held.len() as i64;
        if left > 0 && silence_counts {
            let rows = LOCK_ON_DEAD_NODES.run(&[arg(left), arg(guc::NODE_SILENCE_SECONDS.get())]);
            held.extend(read_held(&rows, "node silent"));
        }
        close_soon(held)
    });
    Record([arg("ok"), arg(released)])
}
