//! What is done with caps, in SQL. Row level security shows a seller those of the own links, and lets each change only what it has set.

use std::collections::HashMap;

use capconduit_core::SetBy;
use capconduit_core::cap::Over;

use super::list::columns;
use super::objects::{Cap, CapChange, NewCap, SubjectKey};
use crate::error::{ApiError, ApiResult};
use crate::http::list::{Listed, Request};
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::resources::links::objects::Adjustment;
use crate::store::tx::Tx;

const ONE: &str = concat!("select ", columns!(), " from caps_view where id = $1");

/// What a cap can be of: its rows, seen as far as row level security shows them, and how one is set for it.
struct Kind {
    exists: &'static str,
    insert: &'static str,
}

macro_rules! kind {
    ($table:literal, $column:literal) => {
        Kind {
            exists: concat!("select from ", $table, " where id = $1"),
            insert: concat!(
                "insert into caps (",
                $column,
                ", counts, span, set_by, max_calls, enforce, note) values ($1, $2, $3, $4, $5, $6, $7) returning id"
            ),
        }
    };
}

const LINK: Kind = kind!("campaign_client_settings", "link_id");
const CLIENT: Kind = kind!("clients", "client_id");
const CAMPAIGN: Kind = kind!("campaigns", "campaign_id");
const SELLER: Kind = kind!("users", "user_id");
const DID: Kind = kind!("dids", "did_id");

fn kind(name: &str) -> &'static Kind {
    match name {
        "client" => &CLIENT,
        "campaign" => &CAMPAIGN,
        "seller" => &SELLER,
        "did" => &DID,
        _ => &LINK,
    }
}

const LOCK: &str = "select version from caps where id = $1 for no key update";
/// Before the cap, as whoever deletes the link does.
const LOCK_LINK: &str = "select from campaign_client_settings where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from caps where id = $1 for update";
const UPDATE: &str = "\
    update caps
       set max_calls = coalesce($2, max_calls), enforce = coalesce($3, enforce), note = case when $5 then $4 else note end
     where id = $1";
const DELETE: &str = "delete from caps where id = $1";
const ADJUST: &str = "select status from adjust_cap($1, $2, $3)";

const OF_CAMPAIGN: &str = concat!(
    "select ",
    columns!(),
    " from caps_view where campaign_id = $1 and subject_type = 'link' order by id"
);
const OF_ONE: &str = concat!(
    "select ",
    columns!(),
    " from caps_view where subject_type = $1 and subject_id = $2 order by id"
);

pub const STATEMENTS: &[&str] = &[
    ONE,
    LINK.exists,
    LINK.insert,
    CLIENT.exists,
    CLIENT.insert,
    CAMPAIGN.exists,
    CAMPAIGN.insert,
    SELLER.exists,
    SELLER.insert,
    DID.exists,
    DID.insert,
    LOCK,
    LOCK_LINK,
    LOCK_TO_DELETE,
    UPDATE,
    DELETE,
    OF_CAMPAIGN,
    OF_ONE,
];

pub const STAFF_STATEMENTS: &[&str] = &[ADJUST];

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Cap with ID {id} not found."))
}

pub async fn list<L: Listed<Item = Cap>>(tx: &Tx, request: &Request<L>) -> ApiResult<Page<Cap>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<Cap> {
    let row = tx.optional_row(ONE, &[&id]).await?;
    row.as_ref().map(Cap::from).ok_or_else(|| unknown(id))
}

/// To change it.
pub async fn find_own(tx: &Tx, by: SetBy, id: i64) -> ApiResult<Cap> {
    let cap = find(tx, id).await?;
    if cap.set_by == by.name() {
        return Ok(cap);
    }
    let whose = by.other().in_words();
    let text = format!("Cap {id} was set by {whose}, which alone can change it.");
    Err(ApiError::forbidden("set_by_another", text))
}

/// Of the links of a campaign, by link.
pub async fn of_campaign(tx: &Tx, campaign_id: i64) -> ApiResult<HashMap<i64, Vec<Cap>>> {
    let mut caps: HashMap<i64, Vec<Cap>> = HashMap::new();
    for cap in tx.rows(OF_CAMPAIGN, &[&campaign_id]).await?.iter().map(Cap::from) {
        caps.entry(cap.subject.id).or_default().push(cap);
    }
    Ok(caps)
}

pub async fn of(tx: &Tx, kind: &str, id: i64) -> ApiResult<Vec<Cap>> {
    let rows = tx.rows(OF_ONE, &[&kind, &id]).await?;
    Ok(rows.iter().map(Cap::from).collect())
}

/// It counts what its window has had already.
pub async fn create(tx: &Tx, by: SetBy, new: NewCap) -> ApiResult<Cap> {
    let SubjectKey { kind: name, id } = &new.subject;
    if name == "client" && by == SetBy::Seller {
        let text = "A client's caps count the calls of all its sellers: the platform sets them.";
        return Err(ApiError::forbidden("set_by_another", text));
    }
    let kind = kind(name);
    tx.optional_row(kind.exists, &[id])
        .await?
        .ok_or_else(|| ApiError::not_found(format!("There is no {name} with ID {id}.")))?;
    let row = tx
        .row(
            kind.insert,
            &[
                id,
                &new.counts,
                &new.window,
                &by.name(),
                &new.limit,
                &new.enforce,
                &new.note,
            ],
        )
        .await
        .map_err(|error| {
            let exists = || {
                format!(
                    "The {name} {id} has a cap on {} calls over this window: change that one",
                    new.counts
                )
            };
            [
                "caps_link_id_key",
                "caps_client_id_key",
                "caps_campaign_id_key",
                "caps_user_id_key",
                "caps_did_id_key",
            ]
            .into_iter()
            .fold(error, |error, key| error.or_conflict(key, "cap_exists", exists))
        })?;
    find(tx, row.get("id")).await
}

pub async fn update(tx: &Tx, by: SetBy, id: i64, if_match: &IfMatch, change: CapChange) -> ApiResult<Cap> {
    find_own(tx, by, id).await?;
    if_match
        .check(tx, LOCK, &[&id], async |tx| find(tx, id).await)
        .await?;
    let given = change.note.is_some();
    tx.execute(
        UPDATE,
        &[
            &id,
            &change.limit,
            &change.enforce,
            &change.note.flatten(),
            &given,
        ],
    )
    .await?;
    find(tx, id).await
}

/// What it has counted stays counted: made again, it goes on.
pub async fn delete(tx: &Tx, by: SetBy, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    let cap = find_own(tx, by, id).await?;
    if cap.subject.kind == "link" {
        tx.optional_row(LOCK_LINK, &[&cap.subject.id]).await?;
    }
    if_match
        .check(tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(unknown(id)),
        _ => Ok(()),
    }
}

/// Whoever set it. Audited.
pub async fn adjust(tx: &Tx, id: i64, adjustment: &Adjustment) -> ApiResult<Cap> {
    if find(tx, id).await?.window == Over::Concurrent.name() {
        let text = format!("Cap {id} counts the calls that are up: there is nothing to adjust.");
        return Err(ApiError::conflict("not_adjustable", text));
    }
    tx.row(ADJUST, &[&id, &adjustment.delta, &adjustment.reason])
        .await?;
    find(tx, id).await
}
