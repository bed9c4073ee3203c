//! The database as handlers see it: a pool with bounds, and transactions that carry the caller's identity.

pub mod identity;
pub mod pool;
pub mod row;
pub mod tx;
