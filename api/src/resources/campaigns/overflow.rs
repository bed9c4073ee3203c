//! Where a campaign's calls go that it has nobody for. That the campaign is the seller's, and the link the campaign's, the database says.

use capconduit_core::overflow::Overflow;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::fields::Fields;

const KEY: &str = "overflow";

/// Who is asked where nobody of the campaign's takes a call. Described for the API; `capconduit_core::overflow` reads it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what overflow reads")]
pub struct OverflowExit {
    /// All are closed; all have had their calls or are busy; each was tried, or there is nobody to try. One entry each.
    #[schema(pattern = "^(all_closed|all_capped|no_more_targets)$", example = "all_closed")]
    exit: String,
    /// Another campaign of the same seller; or:
    #[schema(required = false, minimum = 1, example = json!(null))]
    campaign: Option<i64>,
    /// A link of its own, which is asked for nothing else.
    #[schema(required = false, minimum = 1, example = 3)]
    link: Option<i64>,
}

/// None is an empty list.
pub fn shown(row: &Row) -> Value {
    let overflow: Option<Value> = row.get("overflow");
    overflow.unwrap_or_else(|| Value::Array(Vec::new()))
}

pub fn read(f: &mut Fields) -> Option<Value> {
    let overflow = f.list(KEY)?;
    if let Err(fault) = Overflow::read(&overflow) {
        f.error(KEY, format!("{fault}."));
    }
    Some(overflow)
}
