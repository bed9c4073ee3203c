//! SPI, kept thin: each statement is prepared once per backend with a generic plan and kept. pgrx's own client is not
//! used because its reads either take a transaction id or an old snapshot; the protocol needs neither.

use std::cell::Cell;
use std::ffi::{CStr, CString};

use pgrx::{FromDatum, IntoDatum, pg_sys};

use crate::postgres::search_path;

/// A statement with its parameter types; one `static` each, in the module that owns it.
pub struct Statement {
    sql: &'static str,
    types: &'static [pg_sys::Oid],
    left_out: &'static [&'static CStr],
    plan: Cell<pg_sys::SPIPlanPtr>,
    planned: Cell<bool>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Statement {}

pub type Argument = Option<pg_sys::Datum>;

/// A parameter's value; `None` is NULL.
pub fn arg<T: IntoDatum>(value: T) -> Argument {
    value.into_datum()
}

/// A timestamp parameter in PostgreSQL's microseconds.
pub fn instant(micros: impl Into<Option<i64>>) -> Argument {
    micros.into().map(pg_sys::Datum::from)
}

/// Runs `work` with SPI connected. What it returns must be owned by Rust: SPI's memory is gone afterwards, and any
/// Datum that was made in it (so a `Record` is made outside).
pub fn connected<T>(work: impl FnOnce() -> T) -> T {
    let _path = search_path::Scope::begin();
    // SAFETY: connect and finish are paired; on an error PostgreSQL's abort cleans up.
    unsafe {
        assert_eq!(
            pg_sys::SPI_connect(),
            pg_sys::SPI_OK_CONNECT as i32,
            "SPI_connect"
        );
        let result = work();
        assert_eq!(pg_sys::SPI_finish(), pg_sys::SPI_OK_FINISH as i32, "SPI_finish");
        result
    }
}

impl Statement {
    /// For a statement that reaches few rows by keys.
    pub const fn new(sql: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        Statement {
            sql,
            types,
            left_out: BY_KEYS,
            plan: Cell::new(std::ptr::null_mut()),
            planned: Cell::new(false),
        }
    }

    /// For a statement that compares whole sets.
    pub const fn over_sets(sql: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        Statement {
            left_out: OVER_SETS,
            ..Statement::new(sql, types)
        }
    }

    /// With a snapshot of its own, own writes included.
    pub fn run(&self, arguments: &[Argument]) -> Rows {
        self.execute(arguments, false)
    }

    /// With the snapshot of the calling query: for what must work read-only and on a standby.
    pub fn run_read_only(&self, arguments: &[Argument]) -> Rows {
        self.execute(arguments, true)
    }

    fn execute(&self, arguments: &[Argument], read_only: bool) -> Rows {
        assert_eq!(arguments.len(), self.types.len(), "arguments of {}", self.sql);
        search_path::pin();
        let mut values: Vec<pg_sys::Datum> = arguments
            .iter()
            .map(|argument| argument.unwrap_or(pg_sys::Datum::from(0)))
            .collect();
        let nulls: Vec<std::ffi::c_char> = arguments
            .iter()
            .map(|argument| if argument.is_some() { b' ' as _ } else { b'n' as _ })
            .collect();
        let plan = self.plan();
        // SAFETY: the plan was prepared for exactly these parameter types, SPI is connected.
        let mut execute = || unsafe {
            let code = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), read_only, 0);
            assert!(code > 0, "SPI_execute_plan: {code}: {}", self.sql);
            Rows {
                table: pg_sys::SPI_tuptable,
                count: pg_sys::SPI_processed as usize,
            }
        };
        // SAFETY: reads a flag of the kept plan.
        if self.planned.get() && unsafe { pg_sys::SPI_plan_is_valid(plan) } {
            execute()
        } else {
            self.planned.set(true);
            planning_without(self.left_out, execute)
        }
    }

    fn plan(&self) -> pg_sys::SPIPlanPtr {
        if self.plan.get().is_null() {
            let sql = CString::new(self.sql).expect("SQL without NUL");
            // SAFETY: SPI copies text and types; keepplan moves the plan out of SPI's memory, for good.
            unsafe {
                let plan = pg_sys::SPI_prepare_cursor(
                    sql.as_ptr(),
                    self.types.len() as i32,
                    self.types.as_ptr().cast_mut(),
                    pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
                );
                assert!(!plan.is_null(), "SPI_prepare: {}", self.sql);
                pg_sys::SPI_keepplan(plan);
                self.plan.set(plan);
            }
        }
        self.plan.get()
    }
}

/// Planned on small tables, PostgreSQL would read them whole and build hash tables, and keep that plan while they grow:
/// so it plans (at a plan's first use, and after each change of the tables or their statistics) for index scans and
/// nested loops.
const BY_KEYS: &[&CStr] = &[
    c"enable_seqscan",
    c"enable_hashjoin",
    c"enable_mergejoin",
    c"enable_sort",
    c"enable_memoize",
];
/// And two sets that looked small would be compared each with each: thousands of calls would take seconds.
const OVER_SETS: &[&CStr] = &[c"enable_nestloop"];

fn planning_without<T>(settings: &[&CStr], execute: impl FnOnce() -> T) -> T {
    // SAFETY: a level of settings of its own, closed again below; an error closes it too.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        for name in settings {
            pg_sys::set_config_option(
                name.as_ptr(),
                c"off".as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
        let result = execute();
        pg_sys::AtEOXact_GUC(true, level);
        result
    }
}

/// The result of one statement: rows read or rows changed.
pub struct Rows {
    table: *mut pg_sys::SPITupleTable,
    count: usize,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = Columns<'_>> {
        (0..self.count).map(|row| self.row(row))
    }

    pub fn first(&self) -> Option<Columns<'_>> {
        (self.count > 0).then(|| self.row(0))
    }

    fn row(&self, row: usize) -> Columns<'_> {
        Columns {
            rows: self,
            row,
            next: Cell::new(1),
        }
    }
}

/// One row, read column by column in the order of the select list.
pub struct Columns<'a> {
    rows: &'a Rows,
    row: usize,
    next: Cell<i32>,
}

impl Columns<'_> {
    /// The next column; `None` is NULL.
    pub fn get<T: FromDatum>(&self) -> Option<T> {
        let column = self.next.replace(self.next.get() + 1);
        // SAFETY: row and column lie within the table; T is the column's type, as the SQL beside it says.
        unsafe {
            let table = self.rows.table;
            let tuple = *(*table).vals.add(self.row);
            let mut is_null = false;
            let datum = pg_sys::SPI_getbinval(tuple, (*table).tupdesc, column, &mut is_null);
            T::from_datum(datum, is_null)
        }
    }

    /// The next column, which the schema declares not null.
    pub fn need<T: FromDatum>(&self) -> T {
        let column = self.next.get();
        self.get().unwrap_or_else(|| panic!("column {column} is NULL"))
    }
}
