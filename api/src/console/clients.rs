//! For staff: clients, whether they can be reached, and their links over all sellers.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;

use super::frame::{Frame, page};
use super::numbers::{filled, with};
use super::show::{self, Bar};
use super::viewer::Staff;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::params::{Id, Params};
use crate::resources::clients::objects::Client;
use crate::resources::clients::operations;
use crate::resources::links;
use crate::resources::links::objects::LinkUsage;

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/clients", get(list))
        .route("/console/clients/{id}", get(one))
}

/// How calls reach a client.
fn reached(client: &Client, registrations: &HashMap<String, i64>) -> String {
    let fixed = client.pjsip_aor.as_ref().and_then(|aor| aor.contact.as_deref());
    match (fixed, registrations.get(&client.client_identifier)) {
        (Some(address), _) => format!("● at {address}"),
        (None, Some(1)) => "● registered".into(),
        (None, Some(count)) => format!("● registered {count} times"),
        (None, None) => "○ not registered".into(),
    }
}

#[derive(Template)]
#[template(path = "clients.html")]
struct Clients {
    frame: Frame,
    list: Page<Client>,
    registrations: HashMap<String, i64>,
    q: String,
    next: String,
}

async fn list(State(app): State<AppState>, staff: Staff, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let params = Params::parse(&format!("{query}&per_page=100"));
    let tx = app.store.read(&staff.identity()).await?;
    let list = operations::list(&tx, &Request::read(&params)?).await?;
    let names: Vec<String> = list
        .items
        .iter()
        .map(|client| client.client_identifier.clone())
        .collect();
    let registrations = operations::registrations(&tx, &names).await?;
    tx.commit().await?;
    page(&Clients {
        frame: Frame::of(&staff, "clients"),
        next: with(&query, "page", &(list.page + 1).to_string()),
        list,
        registrations,
        q: params.raw("q").unwrap_or_default().to_owned(),
    })
}

#[derive(Template)]
#[template(path = "client.html")]
struct ClientPage {
    frame: Frame,
    client: Client,
    registrations: HashMap<String, i64>,
    links: Vec<LinkUsage>,
}

async fn one(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&staff.identity()).await?;
    let client = operations::find(&tx, id).await?.client;
    let names = [client.client_identifier.clone()];
    let registrations = operations::registrations(&tx, &names).await?;
    let params = Params::parse(&format!("client_id={id}&per_page=500"));
    let links = links::operations::list(&tx, &Request::<links::list::Links>::read(&params)?).await?;
    tx.commit().await?;
    page(&ClientPage {
        frame: Frame::of(&staff, "clients"),
        client,
        registrations,
        links: links.items,
    })
}
