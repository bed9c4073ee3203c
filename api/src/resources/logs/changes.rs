//! `changed_after`: records in the order of their changes, for whoever copies them. Only what is settled is read: transactions that end
//! in another order than they began would hide behind the cursor otherwise. And it is on disk before it is told, so that no copy
//! holds what a crash took here.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::operations::is_staff;
use super::record::{CallRecord, LogPage};
use super::statements::{CHANGED, FLUSH, HORIZON};
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::http::page::PageRequest;
use crate::http::params::Params;
use crate::store::row::row;
use crate::store::tx::{PLAN_FOR_VALUES, Tx};

/// What may stand beside it. A filter would hide a record that no longer meets it.
const BESIDE: &[&str] = &["changed_after", "per_page", "user_id"];

/// No transaction has such a number.
const NEVER: u64 = u64::MAX;

row! {
    /// The database as it is now. Every transaction below `settled` has ended; none has had the number `next`.
    struct Horizon {
        database: String,
        timeline: String,
        settled: String,
        next: String,
    }
}

/// Where a copy stands: in which history of which database, and behind which record of which transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    database: String,
    timeline: String,
    /// A database that was loaded from a dump has records of transactions that it has not come to yet. They come first, as far as
    /// this database had come when the copy was begun.
    beyond: Option<u64>,
    xid: u64,
    id: i64,
}

/// A cursor that was cut off must not be taken for another one.
fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Cursor {
    fn encode(&self) -> String {
        let text = format!(
            "{} {} {} {} {}",
            self.database,
            self.timeline,
            self.beyond.unwrap_or(NEVER),
            self.xid,
            self.id
        );
        URL_SAFE_NO_PAD.encode(format!("{text} {}", checksum(&text)))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (text, sum) = text.rsplit_once(' ')?;
        let mut parts = text.split(' ');
        let cursor = Cursor {
            database: parts.next()?.to_owned(),
            timeline: parts.next()?.to_owned(),
            beyond: Some(parts.next()?.parse().ok()?).filter(|beyond| *beyond != NEVER),
            xid: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
        };
        (sum == checksum(text) && parts.next().is_none()).then_some(cursor)
    }
}

/// What was asked for.
#[derive(Debug)]
pub struct Request {
    /// None: from the beginning.
    cursor: Option<Cursor>,
    per_page: i64,
    user_id: Option<i64>,
}

impl Request {
    /// None: something else was asked for.
    pub fn read(params: &Params, page: PageRequest) -> ApiResult<Option<Self>> {
        let Some(text) = params.raw("changed_after") else {
            return Ok(None);
        };
        if let Some(other) = params.beside(BESIDE) {
            return Err(ApiError::field(&[other], "Cannot stand beside changed_after."));
        }
        let cursor = match text {
            "" => None,
            text => Some(
                Cursor::decode(text)
                    .ok_or_else(|| ApiError::field(&["changed_after"], "Not a cursor of this service."))?,
            ),
        };
        Ok(Some(Request {
            cursor,
            per_page: page.per_page,
            user_id: params.id("user_id")?,
        }))
    }
}

fn start_anew() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "start_anew",
        "This cursor is of another database, or of a past that the database no longer has. Drop the copy, and begin with an \
         empty changed_after.",
    )
}

/// The next records. Fewer than were asked for: there are no more for now.
pub async fn read(tx: &Tx, user: &User, request: Request) -> ApiResult<LogPage> {
    tx.set(PLAN_FOR_VALUES).await?;
    let now = Horizon::from(&tx.row(HORIZON, &[]).await?);
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|error| ApiError::internal(error.to_string()))
    };
    let (settled, next) = (number(&now.settled)?, number(&now.next)?);
    let mut cursor = match request.cursor {
        None => Cursor {
            database: now.database,
            timeline: now.timeline,
            beyond: Some(next),
            xid: next,
            id: 0,
        },
        Some(cursor) => {
            let is_ahead = cursor.beyond.unwrap_or(cursor.xid) > next;
            if is_ahead || (&cursor.database, &cursor.timeline) != (&now.database, &now.timeline) {
                return Err(start_anew());
            }
            cursor
        }
    };
    let mut items: Vec<CallRecord> = Vec::new();
    loop {
        let until = cursor.beyond.map_or(settled, |_| NEVER);
        let limit = request.per_page - items.len() as i64;
        let (after, before) = (cursor.xid.to_string(), until.to_string());
        let rows = tx
            .rows(CHANGED, &[&limit, &after, &cursor.id, &before, &request.user_id])
            .await?;
        items.extend(rows.iter().map(|row| CallRecord::from_row(row, is_staff(user))));
        if let Some(last) = rows.last().filter(|_| rows.len() as i64 == limit) {
            cursor.xid = number(last.get("changed_xid"))?;
            cursor.id = last.get("id");
            break;
        }
        if cursor.beyond.take().is_none() {
            // Nothing is missed up to here, though others may have records there.
            (cursor.xid, cursor.id) = (settled, 0);
            break;
        }
        (cursor.xid, cursor.id) = (0, 0);
    }
    tx.row(FLUSH, &[]).await?;
    Ok(LogPage {
        items,
        page: None,
        per_page: request.per_page,
        total: None,
        pages: None,
        next_cursor: Some(cursor.encode()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_wire_and_no_part_of_it_does() {
        for beyond in [None, Some(9)] {
            let cursor = Cursor {
                database: "7423.5".into(),
                timeline: "00000001".into(),
                beyond,
                xid: 123_456,
                id: 77,
            };
            let text = cursor.encode();
            assert_eq!(Cursor::decode(&text), Some(cursor));
            for length in 0..text.len() {
                assert_eq!(Cursor::decode(&text[..length]), None, "{length} of {text}");
            }
        }
    }
}
