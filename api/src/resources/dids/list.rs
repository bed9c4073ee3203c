//! The list of the own DIDs, as it is declared.

use super::objects::{Did, STATUSES};
use crate::http::list::{Filter, Kind, List, filter, list, sorting};

/// Digit by digit, whatever the database's collation: the index is made so.
macro_rules! begins {
    () => {
        "(number collate \"C\" >= $v and number collate \"C\" < $v || ':')"
    };
}
pub(crate) use begins;

/// What may be asked of a DID, whoever asks.
pub const OF_A_DID: &[Filter] = &[
    filter(
        "status",
        Kind::Choice(STATUSES),
        "dids.status = $v",
        "active or inactive",
    ),
    filter(
        "campaign_id",
        Kind::Id,
        "exists (select from campaign_dids m where m.did_id = dids.id and m.campaign_id = $v)",
        "in this campaign",
    ),
    filter(
        "unassigned",
        Kind::Flag,
        "$v <> exists (select from campaign_dids m where m.did_id = dids.id)",
        "true: in no campaign; false: in one or more",
    ),
];

list! {
    pub Dids of Did = List {
        columns: "id, number, status, description, schedule_id, created_at, updated_at, version",
        from: "dids",
        joins: "",
        filters: &[
            &[
                filter("number", Kind::Number, "number = $v", "this number"),
                filter("q", Kind::Number, begins!(), "how the number begins"),
            ],
            OF_A_DID,
        ],
        days: None,
        sortings: &[
            sorting("number", "number", ""),
            sorting("created_at", "created_at", "id"),
            sorting("updated_at", "updated_at", "id"),
        ],
        default: "number",
    };
}
