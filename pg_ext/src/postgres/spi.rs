//! SPI, kept thin: each statement is prepared once per backend with a generic plan and kept. pgrx's own client is not
//! used because its reads either take a transaction id or an old snapshot; the protocol needs neither.

use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;

use pgrx::pg_sys;

use crate::postgres::argument::Argument;
use crate::postgres::armed::Armed;
use crate::postgres::rows::{FromColumn, Rows, SelectList, Selected};
use crate::postgres::search_path;

/// A statement with its parameter types; one `static` each, in the module that owns it.
pub struct Statement {
    sql: Sql,
    types: &'static [pg_sys::Oid],
    left_out: &'static [&'static CStr],
    plan: Cell<pg_sys::SPIPlanPtr>,
    planned: Cell<bool>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Statement {}

/// SPI is connected as long as this is there.
pub struct Connected(());

/// Runs `work` with SPI connected. SPI's memory is gone afterwards: so statements give what Rust owns, and the rows that a
/// function answers with become PostgreSQL's only when it has returned.
pub fn connected<T>(work: impl FnOnce(&Connected) -> T) -> T {
    let _path = search_path::Scope::begin();
    // SAFETY: connect and finish are paired; on an error PostgreSQL's abort cleans up.
    unsafe {
        assert_eq!(
            pg_sys::SPI_connect(),
            pg_sys::SPI_OK_CONNECT as i32,
            "SPI_connect"
        );
        let result = work(&Connected(()));
        assert_eq!(pg_sys::SPI_finish(), pg_sys::SPI_OK_FINISH as i32, "SPI_finish");
        result
    }
}

impl Statement {
    /// For a statement that reads few rows by keys. One that changes rows does not compile here: it is a `Change`.
    pub const fn new(sql: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        assert!(selects(sql), "a statement that selects");
        Statement::of(Sql::Written(sql), types)
    }

    const fn of(sql: Sql, types: &'static [pg_sys::Oid]) -> Self {
        Statement {
            sql,
            types,
            left_out: BY_KEYS,
            plan: Cell::new(std::ptr::null_mut()),
            planned: Cell::new(false),
        }
    }

    /// With a snapshot of its own, own writes included; how many rows it read or changed.
    pub fn run(&self, arguments: &[Argument]) -> usize {
        self.execute(arguments, false).count
    }

    /// The only column of the first row; `None`: there is no row, or it is NULL.
    pub fn value<T: FromColumn>(&self, arguments: &[Argument]) -> Option<T> {
        let rows = self.execute(arguments, false);
        (rows.count > 0).then(|| rows.column(0, 1)).flatten()
    }

    /// The same with the snapshot of the calling query: for what must work read-only and on a standby.
    pub fn value_read_only<T: FromColumn>(&self, arguments: &[Argument]) -> Option<T> {
        let rows = self.execute(arguments, true);
        (rows.count > 0).then(|| rows.column(0, 1)).flatten()
    }

    fn execute(&self, arguments: &[Argument], read_only: bool) -> Rows {
        assert_eq!(
            arguments.len(),
            self.types.len(),
            "arguments of {}",
            self.sql.text()
        );
        search_path::pin();
        let mut values: Vec<pg_sys::Datum> = arguments
            .iter()
            .map(|argument| argument.datum().unwrap_or(pg_sys::Datum::from(0)))
            .collect();
        let nulls: Vec<std::ffi::c_char> = arguments
            .iter()
            .map(|argument| {
                if argument.datum().is_some() {
                    b' ' as _
                } else {
                    b'n' as _
                }
            })
            .collect();
        let plan = self.plan();
        // SAFETY: the plan was prepared for exactly these parameter types, SPI is connected.
        let mut execute = || unsafe {
            let code = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), read_only, 0);
            assert!(code > 0, "SPI_execute_plan: {code}: {}", self.sql.text());
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
            let sql = CString::new(&*self.sql.text()).expect("SQL without NUL");
            // SAFETY: SPI copies text and types; keepplan moves the plan out of SPI's memory, for good.
            unsafe {
                let plan = pg_sys::SPI_prepare_cursor(
                    sql.as_ptr(),
                    self.types.len() as i32,
                    self.types.as_ptr().cast_mut(),
                    pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
                );
                assert!(!plan.is_null(), "SPI_prepare: {}", self.sql.text());
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

const fn selects(sql: &str) -> bool {
    matches!(sql.as_bytes(), [b's', b'e', b'l', b'e', b'c', b't', ..])
}

/// A statement that changes rows: only what is armed may run it.
pub struct Change(Statement);

impl Change {
    /// For one that reaches few rows by keys.
    pub const fn new(sql: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        Change(Statement::of(Sql::Written(sql), types))
    }

    /// For one that compares whole sets.
    pub const fn over_sets(sql: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        let mut change = Change::new(sql, types);
        change.0.left_out = OVER_SETS;
        change
    }

    /// Its text is put together when it is prepared.
    pub const fn built(sql: fn() -> String, types: &'static [pg_sys::Oid]) -> Self {
        Change(Statement::of(Sql::Built(sql), types))
    }

    /// How many rows it changed.
    pub fn run(&self, _armed: Armed, arguments: &[Argument]) -> usize {
        self.0.run(arguments)
    }

    /// What it returns of the first row.
    pub fn value<T: FromColumn>(&self, _armed: Armed, arguments: &[Argument]) -> Option<T> {
        self.0.value(arguments)
    }

    /// For what nobody waits for: neither the disk nor a standby.
    pub fn run_unarmed(&self, arguments: &[Argument]) -> usize {
        self.0.run(arguments)
    }
}

/// Where a statement's text comes from.
enum Sql {
    Written(&'static str),
    Built(fn() -> String),
    /// A list of columns between two texts.
    Selecting(&'static str, SelectList, &'static str),
}

impl Sql {
    fn text(&self) -> Cow<'static, str> {
        match self {
            Sql::Written(text) => Cow::Borrowed(text),
            Sql::Built(build) => Cow::Owned(build()),
            Sql::Selecting(before, list, after) => {
                let columns: Vec<String> = list
                    .iter()
                    .map(|(name, expression)| format!("{expression} as {name}"))
                    .collect();
                Cow::Owned(format!("{before} {} {after}", columns.join(", ")))
            }
        }
    }
}

/// A statement whose rows are `R`: `before`, the select list of `R`, `after`.
pub struct Query<R> {
    statement: Statement,
    of: PhantomData<fn() -> R>,
}

impl<R: Selected> Query<R> {
    pub const fn new(before: &'static str, after: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        assert!(selects(before), "a statement that selects");
        Query::of(before, after, types)
    }

    const fn of(before: &'static str, after: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        Query {
            statement: Statement::of(Sql::Selecting(before, R::LIST, after), types),
            of: PhantomData,
        }
    }

    /// For one that compares whole sets.
    pub const fn over_sets(mut self) -> Self {
        self.statement.left_out = OVER_SETS;
        self
    }

    pub fn all(&self, arguments: &[Argument]) -> Vec<R> {
        let rows = self.statement.execute(arguments, false);
        (0..rows.count).map(|row| rows.read(row)).collect()
    }

    pub fn first(&self, arguments: &[Argument]) -> Option<R> {
        let rows = self.statement.execute(arguments, false);
        (rows.count > 0).then(|| rows.read(0))
    }
}
