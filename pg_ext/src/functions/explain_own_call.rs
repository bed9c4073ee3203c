//! `explain_own_call`: what a call of this caller to an own number would get at an instant. What a client's caps have used is told of
//! other sellers' calls, too: so no figures of gates, only when one opens.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::calls::detail;
use crate::calls::explanation::{Explanation, Whose, explain};
use crate::functions::arguments;
use crate::postgres::result_row::{ResultRows, longer_row};
use crate::postgres::spi::{Statement, connected};

longer_row! {
    struct OwnCall {
        row: Explanation,
        opens_at: Option<TimestampWithTimeZone>,
    }
}

static SESSION_USER: Statement = Statement::new("select capconduit.session_user_id()", &[]);

/// The seller on whose behalf the transaction acts; any other's number does not exist.
pub fn own() -> Whose {
    Whose::Only(SESSION_USER.value_read_only(&[]))
}

#[pg_extern(sql = false)]
fn explain_own_call(
    did: Option<&str>,
    caller: Option<&str>,
    at: Option<TimestampWithTimeZone>,
) -> ResultRows<OwnCall> {
    let asked = arguments::asked(caller, at, None);
    let explained = connected(|_| explain(did.unwrap_or_default(), asked, own()));
    explained.into_rows(detail::opens_at_of_row, |row, opens_at| OwnCall {
        row,
        opens_at: opens_at.and_then(|micros| TimestampWithTimeZone::try_from(micros).ok()),
    })
}
