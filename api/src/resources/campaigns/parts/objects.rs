//! A campaign's parts as they are shown, and what may be sent of them.

use std::fmt::Write;
use std::iter::Sum;

use capconduit_core::caller_rules::Of;
use capconduit_core::outcome;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::version::Versioned;
use crate::resources::callers::rules::{self, SkipRule};
use crate::resources::caps::objects::Cap;
use crate::resources::pauses::objects::Pause;
use crate::store::row::row;

const SPACING: std::ops::RangeInclusive<i32> = capconduit_core::gates::spacing::SECONDS;
const LINK_STATUSES: &[&str] = &["active", "inactive"];

row! {
    #[derive(Debug, Serialize, ToSchema)]
    pub struct CampaignDid {
        pub id: i64,
        #[schema(example = "+18005550101")]
        pub number: String,
        pub description: Option<String>,
        #[schema(pattern = "^(active|inactive)$", example = "active")]
        pub status: String,
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

row! {
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
}

/// What was used of the client's present day.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct Today {
    #[schema(example = 30)]
    pub offered: i64,
    #[schema(example = 20)]
    pub answered: i64,
    #[schema(example = 12)]
    pub qualified: i64,
}

impl From<&Row> for Today {
    fn from(row: &Row) -> Self {
        // Without a call today there is no row.
        let count = |column: &str| row.get::<_, Option<i64>>(column).unwrap_or_default();
        Today {
            offered: count("today_offered"),
            answered: count("today_answered"),
            qualified: count("today_qualified"),
        }
    }
}

impl Sum for Today {
    fn sum<I: Iterator<Item = Today>>(all: I) -> Today {
        all.fold(Today::default(), |sum, today| Today {
            offered: sum.offered + today.offered,
            answered: sum.answered + today.answered,
            qualified: sum.qualified + today.qualified,
        })
    }
}

/// What is set of a link: whoever is shown one sees all that `LinkChange` may change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkSettings {
    #[schema(pattern = "^(active|inactive)$", example = "active")]
    pub status: String,
    #[schema(example = 10)]
    pub max_concurrency: i32,
    /// Null: no limit. 0: closed.
    #[schema(example = 5000)]
    pub total_calls_allowed: Option<i64>,
    pub forwarding_priority: i32,
    #[schema(example = 100)]
    pub weight: i32,
    /// The least seconds between two calls that it gets. Null: none.
    #[schema(example = json!(null))]
    pub min_seconds_between: Option<i32>,
    /// How long a good call talks. Null: as the campaign says.
    #[schema(example = json!(null))]
    pub qualify_seconds: Option<i32>,
    /// When it takes calls. Null: always.
    #[schema(example = json!(null))]
    pub schedule_id: Option<i64>,
    /// Of callers that call again. Empty: they are as others.
    #[schema(value_type = Vec<SkipRule>, example = json!([]))]
    pub caller_rules: Value,
}

/// The columns of `LinkSettings`, each of the table or view that is given.
macro_rules! settings {
    ($of:literal) => {
        concat!(
            $of,
            "status, ",
            $of,
            "max_concurrency, ",
            $of,
            "total_calls_allowed, ",
            $of,
            "forwarding_priority, ",
            $of,
            "weight, ",
            $of,
            "min_seconds_between, ",
            $of,
            "qualify_seconds, ",
            $of,
            "schedule_id, ",
            $of,
            "caller_rules"
        )
    };
}
pub(crate) use settings;

impl From<&Row> for LinkSettings {
    fn from(row: &Row) -> Self {
        LinkSettings {
            status: row.get("status"),
            max_concurrency: row.get("max_concurrency"),
            total_calls_allowed: row.get("total_calls_allowed"),
            forwarding_priority: row.get("forwarding_priority"),
            weight: row.get("weight"),
            min_seconds_between: row.get("min_seconds_between"),
            qualify_seconds: row.get("qualify_seconds"),
            schedule_id: row.get("schedule_id"),
            caller_rules: rules::shown(row),
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
    #[serde(flatten)]
    pub settings: LinkSettings,
    pub current_total_calls: i64,
    pub active_calls: i32,
    /// Beside the two that each link has.
    pub caps: Vec<Cap>,
    pub today: Today,
    /// Null: it is not paused.
    pub pause: Option<Pause>,
    /// The platform's of its client, for all sellers; why is not told.
    pub client_pause: Option<Pause>,
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
            id: row.get("id"),
            client: ClientSummary {
                id: row.get("client_id"),
                client_identifier: row.get("client_identifier"),
                name: row.get("name"),
                department: row.get("department"),
            },
            settings: LinkSettings::from(row),
            current_total_calls: row.get("total"),
            active_calls: row.get("active"),
            caps: Vec::new(),
            today: Today::from(row),
            pause: Pause::of(row),
            client_pause: Pause::of_client_without_reason(row),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
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
pub struct OneDid {
    #[schema(minimum = 1, example = 2)]
    pub did_id: i64,
}

impl Input for OneDid {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        OneDid {
            did_id: f.required_int("didId", 1..=i64::MAX),
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
    /// The least seconds between two calls that it gets. Null: none.
    #[schema(minimum = 1, maximum = 86_400, example = 30)]
    pub min_seconds_between: Option<i32>,
    /// How long a good call talks. Null: as the campaign says.
    #[schema(minimum = 0, maximum = 86_400, example = 60)]
    pub qualify_seconds: Option<i32>,
    /// When it takes calls: an own schedule, or one of the platform's. Null: always.
    #[schema(minimum = 1, example = json!(null))]
    pub schedule_id: Option<i64>,
    /// Of callers that call again.
    #[schema(value_type = Vec<SkipRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
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
            min_seconds_between: f.nullable_small_int("minSecondsBetween", SPACING).flatten(),
            qualify_seconds: f
                .nullable_small_int("qualifySeconds", outcome::QUALIFY_RANGE)
                .flatten(),
            schedule_id: f.nullable_id("scheduleId").flatten(),
            caller_rules: rules::read(f, Of::Target),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LinkChange {
    #[schema(minimum = 1, required = false, nullable = false)]
    pub max_concurrency: Option<i32>,
    #[schema(minimum = 0, required = false, nullable = false)]
    pub forwarding_priority: Option<i32>,
    #[schema(minimum = 1, maximum = 1_000_000, required = false, nullable = false)]
    pub weight: Option<i32>,
    #[schema(pattern = "^(active|inactive)$", required = false, nullable = false)]
    pub status: Option<String>,
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub total_calls_allowed: Option<Option<i64>>,
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 86_400)]
    pub min_seconds_between: Option<Option<i32>>,
    #[schema(value_type = Option<i32>, minimum = 0, maximum = 86_400)]
    pub qualify_seconds: Option<Option<i32>>,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub schedule_id: Option<Option<i64>>,
    /// In the place of those of before.
    #[schema(value_type = Vec<SkipRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
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
            min_seconds_between: f.nullable_small_int("minSecondsBetween", SPACING),
            qualify_seconds: f.nullable_small_int("qualifySeconds", outcome::QUALIFY_RANGE),
            schedule_id: f.nullable_id("scheduleId"),
            caller_rules: rules::read(f, Of::Target),
        }
    }
}
