//! `preview_route`: whom a call to this number would be offered first now, in one row.

use pgrx::pg_extern;

use crate::calls::preview::{Preview, preview};
use crate::functions::arguments;
use crate::postgres::result_row::ResultRow;

/// Nothing here is found by a name in the search path, so the SQL declares no path of its own.
#[pg_extern(sql = false)]
fn preview_route(did: Option<&str>) -> ResultRow<Preview> {
    let asked = arguments::asked(None, None, None);
    ResultRow(preview(did.unwrap_or_default(), &asked, |_| (), |row, ()| row))
}
