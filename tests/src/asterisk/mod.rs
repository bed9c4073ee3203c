//! Real calls: a network of its own, the shipped configuration in a real Asterisk, SIPp for callers and call centers.
//!
//! `Site` is the network, `TestAsterisk` a switch in it, `Center` a call center, `Caller` somebody who calls. What
//! SIPp saw on the wire (`Seen`) is what a record is compared with. `Machine` is a host on which a switch is yet to be
//! installed.

mod kamailio;
mod machine;
mod raw;
mod record;
mod sipp;
mod site;
mod switch;
mod trace;

pub use kamailio::Kamailio;
pub use machine::Machine;
pub use raw::{Raw, RawCaller, Reply};
pub use record::CallRecord;
pub use sipp::{Caller, Center, Running};
pub use site::{Place, Site};
pub use switch::TestAsterisk;
pub use trace::{Message, Seen};
