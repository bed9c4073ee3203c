//! A schedule as it is shown, and what may be sent of one.

use capconduit_core::{schedule_json, zone};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::{TIME_ZONE, Text};
use crate::http::version::Versioned;

const NAME: Text = Text::title(1, 100);

/// Described for the API; `capconduit_core::schedule_json` reads it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what schedule_json reads")]
pub struct WeeklyInterval {
    /// On which it opens.
    #[schema(
        pattern = "^(monday|tuesday|wednesday|thursday|friday|saturday|sunday)$",
        example = "monday"
    )]
    day: String,
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "09:00")]
    opens: String,
    /// No later than it opens: on the day after. 24:00 is the end of the day.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "17:00")]
    closes: String,
}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what schedule_json reads")]
pub struct DateInterval {
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "09:00")]
    opens: String,
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "12:00")]
    closes: String,
}

/// Instead of all that falls on its date, the end of the night before included.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what schedule_json reads")]
pub struct ExceptionDate {
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", example = "2026-12-25")]
    date: String,
    #[schema(min_length = 1, max_length = 100, example = "Christmas")]
    name: String,
    /// Empty: closed.
    #[schema(max_items = 20, example = json!([]))]
    intervals: Vec<DateInterval>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    #[schema(example = 1)]
    pub id: i64,
    /// The platform's may be attached by every seller.
    #[schema(pattern = "^(platform|seller)$", example = "seller")]
    pub set_by: &'static str,
    /// Whose it is. Null: the platform's.
    #[schema(example = 3)]
    pub user_id: Option<i64>,
    #[schema(example = "Office hours")]
    pub name: String,
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    #[schema(value_type = Vec<WeeklyInterval>)]
    pub weekly: Value,
    #[schema(value_type = Vec<ExceptionDate>)]
    pub exceptions: Value,
    #[schema(example = true)]
    pub open_now: bool,
    /// Null: it is open, or does not open within 400 days.
    pub opens_at: Option<Instant>,
    /// Null: it is closed, or does not close within 400 days.
    pub closes_at: Option<Instant>,
    pub created_at: Instant,
    pub updated_at: Instant,
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for Schedule {
    fn from(row: &Row) -> Self {
        let (user_id, time_zone): (Option<i64>, String) = (row.get("user_id"), row.get("time_zone"));
        let (weekly, exceptions): (Value, Value) = (row.get("weekly"), row.get("exceptions"));
        let Instant(now) = row.get("told_at");
        // As calls read it: a zone that nothing is known of any more counts as UTC.
        let zone = zone::parse(&time_zone).map_or(zone::UTC, |_| &time_zone);
        let read = schedule_json::read(zone, &weekly, &exceptions).ok();
        let open_now = read.as_ref().is_some_and(|schedule| schedule.is_open(now));
        let change = read.and_then(|schedule| {
            if open_now {
                schedule.closes_at(now)
            } else {
                schedule.opens_at(now)
            }
        });
        Schedule {
            id: row.get("id"),
            set_by: if user_id.is_some() { "seller" } else { "platform" },
            user_id,
            name: row.get("name"),
            time_zone,
            weekly,
            exceptions,
            open_now,
            opens_at: change.filter(|_| !open_now).map(Instant),
            closes_at: change.filter(|_| open_now).map(Instant),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

impl Versioned for Schedule {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

/// By the one rule for schedules.
pub fn check(time_zone: &str, weekly: &Value, exceptions: &Value) -> ApiResult<()> {
    schedule_json::read(time_zone, weekly, exceptions)
        .map(|_| ())
        .map_err(|fault| {
            let key = if fault.list == "time_zone" {
                "timeZone"
            } else {
                fault.list
            };
            ApiError::field(&[key], format!("{}.", fault.text))
        })
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewSchedule {
    #[schema(min_length = 1, max_length = 100, example = "Office hours")]
    pub name: String,
    #[schema(default = "UTC", example = "Europe/Berlin", required = false)]
    pub time_zone: String,
    #[schema(value_type = Vec<WeeklyInterval>, max_items = 100, required = false)]
    pub weekly: Value,
    #[schema(value_type = Vec<ExceptionDate>, max_items = 1000, required = false)]
    pub exceptions: Value,
}

impl Input for NewSchedule {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let none = || Value::Array(Vec::new());
        NewSchedule {
            name: f.required_text("name", &NAME),
            time_zone: f.text("timeZone", &TIME_ZONE).unwrap_or_else(|| zone::UTC.into()),
            weekly: f.list("weekly").unwrap_or_else(none),
            exceptions: f.list("exceptions").unwrap_or_else(none),
        }
    }
}

/// A list takes the place of the one of before.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ScheduleChange {
    #[schema(min_length = 1, max_length = 100, required = false)]
    pub name: Option<String>,
    #[schema(example = "Europe/Berlin", required = false)]
    pub time_zone: Option<String>,
    #[schema(value_type = Vec<WeeklyInterval>, max_items = 100, required = false)]
    pub weekly: Option<Value>,
    #[schema(value_type = Vec<ExceptionDate>, max_items = 1000, required = false)]
    pub exceptions: Option<Value>,
}

impl Input for ScheduleChange {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        ScheduleChange {
            name: f.text("name", &NAME),
            time_zone: f.text("timeZone", &TIME_ZONE),
            weekly: f.list("weekly"),
            exceptions: f.list("exceptions"),
        }
    }
}

/// Beside those that the schedule has.
#[derive(Debug, ToSchema)]
pub struct MoreDates {
    #[schema(value_type = Vec<ExceptionDate>, max_items = 1000)]
    pub exceptions: Vec<Value>,
}

impl Input for MoreDates {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        let exceptions = f.list("exceptions");
        if exceptions.is_none() && !f.has("exceptions") {
            f.error("exceptions", "This field is required.");
        }
        MoreDates {
            exceptions: match exceptions {
                Some(Value::Array(dates)) => dates,
                _ => Vec::new(),
            },
        }
    }
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedDates {
    /// So many dates; they took the place of what the schedule had for these.
    #[schema(example = 9)]
    pub imported: usize,
    pub schedule: Schedule,
}

#[cfg(test)]
mod tests {
    use capconduit_core::schedule::DAYS;
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn days_are_described_as_they_are_named() {
        let text = serde_json::to_string(&WeeklyInterval::schema()).unwrap();
        assert!(text.contains(&format!("^({})$", DAYS.join("|"))), "{text}");
    }
}
