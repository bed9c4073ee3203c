//! The list of the own campaigns, as it is declared.

use super::objects::{Campaign, STATUSES};
use crate::http::list::{Kind, List, filter, list, sorting};
use crate::resources::pauses::objects::paused;

/// What `Campaign` is made of.
macro_rules! campaign {
    () => {
        concat!(
            "id, name, status, routing_strategy, dial_timeout_seconds, max_ring_seconds, qualify_seconds, description, created_at, \
             updated_at, version, schedule_id, anonymous_callers, min_redial_seconds, caller_rules, overflow, ",
            paused!("")
        )
    };
}
pub(super) use campaign;

list! {
    pub Campaigns of Campaign = List {
        columns: campaign!(),
        from: "campaigns",
        joins: "",
        filters: &[&[
            filter("status", Kind::Choice(STATUSES), "status = $v", "active, inactive or paused"),
            filter("q", Kind::Title(100), "starts_with(lower(name), lower($v))", "how the name begins, in any case"),
        ]],
        days: None,
        sortings: &[
            sorting("name", "name", "id"),
            sorting("created_at", "created_at", "id"),
            sorting("updated_at", "updated_at", "id"),
        ],
        default: "name",
    };
}
