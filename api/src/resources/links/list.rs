//! The lists of links with what is used of their caps, as they are declared.

use super::objects::{LinkUsage, STATUSES};
use crate::http::list::{Filter, Kind, List, filter, list, sorting};
use crate::resources::pauses::objects::paused;

/// What `LinkUsage` is made of.
macro_rules! columns {
    () => {
        concat!(
            "link_id, campaign_id, user_id, campaign_name, client_id, client_identifier, client_name, ",
            crate::resources::campaigns::parts::objects::settings!(""),
            ", active, counted, remaining, room, version, ",
            paused!("")
        )
    };
}
pub(super) use columns;

const OF_A_LINK: &[Filter] = &[
    filter("client_id", Kind::Id, "client_id = $v", "one client"),
    filter("campaign_id", Kind::Id, "campaign_id = $v", "one campaign"),
    filter(
        "status",
        Kind::Choice(STATUSES),
        "status = $v",
        "active or inactive",
    ),
    filter(
        "room",
        Kind::Choice(&["full", "near", "open"]),
        "room = $v",
        "full, near (three quarters of a cap are used) or open",
    ),
];
const WHOSE: &[Filter] = &[filter("user_id", Kind::Id, "user_id = $v", "one seller")];

const OWN: List = List {
    columns: columns!(),
    from: "link_usage_view",
    joins: "",
    filters: &[OF_A_LINK],
    days: None,
    // No limit counts as the largest `remaining`.
    sortings: &[
        sorting("link_id", "link_id", ""),
        sorting("campaign_name", "campaign_name", "link_id"),
        sorting("client_name", "client_name", "link_id"),
        sorting("active", "active", "link_id"),
        sorting("counted", "counted", "link_id"),
        sorting("remaining", "remaining", "link_id"),
    ],
    default: "link_id",
};

list! { pub OwnLinks of LinkUsage = OWN; }

list! {
    /// Over all sellers.
    pub Links of LinkUsage = List { filters: &[WHOSE, OF_A_LINK], ..OWN };
}
