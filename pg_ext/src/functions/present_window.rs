//! `present_window`: the window that calls reserved at an instant belong to, for whoever reads what windows have used.

use capconduit_core::meter::{Calendar, Counts, Mark, bounds};
use capconduit_core::window::Span;
use capconduit_core::zone;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::functions::arguments::time;
use crate::postgres::error::invalid;
use crate::postgres::result_row::{ResultRow, result_row};
use crate::postgres::transaction::now;

result_row! {
    /// NULLs for what is no span of a calendar.
    #[derive(Default)]
    struct Present {
        starts_at: Option<TimestampWithTimeZone>,
        ends_at: Option<TimestampWithTimeZone>,
    }
}

/// `zone`: the subject's. `was_*`: its row of windows, NULL where it has none yet. A window that goes on has the start of before; one
/// that somebody has set without an end does so for ever, and whoever reads it is not to break: `verify_counters` tells.
#[pg_extern(sql = false)]
fn present_window(
    span: Option<&str>,
    at: Option<TimestampWithTimeZone>,
    zone: Option<&str>,
    was_from: Option<TimestampWithTimeZone>,
    was_until: Option<TimestampWithTimeZone>,
    was_zone: Option<&str>,
) -> ResultRow<Present> {
    let Some(span) = span.and_then(Span::parse) else {
        return ResultRow(Present::default());
    };
    let at = time("at", at).unwrap_or_else(now);
    let name = zone.unwrap_or(zone::UTC);
    let (name, zone) = match zone::parse(name) {
        Some(zone) => (name, zone),
        None => (zone::UTC, zone::TimeZone::UTC),
    };
    let calendar = Calendar { name, zone: &zone };
    let raw = |instant: Option<TimestampWithTimeZone>| instant.map(i64::from);
    let (start, end) = match (raw(was_from), raw(was_until), was_zone) {
        (Some(start), Some(end), Some(zone)) => {
            let was = Mark {
                span,
                start,
                end,
                counts: Counts::NONE,
                zone: zone.to_owned(),
            };
            let mark = if was.is_over(at) {
                was.turned(Counts::NONE, at, calendar)
            } else {
                was
            };
            (mark.start, mark.end)
        }
        _ => bounds(span, at, calendar),
    };
    let instant = |micros: i64| {
        TimestampWithTimeZone::try_from(micros).unwrap_or_else(|_| invalid("at lies beyond all calendars"))
    };
    ResultRow(Present {
        starts_at: Some(instant(start)),
        ends_at: Some(instant(end)),
    })
}
