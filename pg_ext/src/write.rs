//! Rows inserted without a plan, the way logical replication applies them: indexes, constraints and triggers are
//! PostgreSQL's own. Starting the executor for one row costs more than the row.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgSqlErrorCode, PgTupleDesc, direct_function_call, pg_sys, varlena};

use crate::error::raise;
use crate::fetch::{NO_LOCK, READING, WRITING, generation, relation};
use crate::path;
use crate::spi::{Argument, arg};
use crate::target::Target;

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
    /// Somebody else's triggers, defaults, checks, generated columns or index expressions run too.
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
            refuse_read_only(c"INSERT");
            let (table, resolved) = self.open();
            if resolved.runs_more {
                path::pin();
            }
            let mut target = Target::open(table);
            fill(&target, &resolved, values);
            if !target.insert() {
                raise(
                    PgSqlErrorCode::ERRCODE_TRIGGERED_ACTION_EXCEPTION,
                    format!("a trigger kept a row out of {}", self.table.to_string_lossy()),
                );
            }
            target.finish();
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
            runs_more: !defaulted.is_empty()
                || unsafe { has_triggers(table) || has_checks(table) || has_computed_indexes(table) },
            defaulted,
        }
    }
}

/// Whether it has checks or generated columns: ours have none where calls are written.
pub unsafe fn has_checks(table: pg_sys::Relation) -> bool {
    // SAFETY: null, or what the descriptor holds as long as the table is open.
    unsafe { (*(*table).rd_att).constr.as_ref() }
        .is_some_and(|constraints| constraints.num_check > 0 || constraints.has_generated_stored)
}

/// Whether one of its indexes computes something, or asks a condition: ours do not.
pub unsafe fn has_computed_indexes(table: pg_sys::Relation) -> bool {
    // SAFETY: the table is open and locked, so its indexes stay; each is closed again, or by the abort.
    unsafe {
        let Some(indexes) = pg_sys::RelationGetIndexList(table).as_ref() else {
            return false;
        };
        let indexes = std::slice::from_raw_parts(indexes.elements, indexes.length as usize);
        indexes.iter().any(|cell| {
            let index = pg_sys::index_open(cell.oid_value, READING);
            let row = (*index).rd_indextuple;
            let computes = [pg_sys::Anum_pg_index_indexprs, pg_sys::Anum_pg_index_indpred]
                .iter()
                .any(|column| !pg_sys::heap_attisnull(row, *column as i32, std::ptr::null_mut()));
            pg_sys::index_close(index, NO_LOCK);
            computes
        })
    }
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

unsafe fn fill(target: &Target, resolved: &Resolved, values: &[Argument]) {
    // SAFETY: the slot has room for every column of the table.
    unsafe {
        let width = (*(*target.table).rd_att).natts as usize;
        let columns = std::slice::from_raw_parts_mut((*target.slot).tts_values, width);
        let nulls = std::slice::from_raw_parts_mut((*target.slot).tts_isnull, width);
        columns.fill(pg_sys::Datum::from(0));
        nulls.fill(true);
        for (place, value) in resolved.places.iter().zip(values) {
            columns[*place] = value.unwrap_or(pg_sys::Datum::from(0));
            nulls[*place] = value.is_none();
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

/// The texts of a row that is to be written, in one piece of memory and in PostgreSQL's form. Asked of the server one by one,
/// each is an allocation behind a guard. What `put` gives is good as long as this lives.
pub struct Texts {
    /// Never grows: what was given points into it.
    room: Vec<u32>,
    used: usize,
}

/// In words of four bytes: what a usual call says fits.
const ROOM: usize = 256;

impl Texts {
    pub fn new() -> Self {
        Texts {
            room: Vec::with_capacity(ROOM),
            used: 0,
        }
    }

    pub fn put<'a>(&mut self, text: impl Into<Option<&'a str>>) -> Argument {
        let text = text.into()?;
        let words = 1 + text.len().div_ceil(4);
        if words > ROOM - self.used {
            return arg(text);
        }
        // SAFETY: there is room for the length and the bytes; a text lies at a multiple of four.
        unsafe {
            let stored = self.room.as_mut_ptr().add(self.used);
            varlena::set_varsize_4b(stored.cast(), (size_of::<u32>() + text.len()) as i32);
            std::ptr::copy_nonoverlapping(text.as_ptr(), stored.add(1).cast(), text.len());
            self.used += words;
            Some(pg_sys::Datum::from(stored))
        }
    }
}

/// What the executor asks, which is not there.
pub fn refuse_read_only(command: &CStr) {
    // SAFETY: a variable of this backend; raises where nothing may be written.
    unsafe {
        if pg_sys::XactReadOnly {
            pg_sys::PreventCommandIfReadOnly(command.as_ptr());
        }
    }
}

/// One of our sequences; one `static` each.
pub struct Sequence {
    name: &'static CStr,
    /// With the state of the catalogue that it was found in.
    resolved: Cell<(u64, pg_sys::Oid)>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Sequence {}

impl Sequence {
    pub const fn new(name: &'static CStr) -> Self {
        Sequence {
            name,
            resolved: Cell::new((u64::MAX, pg_sys::Oid::INVALID)),
        }
    }

    pub fn next(&self) -> i64 {
        let (known, mut oid) = self.resolved.get();
        if known != generation() {
            let generation = generation();
            oid = relation(self.name);
            self.resolved.set((generation, oid));
        }
        // SAFETY: nextval takes a sequence's number and gives an int8; it refuses whatever is none.
        unsafe { direct_function_call(pg_sys::nextval_oid, &[arg(oid)]) }.expect("nextval is not null")
    }
}
