//! The lists of schedules, a seller's with the platform's and over all sellers, as they are declared.

use capconduit_core::SetBy;

use super::objects::Schedule;
use crate::http::list::{Filter, Kind, List, filter, list, sorting};

/// What `Schedule` is made of.
macro_rules! columns {
    () => {
        "id, user_id, name, time_zone, weekly, exceptions, created_at, updated_at, version, now() as told_at"
    };
}
pub(super) use columns;

const OF_A_SCHEDULE: &[Filter] = &[
    filter(
        "set_by",
        Kind::Choice(&SetBy::NAMES),
        "$v = case when user_id is null then 'platform' else 'seller' end",
        "platform or seller",
    ),
    filter(
        "q",
        Kind::Title(100),
        "starts_with(lower(name), lower($v))",
        "how the name begins, in any case",
    ),
];
const WHOSE: &[Filter] = &[filter("user_id", Kind::Id, "user_id = $v", "one seller")];

const OWN: List = List {
    columns: columns!(),
    from: "schedules",
    joins: "",
    filters: &[OF_A_SCHEDULE],
    days: None,
    sortings: &[
        sorting("name", "name", "id"),
        sorting("created_at", "created_at", "id"),
        sorting("updated_at", "updated_at", "id"),
    ],
    default: "name",
};

list! { pub OwnSchedules of Schedule = OWN; }

list! {
    /// Over all sellers.
    pub Schedules of Schedule = List { filters: &[WHOSE, OF_A_SCHEDULE], ..OWN };
}
