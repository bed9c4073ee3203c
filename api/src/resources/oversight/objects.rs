//! Campaigns with whose they are, and what staff may say of them.

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::version::Versioned;
use crate::resources::campaigns;
use crate::resources::pauses::objects::Pause;

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
    /// Null: it is not paused.
    pub pause: Option<Pause>,
    pub created_at: Instant,
    pub updated_at: Instant,
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for OwnedCampaign {
    fn from(row: &Row) -> Self {
        OwnedCampaign {
            id: row.get("id"),
            name: row.get("name"),
            status: row.get("status"),
            routing_strategy: row.get("routing_strategy"),
            dial_timeout_seconds: row.get("dial_timeout_seconds"),
            max_ring_seconds: row.get("max_ring_seconds"),
            qualify_seconds: row.get("qualify_seconds"),
            user_id: row.get("user_id"),
            username: row.get("username"),
            pause: Pause::of(row),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
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
