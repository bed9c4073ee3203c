//! The rules of CapConduit, without PostgreSQL and without I/O: what a number looks like, which links may take a
//! call and in what order, what a call's outcome counts, how a decision is told, what a name may hold, how
//! long a text may be. The extension in `pg_ext/src`
//! feeds them with rows; `cargo test -p capconduit-core` tests them alone.

pub mod caller_rules;
pub mod callers;
pub mod cap;
pub mod decision;
pub mod did;
pub mod facts;
pub mod gate;
pub mod gates;
pub mod hours;
pub mod meter;
pub mod names;
pub mod outcome;
pub mod overflow;
pub mod pause;
pub mod reason;
pub mod schedule;
pub mod schedule_json;
pub mod seats;
pub mod select;
pub mod set_by;
pub mod stopped;
pub mod strategy;
pub mod subject;
pub mod text;
pub mod total;
pub mod window;
pub mod zone;

pub use facts::Link;
pub use gate::{Asked, Verdict};
pub use reason::Reject;
pub use set_by::SetBy;
pub use strategy::Strategy;
pub use subject::Subject;
