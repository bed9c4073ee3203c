//! Seats as they are shown, and what may be told of them.

use std::ops::RangeInclusive;

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};

/// As `set_seats` has them.
const SEATS: RangeInclusive<i32> = 0..=100_000;
const TTL: RangeInclusive<i32> = 5..=86_400;
const ON_STALE: &[&str] = &["rules", "close"];

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Calls at one time.
    #[schema(example = 12)]
    pub seats: i32,
    /// Calls on all its links now. They may be more than the seats: those in flight stay.
    #[schema(example = 3)]
    pub used: i32,
    /// Until when it holds.
    pub until: Instant,
    /// It holds no more.
    #[schema(example = false)]
    pub stale: bool,
    /// What happens then: its caps alone count, or it takes no new call.
    #[schema(pattern = "^(rules|close)$", example = "rules")]
    pub on_stale: &'static str,
    /// Of what was told last.
    #[schema(example = json!(null))]
    pub sequence: Option<i64>,
}

impl From<&Row> for Capacity {
    fn from(row: &Row) -> Self {
        Capacity {
            seats: row.get("seats"),
            used: row.get("active"),
            until: row.get("seats_until"),
            stale: row.get("is_stale"),
            on_stale: ON_STALE[usize::from(row.get::<_, bool>("seats_close"))],
            sequence: row.get("seats_sequence"),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewCapacity {
    #[schema(minimum = 0, maximum = 100_000, example = 12)]
    pub seats: i32,
    /// For how long it holds.
    #[schema(minimum = 5, maximum = 86_400, example = 90)]
    pub ttl_seconds: i32,
    #[schema(pattern = "^(rules|close)$", default = "rules", required = false)]
    pub on_stale: String,
    /// Rises with each one told, for example the time in milliseconds: what comes late does not overtake what is newer. Told twice, it holds
    /// from the second time on. Null: it counts whatever came before, and the last one stays.
    #[schema(minimum = 0, example = json!(null))]
    pub sequence: Option<i64>,
}

impl Input for NewCapacity {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewCapacity {
            seats: f.required_small_int("seats", SEATS),
            ttl_seconds: f.required_small_int("ttlSeconds", TTL),
            on_stale: f
                .choice("onStale", ON_STALE)
                .unwrap_or_else(|| ON_STALE[0].into()),
            sequence: f.nullable_int("sequence", 0..=i64::MAX).flatten(),
        }
    }
}
