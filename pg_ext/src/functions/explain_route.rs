//! `explain_route`: what a call to this number would get now, link by link.

use pgrx::pg_extern;

use crate::calls::explanation::{Explanation, Whose, explain};
use crate::functions::arguments;
use crate::functions::explain_own_call::own;
use crate::postgres::result_row::ResultRows;
use crate::postgres::spi::connected;

#[pg_extern(sql = false)]
fn explain_route(did: Option<&str>) -> ResultRows<Explanation> {
    rows(did, || Whose::Anyone)
}

#[pg_extern(sql = false)]
fn explain_own_did(did: Option<&str>) -> ResultRows<Explanation> {
    rows(did, own)
}

fn rows(did: Option<&str>, whose: impl Fn() -> Whose) -> ResultRows<Explanation> {
    let asked = arguments::asked(None, None, None);
    let explained = connected(|_| explain(did.unwrap_or_default(), asked, whose()));
    explained.into_rows(|_| (), |row, ()| row)
}
