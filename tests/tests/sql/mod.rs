//! The functions and the rights, one subject per module: what they answer, what they refuse, who may do what.
//! Read in this order they teach the call functions.

pub mod support;

mod adjust_cap;
mod attempts;
mod beyond;
mod call_caps;
mod caller_rules;
mod callers;
mod caps;
mod client_caps;
pub mod contract;
mod explain;
mod explain_call;
mod future_windows;
pub mod hostile;
mod impossible_marks;
mod logging;
mod lost;
mod overflow;
mod own_changes;
mod path;
mod pauses;
mod preview;
mod reasons;
mod rejects;
mod repair;
mod rights;
mod sample;
mod schedules;
mod seats;
mod settings;
mod settings_id;
mod silence;
mod standby;
mod tenancy;
mod transactions;
mod windows;
