//! What has caps of its own on its page: a seller's campaigns and numbers, and for staff clients and sellers.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use capconduit_core::SetBy;

use super::viewer;
use crate::app::AppState;
use crate::app::caller::User;
use crate::error::{ApiError, ApiResult};
use crate::resources::campaigns::parts::operations::find_link;
use crate::resources::caps::objects::Cap;
use crate::resources::{campaigns, clients, dids, users};
use crate::store::tx::Tx;

/// What caps are of, by the page that shows them.
pub trait Capped {
    /// Who changes them there.
    type Viewer: FromRequestParts<AppState, Rejection = ApiError> + Deref<Target = User> + Send;
    const BY: SetBy;
    const KIND: &str;
    /// Its page, before its id, and the page's entry in the menu.
    const PAGE: &str;
    const HERE: &'static str;
    /// In which its hours, days, weeks and months begin.
    const ZONE: &'static str;

    /// What it is called, where the viewer may see it.
    async fn name(tx: &Tx, id: i64) -> ApiResult<String>;

    /// Whether its page shows this cap.
    async fn shows(_: &Tx, id: i64, cap: &Cap) -> bool {
        cap.subject.kind == Self::KIND && cap.subject.id == id
    }

    fn page(id: i64) -> String {
        format!("{}/{id}", Self::PAGE)
    }
}

pub const OF_CLIENT: &str = "Hours, days, weeks and months of the client's time zone";
const OF_SELLER: &str = "Hours, days, weeks and months of the seller's time zone";

pub struct Campaign;

impl Capped for Campaign {
    type Viewer = viewer::Seller;
    const BY: SetBy = SetBy::Seller;
    const KIND: &str = "campaign";
    const PAGE: &str = "/console/campaigns";
    const HERE: &'static str = "overview";
    const ZONE: &'static str = OF_SELLER;

    async fn name(tx: &Tx, id: i64) -> ApiResult<String> {
        Ok(campaigns::operations::find(tx, id).await?.campaign.name)
    }

    /// Its own and those of its links.
    async fn shows(tx: &Tx, id: i64, cap: &Cap) -> bool {
        match cap.subject.kind.as_str() {
            "link" => find_link(tx, id, cap.subject.id).await.is_ok(),
            kind => kind == Self::KIND && cap.subject.id == id,
        }
    }
}

pub struct Number;

impl Capped for Number {
    type Viewer = viewer::Seller;
    const BY: SetBy = SetBy::Seller;
    const KIND: &str = "did";
    const PAGE: &str = "/console/numbers";
    const HERE: &'static str = "numbers";
    const ZONE: &'static str = OF_SELLER;

    async fn name(tx: &Tx, id: i64) -> ApiResult<String> {
        Ok(dids::operations::find(tx, id).await?.number)
    }
}

pub struct Client;

impl Capped for Client {
    type Viewer = viewer::Staff;
    const BY: SetBy = SetBy::Platform;
    const KIND: &str = "client";
    const PAGE: &str = "/console/clients";
    const HERE: &'static str = "clients";
    const ZONE: &'static str = OF_CLIENT;

    async fn name(tx: &Tx, id: i64) -> ApiResult<String> {
        Ok(clients::operations::find(tx, id).await?.client.name)
    }
}

pub struct Seller;

impl Capped for Seller {
    type Viewer = viewer::Staff;
    const BY: SetBy = SetBy::Platform;
    const KIND: &str = "seller";
    const PAGE: &str = "/console/sellers";
    const HERE: &'static str = "sellers";
    const ZONE: &'static str = OF_SELLER;

    async fn name(tx: &Tx, id: i64) -> ApiResult<String> {
        Ok(users::operations::find(tx, id).await?.username)
    }
}
