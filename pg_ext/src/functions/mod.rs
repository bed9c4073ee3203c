//! One file per SQL function: the checks of its arguments and its story. What it does to calls is in `calls`.

pub mod arguments;
pub mod call_answered;
mod caller_rules_fault;
pub mod explain_call;
mod explain_own_call;
pub mod explain_route;
pub mod flush_seen;
pub mod is_time_zone;
pub mod log_call;
pub mod next_target;
pub mod node_heartbeat;
pub mod node_report;
pub mod node_started;
mod overflow_fault;
pub mod present_window;
pub mod preview_call;
pub mod preview_route;
pub mod release_call;
pub mod release_expired;
pub mod release_node;
pub mod route_call;
pub mod schedule_fault;
pub mod table_access;
