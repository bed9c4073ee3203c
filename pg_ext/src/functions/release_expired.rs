//! `release_expired`: closes calls whose lease is over, and calls of switches that have fallen silent.

use pgrx::pg_extern;

use crate::calls::door::{Answered, Door};
use crate::calls::lost::close_soon;
use crate::calls::{hearing, leases};
use crate::postgres::error;
use crate::postgres::result_row::{ResultRow, result_row};

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
        let mut held = leases::lock_expired(max);
        let left = max - held.len() as i64;
        if left > 0 && silence_counts {
            held.extend(leases::lock_on_dead_nodes(left));
        }
        Answered::written(armed, close_soon(armed, held))
    });
    ResultRow(Released {
        status: "ok",
        released,
    })
}
