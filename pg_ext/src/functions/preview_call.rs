//! `preview_call`: whom a call of this caller to this number would be offered first at an instant, with the gates that it passes and
//! the links that it passes over.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::calls::detail;
use crate::calls::preview::{Preview, preview};
use crate::functions::arguments;
use crate::postgres::json::Jsonb;
use crate::postgres::result_row::{ResultRow, longer_row};

longer_row! {
    struct PreviewedCall {
        row: Preview,
        detail: Jsonb,
    }
}

#[pg_extern(sql = false)]
fn preview_call(
    did: Option<&str>,
    caller: Option<&str>,
    at: Option<TimestampWithTimeZone>,
    node: Option<&str>,
) -> ResultRow<PreviewedCall> {
    let asked = arguments::asked(caller, at, node);
    ResultRow(preview(
        did.unwrap_or_default(),
        &asked,
        detail::of_preview,
        |row, detail| PreviewedCall { row, detail },
    ))
}
