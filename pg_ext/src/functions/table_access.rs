//! `table_access`: how calls reach each table now, and why not directly. For whoever has put something on a table, or
//! wonders why calls are dearer than yesterday.

use pgrx::pg_extern;

use crate::postgres::access::{Access, examine};
use crate::postgres::catalogue::READING;
use crate::postgres::result_row::{ResultRows, result_row};
use crate::postgres::table::{Operation, Table};
use crate::postgres::tables::TABLES;

result_row! {
    struct Reached {
        table_name: String,
        operation: &'static str,
        access: &'static str,
        reason: Option<String>,
    }
}

#[pg_extern(sql = false)]
fn table_access() -> ResultRows<Reached> {
    ResultRows(TABLES.iter().flat_map(rows).collect())
}

fn rows(table: &Table) -> Vec<Reached> {
    let row = |operation, access, reason: Option<&str>| Reached {
        table_name: table.name.to_string_lossy().into_owned(),
        operation,
        access,
        reason: reason.map(str::to_owned),
    };
    let examined = match examine(table.name, READING) {
        Ok(examined) => examined,
        Err(why) => {
            let all = table.written.iter().map(|operation| operation.name());
            return std::iter::once("read")
                .chain(all)
                .map(|operation| row(operation, "refused", Some(&why)))
                .collect();
        }
    };
    let mut rows = vec![row("read", "direct", None)];
    for operation in table.written {
        rows.push(match examined.write(*operation) {
            Access::Direct => row(operation.name(), "direct", None),
            Access::Statement(what) => row(operation.name(), "statement", Some(what)),
            Access::Refused(why) => row(operation.name(), "refused", Some(why)),
        });
    }
    rows
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Insert => "insert",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}
