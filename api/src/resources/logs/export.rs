//! Call records as CSV, streamed in short batches: each its own transaction, so that an export of any size holds neither
//! memory nor a snapshot. An error in the middle breaks the connection off, so that nobody takes a part for the whole.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use utoipa::IntoParams;

use super::cells::{HEADER, Style, line};
use super::filter::{Cursor, Filter};
use super::operations::{Order, after_cursor, is_staff, order};
use super::record::CallRecord;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::http::params::Params;
use crate::store::identity::Identity;
use crate::store::tx::PLAN_FOR_VALUES;

/// Too few: a plan per handful of rows. Too many: memory, and a longer snapshot.
const BATCH: i64 = 2000;

/// Described for the API; read by `Style::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter that Style::read reads")]
pub struct StyleParams {
    /// spreadsheet (the default): an apostrophe stands before what a spreadsheet would take for a formula, numbers with a plus
    /// included. plain: every cell as it is recorded.
    #[param(example = "plain")]
    style: Option<String>,
}

impl Style {
    fn read(params: &Params) -> ApiResult<Self> {
        let style = params.choice("style", &["plain", "spreadsheet"])?;
        Ok(match style.as_deref() {
            Some("plain") => Style::Plain,
            _ => Style::Spreadsheet,
        })
    }
}

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
    let mut export = Export {
        app,
        style,
        identity: user.identity(),
        filter,
        order,
        with_owner: is_staff(user),
        cursor: None,
    };
    // The first batch comes before the answer's head: what is wrong from the start gets its status.
    let mut text = String::from(HEADER);
    text.push_str(if export.with_owner { ",userId\r\n" } else { "\r\n" });
    let more = export.batch(&mut text).await?;
    let first = stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let rest = stream::try_unfold((export, more), |(mut export, more)| async move {
        if !more {
            return Ok(None);
        }
        let mut text = String::new();
        let more = export.batch(&mut text).await.map_err(broken_off)?;
        Ok(Some((Bytes::from(text), (export, more))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"call_logs.csv\"",
        ),
    ];
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    Ok((headers, body).into_response())
}

fn broken_off(error: ApiError) -> std::io::Error {
    let cause = error.0.cause.unwrap_or(error.0.message);
    tracing::error!(cause, "an export was broken off");
    std::io::Error::other("the export was broken off")
}

impl Export {
    /// Appends the next batch; says whether there may be more.
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
