//! The lists of marks, a seller's own and all, as they are declared.

use super::objects::{ALL_KINDS, Mark, SCOPES, compared};
use crate::http::list::{Filter, Kind, List, filter, list, sorting};

/// What `Mark` is made of.
macro_rules! columns {
    () => {
        "id, scope, scope_id, scope_name, caller, kind, until, source, note, created_by_name, at, after"
    };
}
pub(super) use columns;

/// A plus that was not escaped arrives as a blank.
fn callers(text: String) -> Vec<String> {
    let number = match text.strip_prefix(' ') {
        Some(digits) => format!("+{}", digits.trim()),
        None => text,
    };
    vec![compared(&number).unwrap_or(number)]
}

const OF_A_MARK: &[Filter] = &[
    filter(
        "caller",
        Kind::Words(50, callers),
        "caller = any ($v)",
        "this caller",
    ),
    filter(
        "kind",
        Kind::Choice(ALL_KINDS),
        "kind = $v",
        "blocked, allowed or seen",
    ),
    filter("scope", Kind::Choice(SCOPES), "scope = $v", "of what"),
    filter("scope_id", Kind::Id, "scope_id = $v", "of this one"),
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
    filter("before", Kind::Id, "id < $v", "older than the mark of this id"),
];
const WHOSE: &[Filter] = &[filter("user_id", Kind::Id, "user_id = $v", "one seller")];

const OWN: List = List {
    columns: columns!(),
    from: "callers_view",
    joins: "",
    filters: &[OF_A_MARK],
    days: None,
    sortings: &[
        sorting("id", "id", ""),
        sorting("caller", "caller", "id"),
        sorting("until", "until", "id"),
    ],
    default: "-id",
};

list! { pub OwnMarks of Mark = OWN; }

list! {
    /// Over all sellers, and the platform's.
    pub Marks of Mark = List { filters: &[WHOSE, OF_A_MARK], ..OWN };
}
