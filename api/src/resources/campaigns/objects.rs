//! A campaign as it is shown, and what may be sent of one. Its DIDs and links are in `parts`.

use capconduit_core::caller_rules::Of;
use capconduit_core::gates::spacing;
use capconduit_core::{Strategy, outcome};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::overflow::{self, OverflowExit};
use super::parts::objects::{CampaignDid, Link, Today};
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::http::version::Versioned;
use crate::resources::callers::rules::{self, CallerRule};
use crate::resources::caps::objects::Cap;
use crate::resources::pauses::objects::Pause;

/// What becomes of calls without a caller's number.
pub const ANONYMOUS: &[&str] = &["allow", "reject"];
const REDIAL: std::ops::RangeInclusive<i32> = spacing::SECONDS;
pub const STATUSES: &[&str] = &["active", "inactive", "paused"];
pub const NAME: Text = Text::title(1, 100);
const DESCRIPTION: Text = Text::prose(10_000);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Campaign {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "Alice Priority Tech Leads")]
    pub name: String,
    #[schema(pattern = "^(active|inactive|paused)$", example = "active")]
    pub status: String,
    #[schema(pattern = "^(priority|round_robin|weighted)$", example = "priority")]
    pub routing_strategy: String,
    #[schema(example = 25)]
    pub dial_timeout_seconds: i32,
    /// Null: the platform's 120.
    pub max_ring_seconds: Option<i32>,
    /// A good call is answered and talks for so long.
    #[schema(example = 30)]
    pub qualify_seconds: i32,
    pub description: Option<String>,
    /// When it takes calls. Null: always.
    #[schema(example = json!(null))]
    pub schedule_id: Option<i64>,
    /// Calls without a caller's number.
    #[schema(pattern = "^(allow|reject)$", example = "allow")]
    pub anonymous_callers: String,
    /// A caller that calls again sooner is rejected. Null: it is not.
    #[schema(example = json!(null))]
    pub min_redial_seconds: Option<i32>,
    /// Of callers that call again. Empty: they are as others.
    #[schema(value_type = Vec<CallerRule>, example = json!([]))]
    pub caller_rules: Value,
    /// Where the calls go that it has nobody for. Empty: they are refused.
    #[schema(value_type = Vec<OverflowExit>, example = json!([]))]
    pub overflow: Value,
    /// Null: it is not paused.
    pub pause: Option<Pause>,
    pub created_at: Instant,
    pub updated_at: Instant,
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for Campaign {
    fn from(row: &Row) -> Self {
        Campaign {
            id: row.get("id"),
            name: row.get("name"),
            status: row.get("status"),
            routing_strategy: row.get("routing_strategy"),
            dial_timeout_seconds: row.get("dial_timeout_seconds"),
            max_ring_seconds: row.get("max_ring_seconds"),
            qualify_seconds: row.get("qualify_seconds"),
            description: row.get("description"),
            schedule_id: row.get("schedule_id"),
            anonymous_callers: row.get("anonymous_callers"),
            min_redial_seconds: row.get("min_redial_seconds"),
            caller_rules: rules::shown(row),
            overflow: overflow::shown(row),
            pause: Pause::of(row),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
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
    /// Its own, which count each call once.
    pub caps: Vec<Cap>,
    /// Of its links, each in its client's day.
    pub today: Today,
}

impl Versioned for CampaignDetail {
    fn tag(&self) -> String {
        self.campaign.version.to_string()
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
    /// A good call is answered and talks for so long.
    #[schema(minimum = 0, maximum = 86_400, default = 30, required = false)]
    pub qualify_seconds: i32,
    #[schema(pattern = "^(active|inactive|paused)$", default = "active", required = false)]
    pub status: String,
    pub description: Option<String>,
    /// When it takes calls: an own schedule, or one of the platform's. Null: always.
    #[schema(minimum = 1, example = json!(null))]
    pub schedule_id: Option<i64>,
    /// Calls without a caller's number.
    #[schema(pattern = "^(allow|reject)$", default = "allow", required = false)]
    pub anonymous_callers: String,
    /// A caller that calls again sooner is rejected. Null: it is not.
    #[schema(minimum = 1, maximum = 86_400, example = json!(null))]
    pub min_redial_seconds: Option<i32>,
    /// Of callers that call again.
    #[schema(value_type = Vec<CallerRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
    /// Where the calls go that it has nobody for.
    #[schema(value_type = Vec<OverflowExit>, max_items = 3, required = false, example = json!([]))]
    pub overflow: Option<Value>,
}

impl Input for NewCampaign {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewCampaign {
            name: f.required_text("name", &NAME),
            routing_strategy: f.required_choice("routingStrategy", &Strategy::NAMES),
            dial_timeout_seconds: f.required_small_int("dialTimeoutSeconds", 1..=600),
            max_ring_seconds: f.nullable_small_int("maxRingSeconds", 10..=600).flatten(),
            qualify_seconds: f
                .small_int("qualifySeconds", outcome::QUALIFY_RANGE)
                .unwrap_or(outcome::QUALIFY_SECONDS),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            description: f.nullable_text("description", &DESCRIPTION).flatten(),
            schedule_id: f.nullable_id("scheduleId").flatten(),
            anonymous_callers: f
                .choice("anonymousCallers", ANONYMOUS)
                .unwrap_or_else(|| "allow".into()),
            min_redial_seconds: f.nullable_small_int("minRedialSeconds", REDIAL).flatten(),
            caller_rules: rules::read(f, Of::Call),
            overflow: overflow::read(f),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CampaignChange {
    #[schema(min_length = 1, max_length = 100, required = false, nullable = false)]
    pub name: Option<String>,
    #[schema(
        pattern = "^(priority|round_robin|weighted)$",
        required = false,
        nullable = false
    )]
    pub routing_strategy: Option<String>,
    #[schema(minimum = 1, maximum = 600, required = false, nullable = false)]
    pub dial_timeout_seconds: Option<i32>,
    #[schema(value_type = Option<i32>, minimum = 10, maximum = 600)]
    pub max_ring_seconds: Option<Option<i32>>,
    #[schema(minimum = 0, maximum = 86_400, required = false, nullable = false)]
    pub qualify_seconds: Option<i32>,
    #[schema(pattern = "^(active|inactive|paused)$", required = false, nullable = false)]
    pub status: Option<String>,
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub schedule_id: Option<Option<i64>>,
    #[schema(pattern = "^(allow|reject)$", required = false, nullable = false)]
    pub anonymous_callers: Option<String>,
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 86_400)]
    pub min_redial_seconds: Option<Option<i32>>,
    /// In the place of those of before.
    #[schema(value_type = Vec<CallerRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
    /// Where the calls go that it has nobody for.
    #[schema(value_type = Vec<OverflowExit>, max_items = 3, required = false, example = json!([]))]
    pub overflow: Option<Value>,
}

impl Input for CampaignChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        CampaignChange {
            name: f.text("name", &NAME),
            routing_strategy: f.choice("routingStrategy", &Strategy::NAMES),
            dial_timeout_seconds: f.small_int("dialTimeoutSeconds", 1..=600),
            max_ring_seconds: f.nullable_small_int("maxRingSeconds", 10..=600),
            qualify_seconds: f.small_int("qualifySeconds", outcome::QUALIFY_RANGE),
            status: f.choice("status", STATUSES),
            description: f.nullable_text("description", &DESCRIPTION),
            schedule_id: f.nullable_id("scheduleId"),
            anonymous_callers: f.choice("anonymousCallers", ANONYMOUS),
            min_redial_seconds: f.nullable_small_int("minRedialSeconds", REDIAL),
            caller_rules: rules::read(f, Of::Call),
            overflow: overflow::read(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn strategies_are_described_as_they_are_named() {
        let pattern = format!("\"^({})$\"", Strategy::NAMES.join("|"));
        for schema in [NewCampaign::schema(), CampaignChange::schema()] {
            let text = serde_json::to_string(&schema).unwrap();
            assert!(text.contains(&pattern), "{text}");
        }
    }
}
