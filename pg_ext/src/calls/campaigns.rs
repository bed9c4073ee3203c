//! A campaign, as routing needs it.

use capconduit_core::Strategy;

use crate::postgres::lookup::{Key, Lookup};
use crate::postgres::scan::Row;
use crate::postgres::{access, guc};

pub struct Campaign {
    pub id: i64,
    pub name: String,
    pub strategy: Strategy,
    pub dial_timeout_seconds: i32,
    pub max_ring_seconds: i32,
}

pub static CAMPAIGNS: Lookup = Lookup::new(
    c"campaigns",
    c"campaigns_pkey",
    Key::Int8,
    &[
        c"user_id",
        c"status",
        c"name",
        c"routing_strategy",
        c"dial_timeout_seconds",
        c"max_ring_seconds",
    ],
);
pub fn read_campaign(id: i64, row: &Row) -> Campaign {
    Campaign {
        id,
        name: row.need_text(2).to_owned(),
        strategy: strategy(row.need_text(3)),
        dial_timeout_seconds: row.need(4),
        max_ring_seconds: row.get(5).unwrap_or_else(|| guc::MAX_RING_SECONDS.get()),
    }
}

pub fn strategy(name: &str) -> Strategy {
    Strategy::parse(name)
        .unwrap_or_else(|| access::refuse(c"campaigns", &format!("{name:?} is no routing_strategy")))
}
