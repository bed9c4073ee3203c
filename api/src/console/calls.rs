//! Call records, newest first: filters in the address, pages, and a CSV of what is shown.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::get;

use super::frame::{Frame, page};
use super::numbers::{filled, with};
use super::show;
use super::viewer::Anyone;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::page::PageRequest;
use crate::http::params::Params;
use crate::resources::logs::export::export;
use crate::resources::logs::filter::{self, Filter};
use crate::resources::logs::operations;
use crate::resources::logs::record::LogPage;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/calls", get(calls))
        .route("/console/calls.csv", get(csv))
}

#[derive(Template)]
#[template(path = "calls.html")]
struct Calls {
    frame: Frame,
    list: LogPage,
    asked: Params,
    query: String,
    next: String,
    is_first: bool,
}

impl Calls {
    fn value(&self, key: &str) -> &str {
        self.asked.raw(key).unwrap_or_default()
    }
}

/// A filter that does not exist must not show everything.
fn check(app: &AppState, frame: &Frame, query: &str) -> ApiResult<()> {
    let path = if frame.is_staff() {
        "/api/admin/logs"
    } else {
        "/api/seller/logs"
    };
    app.known_params.check_names(Method::GET, path, query)
}

async fn calls(State(app): State<AppState>, viewer: Anyone, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let frame = Frame::of(&viewer, "calls");
    check(&app, &frame, &query)?;
    let asked = Params::parse(&query);
    let after = filter::after(&asked)?.flatten();
    let tx = app.store.read(&viewer.identity()).await?;
    let request = PageRequest::read(&asked, 50);
    let list = operations::page(&tx, &viewer, &Filter::read(&asked)?, Some(after), request).await?;
    tx.commit().await?;
    page(&Calls {
        frame,
        next: list
            .next_cursor
            .as_deref()
            .map(|cursor| with(&query, "after", cursor))
            .unwrap_or_default(),
        list,
        asked,
        query,
        is_first: after.is_none(),
    })
}

async fn csv(State(app): State<AppState>, viewer: Anyone, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    check(&app, &Frame::of(&viewer, "calls"), &query)?;
    let params = Params::parse(&query);
    export(app, &viewer, &params).await
}
