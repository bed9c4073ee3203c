//! Campaigns with whose they are, and what staff may say of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::version::Versioned;
use crate::resources::campaigns;
use crate::store::row::row;

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct OwnedCampaign {
        pub id: i64,
        pub name: String,
        #[schema(pattern = "^(active|inactive|paused)$", example = "active")]
        pub status: String,
        #[schema(pattern = "^(priority|round_robin|weighted)$", example = "priority")]
        pub routing_strategy: String,
        pub dial_timeout_seconds: i32,
        pub max_ring_seconds: Option<i32>,
        pub qualify_seconds: i32,
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
