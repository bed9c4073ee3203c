//! `release_expired`: closes calls whose lease is over, and calls of switches that have fallen silent.

use pgrx::pg_extern;
use pgrx::pg_sys::{INT4OID, INT8OID};

use crate::calls::door::{Answered, Door};
use crate::calls::hearing;
use crate::calls::hearing::dead_nodes_sql;
use crate::calls::leases::LEASE_EXPIRED;
use crate::calls::lost::{LockedCall, close_soon, lock, lock_calls};
use crate::postgres::argument::arg;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::spi::Query;
use crate::postgres::{error, guc};

static LOCK_EXPIRED: Query<LockedCall> = lock_calls!(&[INT8OID], "where l.lease_until < now() limit $1");

static LOCK_ON_DEAD_NODES: Query<LockedCall> = lock_calls!(
    &[INT8OID, INT4OID],
    "where l.lease_until >= now() and l.node = any (array(",
    dead_nodes_sql!(),
    ")) limit $1"
);

result_row! {
    struct Released {
        status: &'static str,
        released: i32,
    }
}

#[pg_extern(sql = false)]
fn release_expired(max: Option<i32>) -> ResultRow<Released> {
    let door = Door::of("release_expired");
    let max = i64::from(max.unwrap_or(100));
    if !(1..=10_000).contains(&max) {
        error::invalid("max must be between 1 and 10000");
    }
    let released = door.calls(|armed| {
        let silence_counts = hearing::catch_up(armed);
        let mut held = lock(&LOCK_EXPIRED, &[arg(max)], LEASE_EXPIRED);
        let left = max - held.len() as i64;
        if left > 0 && silence_counts {
            held.extend(lock(
                &LOCK_ON_DEAD_NODES,
                &[arg(left), arg(guc::NODE_SILENCE_SECONDS.get())],
                "node silent",
            ));
        }
        Answered::written(armed, close_soon(armed, held))
    });
    ResultRow(Released {
        status: "ok",
        released,
    })
}
