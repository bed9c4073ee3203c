//! The list of the numbers of all sellers, as it is declared.

use super::objects::OwnedDid;
use crate::http::list::{Kind, List, filter, list, sorting};
use crate::resources::dids::list::{OF_A_DID, begins};

/// What `OwnedDid` is made of.
macro_rules! columns {
    () => {
        "dids.id, dids.number, dids.status, dids.description, dids.user_id, u.username, dids.created_at, dids.updated_at, \
         dids.version"
    };
}
pub(super) use columns;

list! {
    pub Dids of OwnedDid = List {
        columns: columns!(),
        from: "dids",
        joins: "join users u on u.id = dids.user_id",
        filters: &[
            &[
                filter("number", Kind::Number, begins!(), "the number, or how it begins"),
                filter("q", Kind::Number, begins!(), "how the number begins"),
                filter("user_id", Kind::Id, "dids.user_id = $v", "one seller"),
            ],
            OF_A_DID,
        ],
        days: None,
        sortings: &[
            sorting("number", "dids.number", ""),
            sorting("created_at", "dids.created_at", "dids.id"),
            sorting("updated_at", "dids.updated_at", "dids.id"),
        ],
        default: "number",
    };
}
