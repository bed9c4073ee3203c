//! `explain_call`: what a call of this caller to this number would get at an instant, link by link, with the gates that it passes.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::calls::detail;
use crate::calls::explanation::{Explanation, Whose, explain};
use crate::functions::arguments;
use crate::postgres::json::Jsonb;
use crate::postgres::result_row::{ResultRows, longer_row};
use crate::postgres::spi::connected;

longer_row! {
    struct ExplainedCall {
        row: Explanation,
        detail: Jsonb,
    }
}

#[pg_extern(sql = false)]
fn explain_call(
    did: Option<&str>,
    caller: Option<&str>,
    at: Option<TimestampWithTimeZone>,
    node: Option<&str>,
) -> ResultRows<ExplainedCall> {
    let asked = arguments::asked(caller, at, node);
    let explained = connected(|_| explain(did.unwrap_or_default(), asked, Whose::Anyone));
    explained.into_rows(detail::of_row, |row, detail| ExplainedCall { row, detail })
}
