//! What is read of call records: a page, by number or behind a cursor, and one record with its attempts. Row level security shows
//! a seller the own ones.

use tokio_postgres::Row;

use super::filter::{Cursor, Filter};
use super::record::{CallDetail, CallRecord, LogPage};
use super::statements;
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::http::page::{PageRequest, pages};
use crate::store::identity::DbRole;
use crate::store::tx::{PLAN_FOR_VALUES, Tx};

/// Which statements give the records in an order that an index has.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    by_page: &'static str,
    by_cursor: &'static str,
}

pub fn order(user: &User, filter: &Filter) -> Order {
    if user.identity().role == DbRole::Seller || filter.has_owner() {
        Order {
            by_page: statements::BY_PAGE,
            by_cursor: statements::BY_CURSOR,
        }
    } else {
        Order {
            by_page: statements::BY_PAGE_AS_RECORDED,
            by_cursor: statements::BY_CURSOR_AS_RECORDED,
        }
    }
}

/// Only they are told whose a record is.
pub fn is_staff(user: &User) -> bool {
    user.identity().role == DbRole::Staff
}

/// `after`: behind this cursor, which may be the start; else by the page's number, with how many there are.
pub async fn page(
    tx: &Tx,
    user: &User,
    filter: &Filter,
    after: Option<Option<Cursor>>,
    request: PageRequest,
) -> ApiResult<LogPage> {
    let order = order(user, filter);
    tx.set(PLAN_FOR_VALUES).await?;
    // One more than asked for tells whether there is more.
    let limit = request.per_page + 1;
    let (rows, total) = match after {
        Some(cursor) => (after_cursor(tx, order, filter, cursor, limit).await?, None),
        None => {
            let total: i64 = tx.row(statements::COUNT, &filter.args()).await?.get("count");
            let offset = request.offset();
            let args: Vec<_> = filter
                .args()
                .into_iter()
                .chain([&limit as _, &offset as _])
                .collect();
            (tx.rows(order.by_page, &args).await?, Some(total))
        }
    };
    let mut items: Vec<CallRecord> = rows
        .iter()
        .map(|row| CallRecord::from_row(row, is_staff(user)))
        .collect();
    let more = rows.len() as i64 == limit;
    items.truncate(rows.len().min(request.per_page as usize));
    Ok(LogPage {
        next_cursor: items.last().filter(|_| more).map(|last| last.cursor().encode()),
        page: total.map(|_| request.page),
        per_page: request.per_page,
        pages: total.map(|total| pages(total, request.per_page)),
        total,
        items,
    })
}

/// The records behind a cursor; without one the first.
pub async fn after_cursor(
    tx: &Tx,
    order: Order,
    filter: &Filter,
    cursor: Option<Cursor>,
    limit: i64,
) -> ApiResult<Vec<Row>> {
    let start = cursor.map(|cursor| cursor.start);
    let id = cursor.map(|cursor| cursor.id);
    let args: Vec<_> = filter
        .args()
        .into_iter()
        .chain([&limit as _, &start as _, &id as _])
        .collect();
    tx.rows(order.by_cursor, &args).await
}

pub async fn find(tx: &Tx, user: &User, id: i64) -> ApiResult<CallDetail> {
    let row = tx
        .optional_row(statements::ONE, &[&id])
        .await?
        .ok_or_else(|| ApiError::not_found(format!("Call log with ID {id} not found.")))?;
    let uniqueid: String = row.get("asterisk_uniqueid");
    let failed = tx.rows(statements::ATTEMPTS, &[&uniqueid]).await?;
    Ok(CallDetail::new(&row, &failed, is_staff(user)))
}
