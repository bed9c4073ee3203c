//! The lists of switches and of registrations, as they are declared.

use capconduit_core::text;

use super::objects::{Node, Registration, STATES};
use super::statements::nodes;
use crate::http::list::{Kind, List, filter, list, sorting};
use crate::resources::clients::statements::lasts;

list! {
    pub Nodes of Node = List {
        columns: "n.name, n.state, n.booted_at, n.heartbeat_at, n.taken_at, n.live_calls, n.last_call_at, \
                  n.calls_in_flight, n.slots_held",
        from: nodes!(),
        joins: "",
        filters: &[&[
            filter("name", Kind::Text(text::NODE), "n.name = $v", "one switch"),
            filter("state", Kind::Choice(STATES), "n.state = $v", "heard, silent or unwatched"),
        ]],
        days: None,
        sortings: &[
            sorting("name", "n.name", ""),
            sorting("calls_in_flight", "n.calls_in_flight", "n.name"),
        ],
        default: "name",
    };
}

list! {
    /// Asterisk writes `;` and `^` of an address as `^3B` and `^5E`, and its end in seconds.
    pub Registrations of Registration = List {
        columns: "r.client_id, r.client_identifier, r.client_name, r.contact, r.via_address, r.via_port, r.node, r.user_agent, \
                  r.until, r.reachable",
        from: concat!(
            "(select k.id as client_id, p.endpoint as client_identifier, k.name as client_name, \
                     replace(replace(p.uri, '^3B', ';'), '^5E', '^') as contact, p.via_addr as via_address, p.via_port, \
                     p.reg_server as node, p.user_agent, \
                     to_timestamp(case when p.expiration_time is not null \
                                       then least(greatest(p.expiration_time, 0), 253402300799) end) as until, \
                     coalesce(k.status = 'active' and p.",
            lasts!(),
            ", false) as reachable, p.id \
                from pjsip_contacts p \
                left join clients k on k.client_identifier = p.endpoint) r"
        ),
        joins: "",
        filters: &[&[
            filter("client_id", Kind::Id, "r.client_id = $v", "one client"),
            filter("node", Kind::Text(text::NODE), "r.node = $v", "taken by this switch"),
            filter("reachable", Kind::Flag, "r.reachable = $v", "whether calls go there"),
        ]],
        days: None,
        sortings: &[
            sorting("client_identifier", "r.client_identifier", "r.id"),
            sorting("until", "r.until", "r.id"),
        ],
        default: "client_identifier",
    };
}
