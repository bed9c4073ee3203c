//! The lists of calls in flight, as they are declared.

use capconduit_core::text;

use super::objects::{LiveCall, PHASES};
use crate::http::list::{Filter, Kind, List, filter, list, sorting};

const OF_A_CALL: &[Filter] = &[
    filter("client_id", Kind::Id, "client_id = $v", "one client"),
    filter("node", Kind::Text(text::NODE), "node = $v", "one Asterisk"),
    filter(
        "caller",
        Kind::Text(text::NUMBER),
        "caller_number = $v",
        "the caller's number, exactly",
    ),
    filter("did", Kind::Number, "did_number = $v", "the dialled number"),
    filter(
        "phase",
        Kind::Choice(PHASES),
        "phase = $v",
        "ringing, talking or ending",
    ),
];
const WHOSE: &[Filter] = &[filter("user_id", Kind::Id, "user_id = $v", "one seller")];

const OWN: List = List {
    columns: "uniqueid, node, user_id, campaign_id, campaign_name, did_id, did_number, link_id, client_id, \
              client_identifier, client_name, holds_slot, attempt, caller_number, caller_name, routed_at, attempt_at, \
              answered_at, phase, lease_until",
    from: "live_calls_view",
    joins: "",
    filters: &[OF_A_CALL],
    days: None,
    sortings: &[
        sorting("routed_at", "routed_at", "uniqueid"),
        sorting("answered_at", "answered_at", "uniqueid"),
        sorting("attempt", "attempt", "uniqueid"),
    ],
    default: "-routed_at",
};

list! { pub OwnCalls of LiveCall = OWN; }

list! {
    /// Over all sellers.
    pub Calls of LiveCall = List { filters: &[WHOSE, OF_A_CALL], ..OWN };
}
