//! Marks of callers as CSV: what an import takes, with who made each.

use std::marker::PhantomData;

use axum::response::Response;
use jiff::tz::TimeZone;

use super::objects::Mark;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::ApiResult;
use crate::http::csv::{self, Batches, Line, Style};
use crate::http::list::{Listed, Request};
use crate::http::params::Params;
use crate::store::identity::Identity;
use crate::store::tx::PLAN_FOR_VALUES;

/// Too few: a plan per handful of rows. Too many: memory, and a longer snapshot.
const BATCH: i64 = 2000;

const HEADER: &str = "caller,kind,scope,scopeId,until,note,source,by,at";

struct Export<L> {
    app: AppState,
    style: Style,
    identity: Identity,
    /// Those of the next batch.
    params: Params,
    list: PhantomData<L>,
}

pub async fn export<L: Listed<Item = Mark> + Send + Sync + 'static>(
    app: AppState,
    user: &User,
    params: Params,
) -> ApiResult<Response> {
    let export = Export::<L> {
        style: Style::read(&params)?,
        identity: user.identity(),
        params,
        app,
        list: PhantomData,
    };
    csv::export(export, HEADER.to_owned(), "callers.csv").await
}

impl<L: Listed<Item = Mark> + Send + Sync + 'static> Batches for Export<L> {
    async fn batch(&mut self, text: &mut String) -> ApiResult<bool> {
        let request = Request::<L>::read(&self.params)?;
        let tx = self.app.store.read(&self.identity).await?;
        tx.set(PLAN_FOR_VALUES).await?;
        let marks = request.first(&tx, BATCH).await?;
        tx.commit().await?;
        if let Some(last) = marks.last() {
            self.params = self.params.with("before", last.id.to_string());
        }
        for mark in &marks {
            line(text, mark, self.style);
        }
        Ok(marks.len() as i64 == BATCH)
    }
}

/// Appends the mark.
fn line(out: &mut String, mark: &Mark, style: Style) {
    let zone = TimeZone::UTC;
    let mut line = Line::begin(out, style, &zone);
    line.text(Some(&mark.caller));
    line.text(Some(&mark.kind));
    line.text(Some(&mark.scope));
    line.value(mark.scope_id);
    line.instant(mark.until);
    line.text(mark.note.as_deref());
    line.text(Some(&mark.source));
    line.text(mark.by.as_deref());
    line.instant(Some(mark.at));
    line.end();
}
