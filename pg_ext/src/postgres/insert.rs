//! Rows inserted without a plan, the way logical replication applies them: indexes, constraints and triggers are
//! PostgreSQL's own. Starting the executor for one row costs more than the row.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgSqlErrorCode, PgTupleDesc, direct_function_call, pg_sys, varlena};

use crate::postgres::access::Examined;
use crate::postgres::error::raise;
use crate::postgres::lookup::{NO_LOCK, WRITING, generation, relation};
use crate::postgres::row_writer::Target;
use crate::postgres::spi::{Argument, Statement, arg};
use crate::postgres::tables::Operation;
use crate::postgres::{access, by_statement, search_path};

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
    examined: Rc<Examined>,
    by_statement: bool,
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
        refuse_read_only(c"INSERT");
        let resolved = self.enter();
        let table = resolved.examined.table;
        if resolved.by_statement {
            by_statement::insert(table, self.columns, values);
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
        let places = self.columns.iter().map(|name| {
            shape
                .iter()
                .position(|column| !column.attisdropped && column.name().as_bytes() == name.to_bytes())
                .unwrap_or_else(|| {
                    access::refuse(
                        self.table,
                        &format!("it has no column {}", name.to_string_lossy()),
                    )
                })
        });
        let places: Vec<usize> = places.collect();
        let defaulted = shape.iter().enumerate().filter_map(|(place, column)| {
            let has_default = column.atthasdef || column.attidentity != 0;
            (has_default && column.attgenerated == 0 && !places.contains(&place)).then_some(place)
        });
        let defaulted: Vec<usize> = defaulted.collect();
        Resolved {
            by_statement: examined.needs_statement(Operation::Insert),
            examined,
            places,
            // SAFETY: the table is open.
            runs_more: !defaulted.is_empty()
                || unsafe { has_triggers(table) || has_checks(table) || has_computed_indexes(table) },
            defaulted,
        }
    }
}

/// Whether it has checks or generated columns: ours have none where calls are inserted.
unsafe fn has_checks(table: pg_sys::Relation) -> bool {
    // SAFETY: null, or what the descriptor holds as long as the table is open.
    unsafe { (*(*table).rd_att).constr.as_ref() }
        .is_some_and(|constraints| constraints.num_check > 0 || constraints.has_generated_stored)
}

/// Whether one of its indexes computes something, or asks a condition: ours do not.
pub unsafe fn has_computed_indexes(table: pg_sys::Relation) -> bool {
    // SAFETY: the table is open and locked, so its indexes stay; each reference is given back, or by the abort.
    unsafe {
        let Some(indexes) = pg_sys::RelationGetIndexList(table).as_ref() else {
            return false;
        };
        let indexes = std::slice::from_raw_parts(indexes.elements, indexes.length as usize);
        indexes.iter().any(|cell| {
            let index = pg_sys::RelationIdGetRelation(cell.oid_value);
            if index.is_null() {
                return false;
            }
            let row = (*index).rd_indextuple;
            let computes = [pg_sys::Anum_pg_index_indexprs, pg_sys::Anum_pg_index_indpred]
                .iter()
                .any(|column| !pg_sys::heap_attisnull(row, *column as i32, std::ptr::null_mut()));
            pg_sys::RelationClose(index);
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

/// The sequence of a column of identity; one `static` each.
pub struct Sequence {
    name: &'static CStr,
    /// Tells the sequence of the column itself, should nothing bear the name.
    find: Statement,
    /// With the state of the catalogue that it was found in.
    resolved: Cell<(u64, pg_sys::Oid)>,
}

// SAFETY: a backend has one thread.
unsafe impl Sync for Sequence {}

impl Sequence {
    pub const fn new(name: &'static CStr, find: &'static str) -> Self {
        Sequence {
            name,
            find: Statement::new(find, &[]),
            resolved: Cell::new((u64::MAX, pg_sys::Oid::INVALID)),
        }
    }

    pub fn next(&self) -> i64 {
        let oid = loop {
            let (known, mut oid) = self.resolved.get();
            let generation = generation();
            if known != generation {
                oid = self.look_up();
                self.resolved.set((generation, oid));
            }
            // SAFETY: any number can be locked; the backend hears of changes then.
            unsafe { pg_sys::LockRelationOid(oid, WRITING) };
            if self.resolved.get().0 == crate::postgres::lookup::generation() {
                break oid;
            }
            pgrx::check_for_interrupts!();
        };
        // SAFETY: nextval takes a sequence's number and gives an int8.
        unsafe { direct_function_call(pg_sys::nextval_oid, &[arg(oid)]) }.expect("nextval is not null")
    }

    fn look_up(&self) -> pg_sys::Oid {
        let mut oid = relation(self.name);
        if oid == pg_sys::Oid::INVALID {
            let rows = self.find.run(&[]);
            oid = rows.first().and_then(|row| row.get()).unwrap_or(oid);
        }
        // SAFETY: a look-up in the catalogue.
        if unsafe { pg_sys::get_rel_relkind(oid) } as u8 != pg_sys::RELKIND_SEQUENCE {
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("calls need sequence capconduit.{}", self.name.to_string_lossy()),
            );
        }
        oid
    }
}
