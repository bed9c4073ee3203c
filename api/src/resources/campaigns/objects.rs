//! The objects of /api/seller/campaigns, in and out.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Text, Unknown};
use crate::http::version::Versioned;

pub const STATUSES: &[&str] = &["active", "inactive", "paused"];
const LINK_STATUSES: &[&str] = &["active", "inactive"];
const STRATEGIES: &[&str] = &["priority", "round_robin", "weighted"];
const NAME: Text = Text::title(1, 100);
const DESCRIPTION: Text = Text::prose(10_000);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "Alice Priority Tech Leads")]
    pub name: String,
    #[schema(example = "active")]
    pub status: String,
    #[schema(example = "priority")]
    pub routing_strategy: String,
    #[schema(example = 25)]
    pub dial_timeout_seconds: i32,
    /// Null: the platform's 120.
    pub max_ring_seconds: Option<i32>,
    pub description: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for Campaign {
    fn from(row: &Row) -> Self {
        Campaign {
            id: row.get(0),
            name: row.get(1),
            status: row.get(2),
            routing_strategy: row.get(3),
            dial_timeout_seconds: row.get(4),
            max_ring_seconds: row.get(5),
            description: row.get(6),
            created_at: row.get(7),
            updated_at: row.get(8),
            version: row.get(9),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CampaignDetail {
    #[serde(flatten)]
    pub campaign: Campaign,
    pub dids: Vec<CampaignDid>,
    pub client_settings: Vec<Link>,
}

impl Versioned for CampaignDetail {
    fn tag(&self) -> String {
        self.campaign.version.to_string()
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignDid {
    pub id: i64,
    #[schema(example = "+18005550101")]
    pub number: String,
    pub description: Option<String>,
    #[schema(example = "active")]
    pub status: String,
}

impl From<&Row> for CampaignDid {
    fn from(row: &Row) -> Self {
        CampaignDid {
            id: row.get(0),
            number: row.get(1),
            description: row.get(2),
            status: row.get(3),
        }
    }
}

/// All DIDs of a campaign. Their set has no version of its own: its tag is made of the ids.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct CampaignDids(pub Vec<CampaignDid>);

impl Versioned for CampaignDids {
    fn tag(&self) -> String {
        let mut ids: Vec<i64> = self.0.iter().map(|did| did.id).collect();
        ids.sort_unstable();
        let hash = Sha256::digest(ids.iter().flat_map(|id| id.to_be_bytes()).collect::<Vec<u8>>());
        hash[..8].iter().fold(String::from("set-"), |mut tag, byte| {
            let _ = write!(tag, "{byte:02x}");
            tag
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientSummary {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "client_alpha_sales")]
    pub client_identifier: String,
    #[schema(example = "Alpha Corp")]
    pub name: String,
    pub department: Option<String>,
}

impl ClientSummary {
    pub fn from_row(row: &Row, at: usize) -> Self {
        ClientSummary {
            id: row.get(at),
            client_identifier: row.get(at + 1),
            name: row.get(at + 2),
            department: row.get(at + 3),
        }
    }
}

/// A campaign's link to a client, with its caps and what is used of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    #[schema(example = 1)]
    pub id: i64,
    pub client: ClientSummary,
    #[schema(example = "active")]
    pub status: String,
    #[schema(example = 10)]
    pub max_concurrency: i32,
    /// Null: no limit. 0: closed.
    #[schema(example = 5000)]
    pub total_calls_allowed: Option<i64>,
    pub current_total_calls: i64,
    pub active_calls: i32,
    pub forwarding_priority: i32,
    #[schema(example = 100)]
    pub weight: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// Of the settings: calls do not move it.
    #[schema(example = 1)]
    pub version: i64,
}

impl Versioned for Link {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

impl From<&Row> for Link {
    fn from(row: &Row) -> Self {
        Link {
            id: row.get(0),
            client: ClientSummary::from_row(row, 1),
            status: row.get(5),
            max_concurrency: row.get(6),
            total_calls_allowed: row.get(7),
            current_total_calls: row.get(8),
            active_calls: row.get(9),
            forwarding_priority: row.get(10),
            weight: row.get(11),
            created_at: row.get(12),
            updated_at: row.get(13),
            version: row.get(14),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewCampaign {
    #[schema(min_length = 1, max_length = 100, example = "Spring Leads")]
    pub name: String,
    #[schema(pattern = "^(priority|round_robin|weighted)$", example = "priority")]
    pub routing_strategy: String,
    #[schema(minimum = 1, maximum = 600, example = 25)]
    pub dial_timeout_seconds: i32,
    #[schema(minimum = 10, maximum = 600)]
    pub max_ring_seconds: Option<i32>,
    #[schema(pattern = "^(active|inactive|paused)$", default = "active", required = false)]
    pub status: String,
    pub description: Option<String>,
}

impl Input for NewCampaign {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewCampaign {
            name: f.required_text("name", &NAME),
            routing_strategy: f.required_choice("routingStrategy", STRATEGIES),
            dial_timeout_seconds: f.required_small_int("dialTimeoutSeconds", 1..=600),
            max_ring_seconds: f.nullable_small_int("maxRingSeconds", 10..=600).flatten(),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            description: f.nullable_text("description", &DESCRIPTION).flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CampaignChange {
    #[schema(min_length = 1, max_length = 100, required = false)]
    pub name: Option<String>,
    #[schema(pattern = "^(priority|round_robin|weighted)$", required = false)]
    pub routing_strategy: Option<String>,
    #[schema(minimum = 1, maximum = 600, required = false)]
    pub dial_timeout_seconds: Option<i32>,
    #[schema(value_type = Option<i32>, minimum = 10, maximum = 600)]
    pub max_ring_seconds: Option<Option<i32>>,
    #[schema(pattern = "^(active|inactive|paused)$", required = false)]
    pub status: Option<String>,
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
}

impl Input for CampaignChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        CampaignChange {
            name: f.text("name", &NAME),
            routing_strategy: f.choice("routingStrategy", STRATEGIES),
            dial_timeout_seconds: f.small_int("dialTimeoutSeconds", 1..=600),
            max_ring_seconds: f.nullable_small_int("maxRingSeconds", 10..=600),
            status: f.choice("status", STATUSES),
            description: f.nullable_text("description", &DESCRIPTION),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DidSet {
    #[schema(example = json!([1]))]
    pub did_ids: Vec<i64>,
}

impl Input for DidSet {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        DidSet {
            did_ids: f.required_ids("didIds"),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewLink {
    #[schema(example = 1)]
    pub client_id: i64,
    #[schema(minimum = 1, example = 10)]
    pub max_concurrency: i32,
    #[schema(minimum = 0, example = 0)]
    pub forwarding_priority: i32,
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    pub weight: i32,
    #[schema(pattern = "^(active|inactive)$", default = "active", required = false)]
    pub status: String,
    /// Null: no limit. 0: closed.
    #[schema(minimum = 0, example = 5000)]
    pub total_calls_allowed: Option<i64>,
}

impl Input for NewLink {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewLink {
            client_id: f.required_int("clientId", 1..=i64::MAX),
            max_concurrency: f.required_small_int("maxConcurrency", 1..=i32::MAX),
            forwarding_priority: f.required_small_int("forwardingPriority", 0..=i32::MAX),
            weight: f.required_small_int("weight", 1..=1_000_000),
            status: f
                .choice("status", LINK_STATUSES)
                .unwrap_or_else(|| "active".into()),
            total_calls_allowed: f.nullable_int("totalCallsAllowed", 0..=i64::MAX / 2).flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LinkChange {
    #[schema(minimum = 1, required = false)]
    pub max_concurrency: Option<i32>,
    #[schema(minimum = 0, required = false)]
    pub forwarding_priority: Option<i32>,
    #[schema(minimum = 1, maximum = 1_000_000, required = false)]
    pub weight: Option<i32>,
    #[schema(pattern = "^(active|inactive)$", required = false)]
    pub status: Option<String>,
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub total_calls_allowed: Option<Option<i64>>,
}

impl Input for LinkChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        if f.has("clientId") {
            f.error("clientId", "The client of a link cannot be changed.");
        }
        LinkChange {
            max_concurrency: f.small_int("maxConcurrency", 1..=i32::MAX),
            forwarding_priority: f.small_int("forwardingPriority", 0..=i32::MAX),
            weight: f.small_int("weight", 1..=1_000_000),
            status: f.choice("status", LINK_STATUSES),
            total_calls_allowed: f.nullable_int("totalCallsAllowed", 0..=i64::MAX / 2),
        }
    }
}
