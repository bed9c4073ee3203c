//! The lists of caps, a seller's own and over all sellers, as they are declared.

use capconduit_core::SetBy;
use capconduit_core::cap::Over;

use super::objects::{Cap, SUBJECTS};
use crate::http::list::{Filter, Kind, List, filter, list, sorting};

/// What `Cap` is made of.
macro_rules! columns {
    () => {
        "id, subject_type, subject_id, subject_name, counts, span, max_calls, set_by, enforce, used::bigint, in_flight::bigint, \
         remaining::bigint, resets_at, time_zone, note, created_at, updated_at, version"
    };
}
pub(super) use columns;

const OF_A_CAP: &[Filter] = &[
    filter(
        "subject_type",
        Kind::Choice(SUBJECTS),
        "subject_type = $v",
        "of what",
    ),
    filter("subject_id", Kind::Id, "subject_id = $v", "of this one"),
    filter(
        "campaign_id",
        Kind::Id,
        "campaign_id = $v",
        "of one campaign and its links",
    ),
    filter(
        "client_id",
        Kind::Id,
        "client_id = $v",
        "of one client and its links",
    ),
    filter("did_id", Kind::Id, "did_id = $v", "of one number"),
    filter(
        "window",
        Kind::Choice(&Over::NAMES),
        "span = $v",
        "over this window",
    ),
    filter(
        "set_by",
        Kind::Choice(&SetBy::NAMES),
        "set_by = $v",
        "platform or seller",
    ),
    filter(
        "near",
        Kind::Id,
        "(used + in_flight) * 100 >= max_calls::numeric * $v",
        "so many percent are used, calls in flight included",
    ),
];
const WHOSE: &[Filter] = &[filter("user_id", Kind::Id, "user_id = $v", "one seller")];

const OWN: List = List {
    columns: columns!(),
    from: "caps_view",
    joins: "",
    filters: &[OF_A_CAP],
    days: None,
    sortings: &[
        sorting("id", "id", ""),
        sorting("remaining", "remaining", "id"),
        sorting("resets_at", "resets_at", "id"),
    ],
    default: "id",
};

list! { pub OwnCaps of Cap = OWN; }

list! {
    /// Over all sellers.
    pub Caps of Cap = List { filters: &[WHOSE, OF_A_CAP], ..OWN };
}
