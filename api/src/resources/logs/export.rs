//! Call records as CSV.

use axum::response::Response;

use super::cells::{HEADER, line};
use super::filter::{Cursor, Filter};
use super::operations::{Order, after_cursor, is_staff, order};
use super::record::CallRecord;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::http::csv::{self, Batches, Style};
use crate::http::params::Params;
use crate::store::identity::Identity;
use crate::store::tx::PLAN_FOR_VALUES;

/// Too few: a plan per handful of rows. Too many: memory, and a longer snapshot.
const BATCH: i64 = 2000;

struct Export {
    app: AppState,
    style: Style,
    identity: Identity,
    filter: Filter,
    order: Order,
    with_owner: bool,
    cursor: Option<Cursor>,
}

pub async fn export(app: AppState, user: &User, params: &Params) -> ApiResult<Response> {
    let (filter, style) = (Filter::read(params)?, Style::read(params)?);
    let order = order(user, &filter);
    let export = Export {
        app,
        style,
        identity: user.identity(),
        filter,
        order,
        with_owner: is_staff(user),
        cursor: None,
    };
    let header = if export.with_owner {
        format!("{HEADER},userId")
    } else {
        HEADER.to_owned()
    };
    csv::export(export, header, "call_logs.csv").await
}

impl Batches for Export {
    async fn batch(&mut self, text: &mut String) -> ApiResult<bool> {
        let tx = self.app.store.read(&self.identity).await?;
        tx.set(PLAN_FOR_VALUES).await?;
        let rows = after_cursor(&tx, self.order, &self.filter, self.cursor, BATCH).await?;
        tx.commit().await?;
        for row in &rows {
            let record = CallRecord::from_row(row, self.with_owner);
            line(text, &record, self.style, &self.filter.period.zone);
            self.cursor = Some(record.cursor());
        }
        Ok(rows.len() as i64 == BATCH)
    }
}
