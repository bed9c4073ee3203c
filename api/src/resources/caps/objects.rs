//! A cap as it is shown with what is used of it, and what may be sent of one.

use capconduit_core::cap::{Counted, Over};
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::http::version::Versioned;

/// What a cap can be of.
pub const SUBJECTS: &[&str] = &["link", "client", "campaign", "seller", "did"];
const NOTE: Text = Text::title(0, 200);
/// Counters count on from there, far from where the numbers end.
const LIMIT: std::ops::RangeInclusive<i64> = 0..=1_000_000_000_000;

/// Whose calls are counted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    #[serde(rename = "type")]
    #[schema(
        rename = "type",
        pattern = "^(link|client|campaign|seller|did)$",
        example = "link"
    )]
    pub kind: String,
    #[schema(example = 1)]
    pub id: i64,
    /// Of a link: its campaign and its client. Of a seller: the login name. Of a did: the number.
    #[schema(example = "Alice Priority Tech Leads – Alpha Corp")]
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cap {
    #[schema(example = 1)]
    pub id: i64,
    pub subject: Subject,
    /// offered: a slot was reserved. answered: and the call was answered. qualified: and talked as long as a good one.
    #[schema(pattern = "^(offered|answered|qualified)$", example = "answered")]
    pub counts: String,
    #[schema(pattern = "^(total|month|week|day|hour|concurrent)$", example = "day")]
    pub window: String,
    /// 0: closed.
    #[schema(example = 50)]
    pub limit: i64,
    /// Each changes its own; all count.
    #[schema(pattern = "^(platform|seller)$", example = "seller")]
    pub set_by: String,
    /// False: shown, and stops no call.
    #[schema(example = true)]
    pub enforce: bool,
    #[schema(example = 30)]
    pub used: i64,
    /// Calls whose outcome is not known yet: each may still count, and takes room until then.
    #[schema(example = 2)]
    pub in_flight: i64,
    #[schema(example = 18)]
    pub remaining: i64,
    /// When its window ends. Null: it has no end.
    pub resets_at: Option<Instant>,
    /// In which its windows begin and end: of a link and a client the client's, else the seller's.
    #[schema(example = "UTC")]
    pub zone: String,
    pub note: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// Of its settings: calls do not move it.
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for Cap {
    fn from(row: &Row) -> Self {
        Cap {
            id: row.get("id"),
            subject: Subject {
                kind: row.get("subject_type"),
                id: row.get("subject_id"),
                name: row.get("subject_name"),
            },
            counts: row.get("counts"),
            window: row.get("span"),
            limit: row.get("max_calls"),
            set_by: row.get("set_by"),
            enforce: row.get("enforce"),
            used: row.get("used"),
            in_flight: row.get("in_flight"),
            remaining: row.get("remaining"),
            resets_at: row.get("resets_at"),
            zone: row.get("time_zone"),
            note: row.get("note"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

impl Versioned for Cap {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

/// Which subject.
#[derive(Debug, Default, ToSchema)]
pub struct SubjectKey {
    #[schema(
        rename = "type",
        pattern = "^(link|client|campaign|seller|did)$",
        example = "link"
    )]
    pub kind: String,
    #[schema(minimum = 1, example = 1)]
    pub id: i64,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewCap {
    pub subject: SubjectKey,
    #[schema(pattern = "^(offered|answered|qualified)$", example = "answered")]
    pub counts: String,
    #[schema(pattern = "^(total|month|week|day|hour|concurrent)$", example = "day")]
    pub window: String,
    /// 0: closed.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, example = 50)]
    pub limit: i64,
    /// False: shown, and stops no call.
    #[schema(default = true, required = false)]
    pub enforce: bool,
    #[schema(max_length = 200)]
    pub note: Option<String>,
}

impl Input for NewCap {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let new = NewCap {
            subject: f.required_object("subject", |f| SubjectKey {
                kind: f.required_choice("type", SUBJECTS),
                id: f.required_int("id", 1..=i64::MAX),
            }),
            counts: f.required_choice("counts", &Counted::NAMES),
            window: f.required_choice("window", &Over::NAMES),
            limit: f.required_int("limit", LIMIT),
            enforce: f.flag("enforce").unwrap_or(true),
            note: f.nullable_text("note", &NOTE).flatten(),
        };
        if new.window == Over::Concurrent.name()
            && new.counts != Counted::Offered.name()
            && !new.counts.is_empty()
        {
            f.error("counts", "Calls at one time are counted as offered.");
        }
        new
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CapChange {
    #[schema(
        minimum = 0,
        maximum = 1_000_000_000_000_i64,
        required = false,
        nullable = false,
        example = 60
    )]
    pub limit: Option<i64>,
    #[schema(required = false, nullable = false)]
    pub enforce: Option<bool>,
    #[schema(value_type = Option<String>, max_length = 200)]
    pub note: Option<Option<String>>,
}

impl Input for CapChange {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        CapChange {
            limit: f.int("limit", LIMIT),
            enforce: f.flag("enforce"),
            note: f.nullable_text("note", &NOTE),
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn what_is_counted_is_described_as_it_is_named() {
        let text = serde_json::to_string(&NewCap::schema()).unwrap();
        for names in [&Counted::NAMES[..], &Over::NAMES[..]] {
            let pattern = format!("\"^({})$\"", names.join("|"));
            assert!(text.contains(&pattern), "{pattern} {text}");
        }
    }
}
