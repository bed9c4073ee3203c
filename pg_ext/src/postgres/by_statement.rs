//! The same changes as statements, for tables on which others have put what only the executor calls. Each statement is written
//! once in a backend, and kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;

use pgrx::{PgSqlErrorCode, pg_sys};

use crate::postgres::argument::Argument;
use crate::postgres::armed::Armed;
use crate::postgres::error::raise;
use crate::postgres::spi::Change;
use crate::postgres::table::Table;

pub fn insert(armed: Armed, table: &Table, columns: &[&'static CStr], values: &[Argument]) {
    let names: Vec<_> = columns.iter().map(|name| name.to_string_lossy()).collect();
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    let sql = format!(
        "insert into capconduit.{} ({}) overriding system value values ({})",
        table.name.to_string_lossy(),
        names.join(", "),
        places.join(", ")
    );
    let types = columns.iter().map(|name| table.type_of(name)).collect();
    run(armed, table, sql, types, values);
}

/// The row at this place, which this transaction has locked, gets these values.
pub fn update(
    armed: Armed,
    table: &Table,
    columns: &[(&'static CStr, Argument)],
    mut place: pg_sys::ItemPointerData,
) {
    let set = columns.iter().enumerate();
    let set: Vec<String> = set
        .map(|(number, (name, _))| format!("{} = ${}", name.to_string_lossy(), number + 2))
        .collect();
    let sql = format!(
        "update capconduit.{} set {} where ctid = $1",
        table.name.to_string_lossy(),
        set.join(", ")
    );
    let mut types = vec![pg_sys::TIDOID];
    types.extend(columns.iter().map(|(name, _)| table.type_of(name)));
    let mut values = vec![Argument::of(pg_sys::Datum::from(&raw mut place))];
    values.extend(columns.iter().map(|(_, value)| *value));
    run(armed, table, sql, types, &values);
}

/// The same for a row that is to go.
pub fn delete(armed: Armed, table: &Table, mut place: pg_sys::ItemPointerData) {
    let sql = format!(
        "delete from capconduit.{} where ctid = $1",
        table.name.to_string_lossy()
    );
    let place = Argument::of(pg_sys::Datum::from(&raw mut place));
    run(armed, table, sql, vec![pg_sys::TIDOID], &[place]);
}

thread_local! {
    static KEPT: RefCell<HashMap<String, &'static Change>> = RefCell::new(HashMap::new());
}

/// A trigger may leave the row out: counters go with it, so that is an error.
fn run(armed: Armed, table: &Table, sql: String, types: Vec<pg_sys::Oid>, values: &[Argument]) {
    let statement = KEPT.with_borrow_mut(|kept| match kept.get(&sql) {
        Some(statement) => *statement,
        None => {
            // For good: there are as many as there are places that change a row.
            let text: &'static str = Box::leak(sql.clone().into_boxed_str());
            let statement: &'static Change =
                Box::leak(Box::new(Change::new(text, Box::leak(types.into_boxed_slice()))));
            kept.insert(sql, statement);
            statement
        }
    });
    if statement.run(armed, values) != 1 {
        kept_out(table);
    }
}

pub fn kept_out(table: &Table) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_TRIGGERED_ACTION_EXCEPTION,
        format!("a trigger kept a row out of {}", table.name.to_string_lossy()),
    )
}
