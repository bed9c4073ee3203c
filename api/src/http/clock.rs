//! Instants in answers: RFC 3339 with a numeric offset, always UTC; and the parsing of instants and days in requests.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};
use tokio_postgres::types::{FromSql, Type};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat};

/// An instant as the contract writes it: 2026-03-01T09:30:00.25+00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.display_with_offset(Offset::UTC))
    }
}

/// PostgreSQL counts instants from 2000-01-01, Unix from 1970-01-01.
const MICROSECONDS_TO_2000: i64 = 946_684_800_000_000;

impl<'a> FromSql<'a> for Instant {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // A switch with a wrong clock may have reported a year that only PostgreSQL can hold: the nearest instant is shown.
        let Ok(raw): Result<[u8; 8], _> = raw.try_into() else {
            return Err("an instant of another length".into());
        };
        let since_2000 = i64::from_be_bytes(raw);
        let instant = Timestamp::from_microsecond(since_2000.saturating_add(MICROSECONDS_TO_2000));
        Ok(Instant(instant.unwrap_or(if since_2000 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })))
    }

    fn accepts(ty: &Type) -> bool {
        <Timestamp as FromSql>::accepts(ty)
    }
}

impl utoipa::ToSchema for Instant {
    fn name() -> std::borrow::Cow<'static, str> {
        "Instant".into()
    }
}

impl utoipa::PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 with offset, UTC"))
            .examples(["2026-03-01T09:30:00+00:00"])
            .into()
    }
}

/// ISO 8601; without an offset it is UTC.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<Timestamp>() {
        Ok(instant) => Some(instant),
        Err(_) => {
            let local: jiff::civil::DateTime = text.parse().ok()?;
            Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
        }
    }
    .filter(|instant| instant.to_zoned(TimeZone::UTC).year() >= 1)
}

/// YYYY-MM-DD and nothing else.
pub fn parse_day(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    let day: Date = if shaped { text.parse().ok()? } else { return None };
    (1970..=2200).contains(&day.year()).then_some(day)
}

/// The first instant of a day in a zone: midnight, or what comes next where midnight does not exist. Reports and lists go by it; caps
/// by `capconduit_core::window`.
pub fn day_start(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(day.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp())
}
