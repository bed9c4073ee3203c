//! Numbers and campaigns with whose they are, and what staff may say of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::params::Params;
use crate::http::version::Versioned;
use crate::resources::campaigns;
use crate::resources::dids;
use crate::store::row::row;

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct OwnedDid {
        pub id: i64,
        #[schema(example = "+18005550101")]
        pub number: String,
        pub status: String,
        pub description: Option<String>,
        pub user_id: i64,
        #[schema(example = "seller_alice")]
        pub username: String,
        pub created_at: Instant,
        pub updated_at: Instant,
        pub version: i64,
    }
}

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct OwnedCampaign {
        pub id: i64,
        pub name: String,
        pub status: String,
        pub routing_strategy: String,
        pub dial_timeout_seconds: i32,
        pub max_ring_seconds: Option<i32>,
        pub user_id: i64,
        #[schema(example = "seller_alice")]
        pub username: String,
        pub created_at: Instant,
        pub updated_at: Instant,
        #[schema(example = 1)]
        pub version: i64,
    }
}

impl Versioned for OwnedCampaign {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

#[derive(Debug, ToSchema)]
pub struct CampaignStatus {
    #[schema(pattern = "^(active|inactive|paused)$", example = "paused")]
    pub status: String,
}

impl Input for CampaignStatus {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        CampaignStatus {
            status: f.required_choice("status", campaigns::objects::STATUSES),
        }
    }
}

/// Which of the DIDs a list holds.
#[derive(Debug)]
pub struct DidFilter {
    /// The number, or how it begins.
    pub number: Option<String>,
    pub user_id: Option<i64>,
    pub status: Option<String>,
    pub campaign_id: Option<i64>,
    /// In no campaign.
    pub unassigned: Option<bool>,
}

impl DidFilter {
    pub fn read(params: &Params) -> ApiResult<Self> {
        Ok(DidFilter {
            number: params.number("number")?,
            user_id: params.id("user_id")?,
            status: params.choice("status", dids::objects::STATUSES)?,
            campaign_id: params.id("campaign_id")?,
            unassigned: params.flag("unassigned")?,
        })
    }
}

/// Which of the campaigns a list holds.
#[derive(Debug)]
pub struct CampaignFilter {
    pub user_id: Option<i64>,
    pub status: Option<String>,
    /// How the name begins, in any case.
    pub start: Option<String>,
}

impl CampaignFilter {
    pub fn read(params: &Params) -> ApiResult<Self> {
        Ok(CampaignFilter {
            user_id: params.id("user_id")?,
            status: params.choice("status", campaigns::objects::STATUSES)?,
            start: params.title("q", 100)?,
        })
    }
}
