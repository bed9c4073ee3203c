//! A DID as it is shown, and what may be sent of one.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::http::version::Versioned;
use crate::store::row::row;
use capconduit_core::did;

pub const STATUSES: &[&str] = &["active", "inactive"];
pub const NUMBER: Text = Text::name(0, 50).check(e164);
pub const DESCRIPTION: Text = Text::prose(255);

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Did {
        #[schema(example = 1)]
        pub id: i64,
        #[schema(example = "+18005550101")]
        pub number: String,
        #[schema(pattern = "^(active|inactive)$", example = "active")]
        pub status: String,
        pub description: Option<String>,
        /// When it takes calls. Null: always.
        #[schema(example = json!(null))]
        pub schedule_id: Option<i64>,
        pub created_at: Instant,
        pub updated_at: Instant,
        #[schema(example = 1)]
        pub version: i64,
    }
}

impl Versioned for Did {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewDid {
    #[schema(pattern = r"^\+[1-9][0-9]{1,14}$", example = "+18005550199")]
    pub number: String,
    #[schema(max_length = 255)]
    pub description: Option<String>,
    #[schema(pattern = "^(active|inactive)$", default = "active", required = false)]
    pub status: String,
    /// When it takes calls: an own schedule, or one of the platform's. Null: always.
    #[schema(minimum = 1, example = json!(null))]
    pub schedule_id: Option<i64>,
}

impl Input for NewDid {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewDid {
            number: f.required_text("number", &NUMBER),
            description: f.nullable_text("description", &DESCRIPTION).flatten(),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            schedule_id: f.nullable_id("scheduleId").flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DidChange {
    #[schema(value_type = Option<String>, max_length = 255)]
    pub description: Option<Option<String>>,
    #[schema(pattern = "^(active|inactive)$", required = false, nullable = false)]
    pub status: Option<String>,
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub schedule_id: Option<Option<i64>>,
}

impl Input for DidChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        DidChange {
            description: f.nullable_text("description", &DESCRIPTION),
            status: f.choice("status", STATUSES),
            schedule_id: f.nullable_id("scheduleId"),
        }
    }
}

fn e164(text: &str) -> Result<(), String> {
    if did::is_canonical(text) {
        Ok(())
    } else {
        Err("Invalid phone number format: E.164 is expected, such as +18005550101.".into())
    }
}
