//! The list of clients, as it is declared.

use super::objects::{Client, STATUSES};
use super::statements::{columns, joins};
use crate::http::list::{Kind, List, filter, list, sorting};

list! {
    pub Clients of Client = List {
        columns: columns!(),
        from: "clients c",
        joins: joins!(),
        filters: &[&[
            filter("status", Kind::Choice(STATUSES), "c.status = $v", "active or inactive"),
            filter(
                "q",
                Kind::Title(100),
                "(starts_with(lower(c.name), lower($v)) or starts_with(lower(c.client_identifier), lower($v)))",
                "how the name or identifier begins, in any case",
            ),
        ]],
        days: None,
        sortings: &[
            sorting("name", "c.name", "c.id"),
            sorting("client_identifier", "c.client_identifier", ""),
            sorting("created_at", "c.created_at", "c.id"),
            sorting("updated_at", "c.updated_at", "c.id"),
        ],
        default: "name",
    };
}
