//! A link with what is used of its caps, and what may be sent of one.

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::http::version::Versioned;
use crate::resources::campaigns::parts::objects::LinkSettings;
use crate::resources::pauses::objects::Pause;

pub const STATUSES: &[&str] = &["active", "inactive"];

/// What a link has used of its caps. `remaining` is allowed − counted − active, null without a limit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkUsage {
    pub link_id: i64,
    pub campaign_id: i64,
    pub user_id: i64,
    pub campaign_name: String,
    pub client_id: i64,
    pub client_identifier: String,
    pub client_name: String,
    #[serde(flatten)]
    pub settings: LinkSettings,
    pub active: i32,
    pub counted: i64,
    pub remaining: Option<i64>,
    /// full, near (three quarters of a cap are used) or open.
    #[schema(pattern = "^(full|near|open)$", example = "open")]
    pub room: String,
    /// Null: it is not paused.
    pub pause: Option<Pause>,
    /// Of the link's settings: calls do not move it.
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for LinkUsage {
    fn from(row: &Row) -> Self {
        LinkUsage {
            link_id: row.get("link_id"),
            campaign_id: row.get("campaign_id"),
            user_id: row.get("user_id"),
            campaign_name: row.get("campaign_name"),
            client_id: row.get("client_id"),
            client_identifier: row.get("client_identifier"),
            client_name: row.get("client_name"),
            settings: LinkSettings::from(row),
            active: row.get("active"),
            counted: row.get("counted"),
            remaining: row.get("remaining"),
            room: row.get("room"),
            pause: Pause::of(row),
            version: row.get("version"),
        }
    }
}

impl Versioned for LinkUsage {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

#[derive(Debug, ToSchema)]
pub struct LinkStatus {
    #[schema(pattern = "^(active|inactive)$", example = "inactive")]
    pub status: String,
}

impl Input for LinkStatus {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        LinkStatus {
            status: f.required_choice("status", STATUSES),
        }
    }
}

#[derive(Debug, ToSchema)]
pub struct Adjustment {
    /// What is added to what is counted; negative takes away.
    #[schema(example = -1)]
    pub delta: i64,
    #[schema(min_length = 1, max_length = 255, example = "call 42 was a test")]
    pub reason: String,
}

impl Input for Adjustment {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let delta = f.required_int("delta", -1_000_000_000..=1_000_000_000);
        if delta == 0 && f.has("delta") {
            f.error("delta", "Must not be 0.");
        }
        Adjustment {
            delta,
            reason: f.required_text("reason", &Text::title(1, 255)),
        }
    }
}
