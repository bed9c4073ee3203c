//! A mark of a caller as it is shown, and what may be sent of one.

use capconduit_core::callers::{Scope, canonical};
use capconduit_core::text::NUMBER;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::{Instant, parse_instant};
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::import::Importable;
use crate::http::text::Text;
use crate::resources::pauses::objects::UNTIL;

/// What people mark; their calls mark them as seen.
pub const KINDS: &[&str] = &["blocked", "allowed"];
pub const ALL_KINDS: &[&str] = &["blocked", "allowed", "seen"];
pub const SCOPES: &[&str] = &Scope::NAMES;
const NOTE: Text = Text::title(0, 200);
const CALLER: Text = Text::name(1, NUMBER).check(|text| match compared(text) {
    Some(_) => Ok(()),
    None => Err("A number is expected, as +4930123456: a caller without one cannot be marked.".into()),
});

/// As marks have it. A spreadsheet has an apostrophe before the plus.
pub fn compared(text: &str) -> Option<String> {
    let text = text.strip_prefix("'+").map_or(text, |_| &text[1..]);
    canonical(Some(text)).map(String::from)
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    #[schema(example = 1)]
    pub id: i64,
    /// Whose calls it is about: those to one link, client, campaign or seller, or all.
    #[schema(pattern = "^(platform|seller|campaign|client|link)$", example = "campaign")]
    pub scope: String,
    /// Null: the platform.
    #[schema(example = 1)]
    pub scope_id: Option<i64>,
    /// Of a link: its campaign and its client. Of a seller: the login name. Null: the platform.
    #[schema(example = "Alice Priority Tech Leads")]
    pub scope_name: Option<String>,
    #[schema(example = "+4930123456")]
    pub caller: String,
    /// blocked: its calls are refused, or pass the link over. allowed: what is blocked on the same side does not hold. seen: it has called.
    #[schema(pattern = "^(blocked|allowed|seen)$", example = "blocked")]
    pub kind: String,
    /// What the last call had come to, of one that is seen: `callerRules` go by it. Null: people have made the mark.
    #[schema(pattern = "^(offered|answered|qualified)$", example = json!(null))]
    pub after: Option<String>,
    /// Null: for ever.
    pub until: Option<Instant>,
    /// How it came here.
    #[schema(pattern = "^(hand|import|call)$", example = "hand")]
    pub source: String,
    pub note: Option<String>,
    /// Who made it. Null: a call, or somebody whom one does not see.
    #[schema(example = "seller_alice")]
    pub by: Option<String>,
    /// When it was made; of one that is seen, when its last call came.
    pub at: Instant,
}

impl From<&Row> for Mark {
    fn from(row: &Row) -> Self {
        Mark {
            id: row.get("id"),
            scope: row.get("scope"),
            scope_id: row.get("scope_id"),
            scope_name: row.get("scope_name"),
            caller: row.get("caller"),
            kind: row.get("kind"),
            after: row.get("after"),
            until: row.get("until"),
            source: row.get("source"),
            note: row.get("note"),
            by: row.get("created_by_name"),
            at: row.get("at"),
        }
    }
}

/// One that is made, alone or as a line of an import.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewMark {
    #[schema(min_length = 1, max_length = 50, example = "+4930123456")]
    pub caller: String,
    #[schema(pattern = "^(blocked|allowed)$", default = "blocked", required = false)]
    pub kind: String,
    /// A seller's own: seller (the default), campaign, link. The platform's: platform (the default), client.
    #[schema(
        pattern = "^(platform|seller|campaign|client|link)$",
        required = false,
        nullable = false,
        example = "campaign"
    )]
    pub scope: Option<String>,
    /// Which campaign, link or client.
    #[schema(minimum = 1, required = false, nullable = false, example = 1)]
    pub scope_id: Option<i64>,
    /// Null or absent: for ever.
    #[schema(value_type = Option<String>, format = DateTime, example = "2030-12-27T08:00:00+01:00")]
    pub until: Option<Timestamp>,
    #[schema(max_length = 200, example = "Threatened an agent")]
    pub note: Option<String>,
}

impl Input for NewMark {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewMark {
            caller: compared(&f.required_text("caller", &CALLER)).unwrap_or_default(),
            kind: f.choice("kind", KINDS).unwrap_or_else(|| "blocked".into()),
            scope: f.choice("scope", SCOPES),
            scope_id: f.int("scopeId", 1..=i64::MAX),
            until: f
                .nullable_text("until", &UNTIL)
                .flatten()
                .and_then(|text| parse_instant(&text)),
            note: f.nullable_text("note", &NOTE).flatten(),
        }
    }
}

impl Importable for NewMark {
    const COLUMNS: &'static [&'static str] = &["caller", "kind", "scope", "scopeId", "until", "note"];
    const PASSED_OVER: &'static [&'static str] = &["source", "by", "at"];
    const EXPECTED: &'static str = "The first line must name the columns: caller, and kind, scope, scopeId, until and note if wanted, \
                                    with commas between.";
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedMarks {
    pub dry_run: bool,
    /// How many are new, or would be.
    #[schema(example = 9800)]
    pub created: usize,
    /// How many were there, and have the line's end and note now.
    #[schema(example = 100)]
    pub replaced: usize,
    #[schema(example = 100)]
    pub faulty: usize,
    pub lines: Vec<ImportedMark>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedMark {
    /// JSON: the place in `lines`, from 1. CSV: the line of the text in which it begins.
    #[schema(example = 17)]
    pub line: u64,
    /// With `dry_run` what would be.
    #[schema(pattern = "^(created|replaced|faulty)$", example = "created")]
    pub status: &'static str,
    pub caller: Option<String>,
    pub id: Option<i64>,
    /// By field, for a faulty line.
    #[schema(value_type = Option<Object>)]
    pub errors: Option<Map<String, Value>>,
}

/// Whom to forget.
#[derive(Debug, ToSchema)]
pub struct Forgotten {
    #[schema(min_length = 1, max_length = 50, example = "+4930123456")]
    pub caller: String,
}

impl Input for Forgotten {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        Forgotten {
            caller: compared(&f.required_text("caller", &CALLER)).unwrap_or_default(),
        }
    }
}

/// How much of a caller was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erased {
    /// Marks, which are gone.
    #[schema(example = 2)]
    pub marks: i64,
    /// Calls in flight, which go on. Each one's record comes with its number again, if the switch gives it: ask once more then.
    #[schema(example = 0)]
    pub calls: i64,
    /// Records, which stay without them.
    #[schema(example = 14)]
    pub records: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_s_apostrophe_is_no_part_of_a_number() {
        for (given, expected) in [
            ("'+4930123456", Some("+4930123456")),
            ("+4930123456", Some("+4930123456")),
            ("4930123456", Some("+4930123456")),
            ("'abc", None),
        ] {
            assert_eq!(compared(given).as_deref(), expected, "{given}");
        }
    }
}
