//! Calls: what is known of a number and its links, the call in flight, the counters, calls that ended unheard, and the locks.

pub mod call_record;
pub mod callers;
pub mod counters;
pub mod detail;
pub mod door;
pub mod excess;
pub mod explanation;
pub mod facts;
pub mod hearing;
pub mod hot_row;
pub mod known_call;
pub mod leases;
pub mod links;
pub mod live_call;
pub mod locks;
pub mod lost;
pub mod meters;
pub mod nodes;
pub mod parties;
pub mod preview;
pub mod rejects;
pub mod reservation;
pub mod schedules;
pub mod settle;
pub mod turns;
pub mod windows;
