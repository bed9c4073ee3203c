//! Rows inserted without a plan, the way logical replication applies them: indexes, constraints and triggers are
//! PostgreSQL's own. Starting the executor for one row costs more than the row.

use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgTupleDesc, pg_sys};

use crate::postgres::access::Examined;
use crate::postgres::argument::Argument;
use crate::postgres::armed::Armed;
use crate::postgres::catalogue::{NO_LOCK, WRITING, generation};
use crate::postgres::row_writer::Target;
use crate::postgres::side_effects::{has_checks, has_computed_indexes, has_insert_triggers};
use crate::postgres::table::Operation;
use crate::postgres::transaction::refuse_read_only;
use crate::postgres::{access, by_statement, search_path};

/// A table and the columns that are written; one `static` each, in the module that owns it.
pub struct Insert {
    table: &'static CStr,
    /// In one list or several.
    columns: &'static [&'static [&'static CStr]],
    resolved: RefCell<Option<Rc<Resolved>>>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Insert {}

/// Inserts a row, each value beside its column's name: `insert!(armed, call_attempts { uniqueid: arg(uniqueid), … })`.
macro_rules! insert {
    ($armed:expr, $table:ident { $($column:ident: $value:expr),* $(,)? }) => {{
        static INSERT: $crate::postgres::insert::Insert = $crate::postgres::insert::Insert::new(
            $crate::postgres::tables::$table::NAME,
            &[&[$($crate::postgres::tables::$table::$column.name()),*]],
        );
        INSERT.run($armed, &[$($value),*]);
    }};
}
pub(crate) use insert;

/// Declares values of a table's row by the names of its columns.
macro_rules! row_values {
    ($(#[$doc:meta])* $visible:vis struct $name:ident of $table:ident { $($column:ident),+ $(,)? }) => {
        $(#[$doc])*
        $visible struct $name<'a> {
            $($column: $crate::postgres::argument::Argument<'a>),+
        }

        impl<'a> $name<'a> {
            pub const NAMES: &'static [&'static std::ffi::CStr] =
                &[$($crate::postgres::tables::$table::$column.name()),+];
            #[allow(dead_code)]
            pub const TYPES: &'static [pgrx::pg_sys::Oid] =
                &[$($crate::postgres::tables::$table::$column.kind()),+];

            pub fn values(&self) -> Vec<$crate::postgres::argument::Argument<'a>> {
                vec![$(self.$column),+]
            }
        }
    };
}
pub(crate) use row_values;

/// Names turned into numbers, for as long as no table changes.
struct Resolved {
    examined: Rc<Examined>,
    by_statement: bool,
    /// Where each value goes; `None`: an optional column that the table does not have.
    places: Vec<Option<usize>>,
    /// Columns that somebody else added, with a default of their own.
    defaulted: Vec<usize>,
    /// Somebody else's triggers, defaults, checks, generated columns or index expressions run too.
    runs_more: bool,
}

impl Insert {
    pub const fn new(table: &'static CStr, columns: &'static [&'static [&'static CStr]]) -> Self {
        Insert {
            table,
            columns,
            resolved: RefCell::new(None),
        }
    }

    /// Values of optional columns that the table does not have are left out. A row that breaks a constraint is an error, as in SQL; so is one that a trigger leaves out, since counters go with it.
    pub fn run(&self, armed: Armed, values: &[Argument]) {
        let columns: usize = self.columns.iter().map(|list| list.len()).sum();
        assert_eq!(values.len(), columns, "values of {:?}", self.table);
        refuse_read_only(c"INSERT");
        let resolved = self.enter();
        let table = resolved.examined.table;
        if resolved.by_statement {
            let columns = self.columns.iter().copied().flatten();
            let given = resolved.places.iter().zip(columns.zip(values));
            let there = given.filter_map(|(place, given)| place.map(|_| given));
            let (columns, values): (Vec<&'static CStr>, Vec<Argument>) = there.unzip();
            by_statement::insert(armed, table, &columns, &values);
            return;
        }
        if resolved.runs_more {
            search_path::pin();
        }
        // SAFETY: everything opened here is closed here, or by the abort.
        unsafe {
            let mut target = Target::open(pg_sys::table_open(resolved.examined.oid, NO_LOCK));
            fill(&target, &resolved, values);
            if !target.insert() {
                by_statement::kept_out(table);
            }
            target.finish();
        }
    }

    /// Locks the table, and looks at it if something has changed since the last time.
    fn enter(&self) -> Rc<Resolved> {
        loop {
            let known = self.resolved.borrow().clone();
            if let Some(known) = known
                && known.examined.generation == generation()
            {
                // SAFETY: a lock is when the backend hears of changes.
                unsafe { pg_sys::LockRelationOid(known.examined.oid, WRITING) };
                if known.examined.generation == generation() {
                    return known;
                }
            }
            let examined = access::enter(self.table, WRITING);
            // SAFETY: the table is locked.
            let resolved = unsafe {
                let table = pg_sys::table_open(examined.oid, NO_LOCK);
                let resolved = self.resolve(table, examined);
                pg_sys::table_close(table, NO_LOCK);
                resolved
            };
            self.resolved.replace(Some(Rc::new(resolved)));
            pgrx::check_for_interrupts!();
        }
    }

    unsafe fn resolve(&self, table: pg_sys::Relation, examined: Rc<Examined>) -> Resolved {
        // SAFETY: the descriptor lives as long as the table is open.
        let shape = unsafe { PgTupleDesc::from_pg_unchecked((*table).rd_att) };
        let places = self.columns.iter().copied().flatten().map(|name| {
            let place = shape
                .iter()
                .position(|column| !column.attisdropped && column.name().as_bytes() == name.to_bytes());
            if place.is_none() && !examined.table.is_optional(name) {
                access::refuse(
                    self.table,
                    &format!("it has no column {}", name.to_string_lossy()),
                );
            }
            place
        });
        let places: Vec<Option<usize>> = places.collect();
        let defaulted = shape.iter().enumerate().filter_map(|(place, column)| {
            let has_default = column.atthasdef || column.attidentity != 0;
            (has_default && column.attgenerated == 0 && !places.contains(&Some(place))).then_some(place)
        });
        let defaulted: Vec<usize> = defaulted.collect();
        Resolved {
            by_statement: examined.needs_statement(Operation::Insert),
            examined,
            places,
            // SAFETY: the table is open.
            runs_more: !defaulted.is_empty()
                || unsafe { has_insert_triggers(table) || has_checks(table) || has_computed_indexes(table) },
            defaulted,
        }
    }
}

unsafe fn fill(target: &Target, resolved: &Resolved, values: &[Argument]) {
    // SAFETY: the slot has room for every column of the table.
    unsafe {
        let width = (*(*target.table).rd_att).natts as usize;
        let columns = std::slice::from_raw_parts_mut((*target.slot).tts_values, width);
        let nulls = std::slice::from_raw_parts_mut((*target.slot).tts_isnull, width);
        columns.fill(pg_sys::Datum::from(0));
        nulls.fill(true);
        for (place, value) in resolved.places.iter().zip(values) {
            if let Some(place) = *place {
                columns[place] = value.datum().unwrap_or(pg_sys::Datum::from(0));
                nulls[place] = value.datum().is_none();
            }
        }
        for place in &resolved.defaulted {
            columns[*place] = default_of(target.table, *place, target.state, &mut nulls[*place]);
        }
    }
}

unsafe fn default_of(
    table: pg_sys::Relation,
    place: usize,
    estate: *mut pg_sys::EState,
    is_null: &mut bool,
) -> pg_sys::Datum {
    // SAFETY: a column with a default; whatever the expression raises passes the guard.
    unsafe {
        let expression = pg_sys::build_column_default(table, place as i32 + 1);
        let state = pg_sys::ExecPrepareExpr(expression.cast(), estate);
        let context = pg_sys::MakePerTupleExprContext(estate);
        let evaluate = (*state).evalfunc.expect("a prepared expression");
        pg_sys::ffi::pg_guard_ffi_boundary(|| evaluate(state, context, is_null))
    }
}
