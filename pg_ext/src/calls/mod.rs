//! Calls: what is known of a number and its links, the call in flight, the counters, calls that ended unheard, and the locks.

pub mod copies;
pub mod counters;
pub mod excess;
pub mod hearing;
pub mod links;
pub mod live_call;
pub mod locks;
pub mod lost;
pub mod rejects;
