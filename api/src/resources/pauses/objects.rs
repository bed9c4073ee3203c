//! A pause as it is shown with what is paused, and what may be sent of one.

use capconduit_core::SetBy;
use capconduit_core::pause::REASON_LENGTH;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::{Instant, parse_instant};
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;

const REASON: Text = Text::title(*REASON_LENGTH.start(), *REASON_LENGTH.end());
/// An instant that is to come.
pub const UNTIL: Text = Text::name(1, 60).check(|text| match parse_instant(text) {
    None => Err("Not a valid ISO 8601 time.".into()),
    Some(until) if until <= Timestamp::now() => Err("Must be in the future.".into()),
    Some(_) => Ok(()),
});

/// Both pauses of a campaign or link, and the clock that they are told by.
macro_rules! paused {
    ($of:literal) => {
        concat!(
            $of,
            "paused_until, ",
            $of,
            "pause_reason, ",
            $of,
            "platform_paused_until, ",
            $of,
            "platform_pause_reason, now() as told_at"
        )
    };
}
pub(crate) use paused;

/// No new call until then. Of the platform's and the seller's, which stand beside each other, the one that ends last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Pause {
    /// Null: until somebody lifts it.
    #[schema(example = "2026-12-27T08:00:00+00:00")]
    pub until: Option<Instant>,
    /// Why the platform pauses a client is not told to sellers.
    #[schema(example = "Closed over Christmas")]
    pub reason: Option<String>,
    /// Each lifts its own.
    #[schema(pattern = "^(platform|seller)$", example = "seller")]
    pub by: &'static str,
}

impl Pause {
    /// Of a campaign or link.
    pub fn of(row: &Row) -> Option<Self> {
        let sellers = (row.get("paused_until"), SetBy::Seller, "pause_reason");
        let platforms = (
            row.get("platform_paused_until"),
            SetBy::Platform,
            "platform_pause_reason",
        );
        Self::last(row, &[sellers, platforms])
    }

    /// Of a client.
    pub fn of_client(row: &Row) -> Option<Self> {
        let platforms = (
            row.get("platform_paused_until"),
            SetBy::Platform,
            "platform_pause_reason",
        );
        Self::last(row, &[platforms])
    }

    /// Of a link's client, as a seller may see it.
    pub fn of_client_without_reason(row: &Row) -> Option<Self> {
        let told_at: Instant = row.get("told_at");
        let until: Instant = row.get::<_, Option<Instant>>("client_paused_until")?;
        (until.0 > told_at.0).then(|| Pause::new(until, None, SetBy::Platform))
    }

    fn last(row: &Row, set: &[(Option<Instant>, SetBy, &str)]) -> Option<Self> {
        let told_at: Instant = row.get("told_at");
        let last = set
            .iter()
            .filter_map(|(until, by, reason)| Some(((*until)?, *by, *reason)))
            .max_by_key(|(until, ..)| until.0);
        let (until, by, reason) = last.filter(|(until, ..)| until.0 > told_at.0)?;
        Some(Pause::new(until, row.get(reason), by))
    }

    /// PostgreSQL's infinity is read as the last instant that there is.
    fn new(until: Instant, reason: Option<String>, by: SetBy) -> Self {
        Pause {
            until: (until.0 != Timestamp::MAX).then_some(until),
            reason,
            by: by.name(),
        }
    }
}

#[derive(Debug, ToSchema)]
pub struct NewPause {
    /// Null or absent: until somebody lifts it.
    #[schema(value_type = Option<String>, format = DateTime, example = "2030-12-27T08:00:00+01:00")]
    pub until: Option<Timestamp>,
    #[schema(min_length = 1, max_length = 200, example = "Closed over Christmas")]
    pub reason: String,
}

impl Input for NewPause {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewPause {
            until: f
                .nullable_text("until", &UNTIL)
                .flatten()
                .and_then(|text| parse_instant(&text)),
            reason: f.required_text("reason", &REASON),
        }
    }
}
