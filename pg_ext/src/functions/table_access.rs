//! `table_access`: how calls reach each table now, and why not directly. For whoever has put something on a table, or
//! wonders why calls are dearer than yesterday.

use std::ffi::CStr;

use pgrx::pg_extern;

use crate::postgres::access::{Access, examine};
use crate::postgres::catalogue::READING;
use crate::postgres::index_choice::missing;
use crate::postgres::result_row::Records;
use crate::postgres::spi::{Argument, arg};
use crate::postgres::tables::{Operation, TABLES, Table};

/// table_name, operation, access, reason.
type Rows = Records<4>;

#[pg_extern(sql = false)]
fn table_access() -> Rows {
    Records(TABLES.iter().flat_map(rows).collect())
}

fn rows(table: &Table) -> Vec<[Argument; 4]> {
    let row = |operation: &str, access: &str, reason: Option<&str>| {
        [
            arg(name(table.name)),
            arg(operation),
            arg(access),
            reason.and_then(arg),
        ]
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
    let mut lacking = table
        .indexes
        .iter()
        .filter(|index| examined.index(index.name).is_none());
    let lacking = lacking.next().map(missing);
    let mut rows = vec![row("read", "direct", lacking.as_deref())];
    for operation in table.written {
        rows.push(match examined.write(*operation) {
            Access::Direct => row(operation.name(), "direct", None),
            Access::Statement(what) => row(operation.name(), "statement", Some(what)),
            Access::Refused(why) => row(operation.name(), "refused", Some(why)),
        });
    }
    rows
}

fn name(stored: &CStr) -> String {
    stored.to_string_lossy().into_owned()
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
