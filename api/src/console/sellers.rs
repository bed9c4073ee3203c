//! For staff: sellers, and the caps that the platform sets for all calls of one.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;

use super::bar::Bar;
use super::frame::{Frame, page};
use super::numbers::{filled, with};
use super::show;
use super::viewer::Staff;
use crate::app::AppState;
use crate::error::{ApiError, ApiResult};
use crate::http::list::Request;
use crate::http::page::Page;
use crate::http::params::{Id, Params};
use crate::resources::caps::objects::Cap;
use crate::resources::oversight::objects::OwnedCampaign;
use crate::resources::users::objects::User;
use crate::resources::users::operations;
use crate::resources::{caps, oversight};

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/console/sellers", get(list))
        .route("/console/sellers/{id}", get(one))
}

#[derive(Template)]
#[template(path = "sellers.html")]
struct Sellers {
    frame: Frame,
    list: Page<User>,
    q: String,
    next: String,
}

async fn list(State(app): State<AppState>, staff: Staff, uri: Uri) -> ApiResult<Response> {
    let query = filled(uri.query().unwrap_or_default());
    let params = Params::parse(&format!("{query}&role=user&per_page=100"));
    let tx = app.store.read(&staff.identity()).await?;
    let list = operations::list(&tx, &Request::read(&params)?).await?;
    tx.commit().await?;
    page(&Sellers {
        frame: Frame::of(&staff, "sellers"),
        next: with(&query, "page", &(list.page + 1).to_string()),
        list,
        q: params.raw("q").unwrap_or_default().to_owned(),
    })
}

#[derive(Template)]
#[template(path = "seller.html")]
struct SellerPage {
    frame: Frame,
    seller: User,
    caps: Vec<Cap>,
    campaigns: Vec<OwnedCampaign>,
}

async fn one(State(app): State<AppState>, staff: Staff, Id(id): Id) -> ApiResult<Response> {
    let tx = app.store.read(&staff.identity()).await?;
    let seller = operations::find(&tx, id).await?;
    if seller.role != "user" {
        return Err(ApiError::not_found(format!("There is no seller with ID {id}.")));
    }
    let caps = caps::operations::of(&tx, "seller", id).await?;
    let params = Params::parse(&format!("user_id={id}&per_page=500"));
    let campaigns = oversight::operations::campaigns(&tx, &Request::read(&params)?).await?;
    tx.commit().await?;
    page(&SellerPage {
        frame: Frame::of(&staff, "sellers"),
        seller,
        caps,
        campaigns: campaigns.items,
    })
}
