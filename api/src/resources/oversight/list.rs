//! The list of campaigns over all sellers, as it is declared.

use super::objects::OwnedCampaign;
use crate::http::list::{Kind, List, filter, list, sorting};
use crate::resources::campaigns::objects::STATUSES;
use crate::resources::pauses::objects::paused;

/// What `OwnedCampaign` is made of.
macro_rules! campaign {
    () => {
        concat!(
            "c.id, c.name, c.status, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, c.qualify_seconds, c.user_id, \
             u.username, c.created_at, c.updated_at, c.version, ",
            paused!("c.")
        )
    };
}
pub(super) use campaign;

list! {
    pub Campaigns of OwnedCampaign = List {
        columns: campaign!(),
        from: "campaigns c",
        joins: "join users u on u.id = c.user_id",
        filters: &[&[
            filter("user_id", Kind::Id, "c.user_id = $v", "one seller"),
            filter("status", Kind::Choice(STATUSES), "c.status = $v", "active, inactive or paused"),
            filter("q", Kind::Title(100), "starts_with(lower(c.name), lower($v))", "how the name begins, in any case"),
        ]],
        days: None,
        sortings: &[
            sorting("username", "u.username", "c.name, c.id"),
            sorting("name", "c.name", "c.id"),
            sorting("created_at", "c.created_at", "c.id"),
            sorting("updated_at", "c.updated_at", "c.id"),
        ],
        default: "username",
    };
}
