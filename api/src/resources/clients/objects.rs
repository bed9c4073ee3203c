//! A client as it is shown, and what may be sent of one. Its PJSIP objects are in `pjsip`.

use capconduit_core::caller_rules::Of;
use capconduit_core::gates::spacing::SECONDS as SPACING;
use capconduit_core::zone;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::pjsip::{Aor, Auth, Endpoint};
use super::pjsip_input::PjsipInput;
use super::rules;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::{TIME_ZONE, Text};
use crate::http::version::Versioned;
use crate::resources::callers;
use crate::resources::callers::rules::SkipRule;
use crate::resources::campaigns::parts::objects::Today;
use crate::resources::capacity::objects::Capacity;
use crate::resources::caps::objects::Cap;
use crate::resources::pauses::objects::Pause;

pub const STATUSES: &[&str] = &["active", "inactive"];
const IDENTIFIER: Text = Text::name(1, 40).check(rules::identifier);
const NAME: Text = Text::title(1, 100);
const DEPARTMENT: Text = Text::title(0, 100);
const NOTES: Text = Text::prose(10_000);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    #[schema(example = 1)]
    pub id: i64,
    #[schema(example = "client_alpha_sales")]
    pub client_identifier: String,
    #[schema(example = "Alpha Corp")]
    pub name: String,
    pub department: Option<String>,
    #[schema(pattern = "^(active|inactive)$", example = "active")]
    pub status: String,
    pub notes: Option<String>,
    /// In which the hours, days, weeks and months of its calls begin and end: IANA's name of a place, or UTC.
    #[schema(example = "UTC")]
    pub time_zone: String,
    /// When it takes calls, of all sellers. Null: always.
    #[schema(example = json!(null))]
    pub schedule_id: Option<i64>,
    /// The least seconds between two calls that it gets over all its links, of all sellers. Null: none.
    #[schema(example = json!(null))]
    pub min_seconds_between: Option<i32>,
    /// Of callers that call again. Empty: they are as others.
    #[schema(value_type = Vec<SkipRule>, example = json!([]))]
    pub caller_rules: Value,
    /// Null: it is not paused.
    pub pause: Option<Pause>,
    pub created_by: Option<i64>,
    pub created_at: Instant,
    pub updated_at: Instant,
    pub pjsip_endpoint: Option<Endpoint>,
    pub pjsip_aor: Option<Aor>,
    pub pjsip_auth: Option<Auth>,
    /// Of all of it, the PJSIP objects included.
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for Client {
    fn from(row: &Row) -> Self {
        Client {
            id: row.get("id"),
            client_identifier: row.get("client_identifier"),
            name: row.get("name"),
            department: row.get("department"),
            status: row.get("status"),
            notes: row.get("notes"),
            time_zone: row.get("time_zone"),
            schedule_id: row.get("schedule_id"),
            min_seconds_between: row.get("min_seconds_between"),
            caller_rules: callers::rules::shown(row),
            pause: Pause::of_client(row),
            created_by: row.get("created_by"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            pjsip_endpoint: Endpoint::of(row),
            pjsip_aor: Aor::of(row),
            pjsip_auth: Auth::of(row),
            version: row.get("version"),
        }
    }
}

/// One by itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientDetail {
    #[serde(flatten)]
    pub client: Client,
    /// Its own, over all its links.
    pub caps: Vec<Cap>,
    /// How many calls at one time it tells that it can take. Null: it tells none.
    #[schema(example = json!(null))]
    pub capacity: Option<Capacity>,
    /// Over all its links.
    pub today: Today,
}

impl Versioned for ClientDetail {
    fn tag(&self) -> String {
        self.client.version.to_string()
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewClient {
    #[schema(
        min_length = 1,
        max_length = 40,
        pattern = "^[A-Za-z0-9_.-]+$",
        example = "client_epsilon"
    )]
    pub client_identifier: String,
    #[schema(min_length = 1, max_length = 100, example = "Epsilon Ltd.")]
    pub name: String,
    #[schema(max_length = 100)]
    pub department: Option<String>,
    pub notes: Option<String>,
    /// In which the hours, days, weeks and months of its calls begin and end: IANA's name of a place, or UTC.
    #[schema(default = "UTC", example = "Europe/Berlin", required = false)]
    pub time_zone: String,
    #[schema(pattern = "^(active|inactive)$", default = "active", required = false)]
    pub status: String,
    /// When it takes calls, of all sellers: one of the platform's schedules. Null: always.
    #[schema(minimum = 1, example = json!(null))]
    pub schedule_id: Option<i64>,
    /// The least seconds between two calls that it gets over all its links. Null: none.
    #[schema(minimum = 1, maximum = 86_400, example = json!(null))]
    pub min_seconds_between: Option<i32>,
    /// Of callers that call again.
    #[schema(value_type = Vec<SkipRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
    pub pjsip: PjsipInput,
}

impl Input for NewClient {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewClient {
            client_identifier: f.required_text("clientIdentifier", &IDENTIFIER),
            name: f.required_text("name", &NAME),
            department: f.nullable_text("department", &DEPARTMENT).flatten(),
            notes: f.nullable_text("notes", &NOTES).flatten(),
            time_zone: f.text("timeZone", &TIME_ZONE).unwrap_or_else(|| zone::UTC.into()),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            schedule_id: f.nullable_id("scheduleId").flatten(),
            min_seconds_between: f.nullable_small_int("minSecondsBetween", SPACING).flatten(),
            caller_rules: callers::rules::read(f, Of::Target),
            pjsip: f.required_object("pjsip", |f| PjsipInput::read(f, true)),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClientChange {
    #[schema(min_length = 1, max_length = 100, required = false, nullable = false)]
    pub name: Option<String>,
    #[schema(value_type = Option<String>, max_length = 100)]
    pub department: Option<Option<String>>,
    #[schema(value_type = Option<String>)]
    pub notes: Option<Option<String>>,
    /// A day in progress ends with the first one of the new zone.
    #[schema(example = "Europe/Berlin", required = false, nullable = false)]
    pub time_zone: Option<String>,
    #[schema(pattern = "^(active|inactive)$", required = false, nullable = false)]
    pub status: Option<String>,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub schedule_id: Option<Option<i64>>,
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 86_400)]
    pub min_seconds_between: Option<Option<i32>>,
    /// In the place of those of before.
    #[schema(value_type = Vec<SkipRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
    #[schema(required = false, nullable = false)]
    pub pjsip: Option<PjsipInput>,
}

impl Input for ClientChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        ClientChange {
            name: f.text("name", &NAME),
            department: f.nullable_text("department", &DEPARTMENT),
            notes: f.nullable_text("notes", &NOTES),
            time_zone: f.text("timeZone", &TIME_ZONE),
            status: f.choice("status", STATUSES),
            schedule_id: f.nullable_id("scheduleId"),
            min_seconds_between: f.nullable_small_int("minSecondsBetween", SPACING),
            caller_rules: callers::rules::read(f, Of::Target),
            pjsip: f.object("pjsip", |f| PjsipInput::read(f, false)),
        }
    }
}
