//! The list of accounts, as it is declared.

use super::objects::{ROLES, STATUSES, User};
use crate::http::list::{Kind, List, filter, list, sorting};

/// What `User` is made of.
macro_rules! columns {
    () => {
        "id, username, email, role, status, full_name, company_name, time_zone, caller_rules, created_at, updated_at, version, \
         exists (select from second_factors f where f.user_id = users.id and f.confirmed_at is not null) as second_factor"
    };
}
pub(super) use columns;

list! {
    pub Users of User = List {
        columns: columns!(),
        from: "users",
        joins: "",
        filters: &[&[
            filter("role", Kind::Choice(ROLES), "role = $v", "admin, staff or user"),
            filter("status", Kind::Choice(STATUSES), "status = $v", "active, inactive, pending_approval or suspended"),
            filter(
                "q",
                Kind::Title(120),
                "(starts_with(lower(username), lower($v)) or starts_with(lower(email), lower($v)))",
                "how the username or email begins, in any case",
            ),
        ]],
        days: None,
        sortings: &[
            sorting("username", "lower(username)", "id"),
            sorting("email", "lower(email)", "id"),
            sorting("created_at", "created_at", "id"),
            sorting("updated_at", "updated_at", "id"),
        ],
        default: "username",
    };
}
