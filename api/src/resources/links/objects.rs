//! A link with what is used of its caps, and what may be sent of one.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::http::version::Versioned;
use crate::store::row::row;

pub const STATUSES: &[&str] = &["active", "inactive"];

row! {
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
        #[schema(pattern = "^(active|inactive)$", example = "active")]
        pub status: String,
        pub active: i32,
        pub max_concurrency: i32,
        pub counted: i64,
        pub total_calls_allowed: Option<i64>,
        pub remaining: Option<i64>,
        /// full, near (three quarters of a cap are used) or open.
        #[schema(pattern = "^(full|near|open)$", example = "open")]
        pub room: String,
        /// Of the link's settings: calls do not move it.
        #[schema(example = 1)]
        pub version: i64,
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
    /// What is added to the link's total; negative takes away.
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
