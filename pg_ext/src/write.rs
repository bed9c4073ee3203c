//! Rows inserted without a plan, the way logical replication applies them: indexes, constraints and triggers are
//! PostgreSQL's own. Starting the executor for one row costs more than the row.

use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgSqlErrorCode, PgTupleDesc, direct_function_call, pg_sys};

use crate::error::raise;
use crate::fetch::{NO_LOCK, WRITING, generation, relation};
use crate::path;
use crate::spi::{Argument, arg};

/// A table and the columns that are written; one `static` each, in the module that owns it.
pub struct Insert {
    table: &'static CStr,
    columns: &'static [&'static CStr],
    resolved: RefCell<Option<Rc<Resolved>>>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Insert {}

/// Names turned into numbers, for as long as no table changes.
struct Resolved {
    generation: u64,
    table: pg_sys::Oid,
    /// Where each value goes.
    places: Vec<usize>,
    /// Columns that somebody else added, with a default of their own.
    defaulted: Vec<usize>,
    /// Somebody else's triggers, defaults, checks or generated columns run too.
    runs_more: bool,
}

impl Insert {
    pub const fn new(table: &'static CStr, columns: &'static [&'static CStr]) -> Self {
        Insert {
            table,
            columns,
            resolved: RefCell::new(None),
        }
    }

    /// A row that breaks a constraint is an error, as in SQL; so is one that a trigger leaves out, since counters go with it.
    pub fn run(&self, values: &[Argument]) {
        assert_eq!(values.len(), self.columns.len(), "values of {:?}", self.table);
        // SAFETY: everything opened here is closed here, or by the abort.
        unsafe {
            pg_sys::PreventCommandIfReadOnly(c"INSERT".as_ptr());
            let (table, resolved) = self.open();
            if resolved.runs_more {
                path::pin();
            }
            let estate = pg_sys::CreateExecutorState();
            let mut target = pg_sys::ResultRelInfo {
                type_: pg_sys::NodeTag::T_ResultRelInfo,
                ..Default::default()
            };
            // Zero: it stands in no query's list of tables.
            pg_sys::InitResultRelInfo(&raw mut target, table, 0, std::ptr::null_mut(), 0);
            pg_sys::ExecOpenIndices(&raw mut target, false);
            let slot = pg_sys::table_slot_create(table, &raw mut (*estate).es_tupleTable);
            fill(slot, &resolved, values, table, estate);
            pg_sys::AfterTriggerBeginQuery();
            pg_sys::ExecSimpleRelationInsert(&raw mut target, estate, slot);
            if (*slot).tts_tid.ip_posid == 0 {
                raise(
                    PgSqlErrorCode::ERRCODE_TRIGGERED_ACTION_EXCEPTION,
                    format!("a trigger kept a row out of {}", self.table.to_string_lossy()),
                );
            }
            pg_sys::AfterTriggerEndQuery(estate);
            // What the triggers opened.
            pg_sys::ExecCloseResultRelations(estate);
            pg_sys::ExecCloseIndices(&raw mut target);
            pg_sys::ExecResetTupleTable((*estate).es_tupleTable, false);
            pg_sys::FreeExecutorState(estate);
            pg_sys::table_close(table, NO_LOCK);
        }
    }

    unsafe fn open(&self) -> (pg_sys::Relation, Rc<Resolved>) {
        loop {
            let known = self.resolved.borrow().clone();
            // By its name again after a change: another table may bear it now.
            let known = known.filter(|known| known.generation == generation());
            let oid = known
                .as_ref()
                .map_or_else(|| relation(self.table), |known| known.table);
            // SAFETY: taking the lock is when the backend hears of changes; a table that is gone is an error.
            let table = unsafe { pg_sys::table_open(oid, WRITING) };
            match known {
                Some(known) if known.generation == generation() => return (table, known),
                _ => {
                    let resolved = unsafe { self.resolve(table) };
                    self.resolved.replace(Some(Rc::new(resolved)));
                    unsafe { pg_sys::table_close(table, NO_LOCK) };
                }
            }
        }
    }

    unsafe fn resolve(&self, table: pg_sys::Relation) -> Resolved {
        // SAFETY: the descriptor lives as long as the table is open.
        let (oid, shape) = unsafe { ((*table).rd_id, PgTupleDesc::from_pg_unchecked((*table).rd_att)) };
        let places = self.columns.iter().map(|name| {
            shape
                .iter()
                .position(|column| !column.attisdropped && column.name().as_bytes() == name.to_bytes())
                .unwrap_or_else(|| panic!("{:?} has no column {name:?}", self.table))
        });
        let places: Vec<usize> = places.collect();
        let defaulted = shape.iter().enumerate().filter_map(|(place, column)| {
            let has_default = column.atthasdef || column.attidentity != 0;
            (has_default && column.attgenerated == 0 && !places.contains(&place)).then_some(place)
        });
        let defaulted: Vec<usize> = defaulted.collect();
        Resolved {
            generation: generation(),
            table: oid,
            places,
            // SAFETY: the table is open.
            runs_more: !defaulted.is_empty() || unsafe { has_triggers(table) || has_checks(table) },
            defaulted,
        }
    }
}

/// Whether it has checks or generated columns: ours have none where calls are written.
unsafe fn has_checks(table: pg_sys::Relation) -> bool {
    // SAFETY: null, or what the descriptor holds as long as the table is open.
    unsafe { (*(*table).rd_att).constr.as_ref() }
        .is_some_and(|constraints| constraints.num_check > 0 || constraints.has_generated_stored)
}

/// Whether it has others than those of foreign keys, which write their names out.
unsafe fn has_triggers(table: pg_sys::Relation) -> bool {
    // SAFETY: null, or as many triggers as it says, which live as long as the table is open.
    unsafe {
        let Some(triggers) = (*table).trigdesc.as_ref() else {
            return false;
        };
        let triggers = std::slice::from_raw_parts(triggers.triggers, triggers.numtriggers as usize);
        triggers.iter().any(|trigger| !trigger.tgisinternal)
    }
}

unsafe fn fill(
    slot: *mut pg_sys::TupleTableSlot,
    resolved: &Resolved,
    values: &[Argument],
    table: pg_sys::Relation,
    estate: *mut pg_sys::EState,
) {
    // SAFETY: the slot has room for every column of the table.
    unsafe {
        let width = (*(*table).rd_att).natts as usize;
        let columns = std::slice::from_raw_parts_mut((*slot).tts_values, width);
        let nulls = std::slice::from_raw_parts_mut((*slot).tts_isnull, width);
        columns.fill(pg_sys::Datum::from(0));
        nulls.fill(true);
        for (place, value) in resolved.places.iter().zip(values) {
            columns[*place] = value.unwrap_or(pg_sys::Datum::from(0));
            nulls[*place] = value.is_none();
        }
        for place in &resolved.defaulted {
            columns[*place] = default_of(table, *place, estate, &mut nulls[*place]);
        }
        pg_sys::ExecStoreVirtualTuple(slot);
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

/// The next value of one of our sequences.
pub fn next_value(sequence: &CStr) -> i64 {
    let sequence = relation(sequence);
    // SAFETY: nextval takes a sequence's number and gives an int8; it refuses whatever is none.
    unsafe { direct_function_call(pg_sys::nextval_oid, &[arg(sequence)]) }.expect("nextval is not null")
}
