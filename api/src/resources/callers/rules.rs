//! Rules for callers that call again, of whatever has them.

use capconduit_core::caller_rules::{self, Of};
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::fields::Fields;

const KEY: &str = "callerRules";

/// What becomes of a caller's next call. Described for the API; `capconduit_core::caller_rules` reads it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what caller_rules reads")]
pub struct CallerRule {
    /// What the call of before has come to. One that is in flight counts: it may still be answered, and be a good one.
    #[schema(pattern = "^(offered|answered|qualified)$", example = "answered")]
    after: String,
    /// For how long. Null: for ever.
    #[schema(minimum = 1, maximum = 315_360_000, required = false, example = 2_592_000)]
    seconds: Option<i64>,
    /// The call is refused; or who had the caller is asked first, or alone, after answered or qualified.
    #[schema(pattern = "^(reject|same_client|same_client_only)$", example = "reject")]
    action: String,
}

/// Of a link, or of a client over all its links: whose caller it was is passed over.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what caller_rules reads")]
pub struct SkipRule {
    /// What the call of before has come to. One that is in flight counts: it may still be answered, and be a good one.
    #[schema(pattern = "^(offered|answered|qualified)$", example = "answered")]
    after: String,
    /// For how long. Null: for ever.
    #[schema(minimum = 1, maximum = 315_360_000, required = false, example = 2_592_000)]
    seconds: Option<i64>,
    #[schema(pattern = "^skip$", example = "skip")]
    action: String,
}

/// As they are shown: none is an empty list.
pub fn shown(row: &Row) -> Value {
    let rules: Option<Value> = row.get("caller_rules");
    rules.unwrap_or_else(|| Value::Array(Vec::new()))
}

/// As they were sent, by the one rule for them.
pub fn read(f: &mut Fields, of: Of) -> Option<Value> {
    let rules = f.list(KEY)?;
    if let Err(fault) = caller_rules::read(of, &rules) {
        f.error(KEY, format!("{fault}."));
    }
    Some(rules)
}
