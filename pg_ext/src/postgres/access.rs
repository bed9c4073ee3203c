//! Decides how each table may be reached: directly, as PostgreSQL's own statement, or not at all, and says why. Looked at once
//! for each table and state of the catalogue, under the table's lock.

use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::Rc;

use pgrx::{PgSqlErrorCode, pg_sys};

use crate::postgres::catalogue::{generation, relation, watch};
use crate::postgres::error::raise;
use crate::postgres::index_choice::{FoundIndex, find_index, missing};
use crate::postgres::side_effects::{SideEffect, others_on};
use crate::postgres::table::{Operation, Table};
use crate::postgres::tables::{self, TABLES};

/// How a table may be written.
#[derive(Clone)]
pub enum Access {
    Direct,
    /// Something runs beside the change that only a statement calls: its name.
    Statement(String),
    Refused(String),
}

/// What was found of a table.
pub struct Examined {
    pub generation: u64,
    pub oid: pg_sys::Oid,
    pub table: &'static Table,
    /// In the order of the table's declaration.
    pub indexes: Vec<FoundIndex>,
    insert: Access,
    update: Access,
    delete: Access,
}

thread_local! {
    static EXAMINED: RefCell<[Option<Rc<Examined>>; TABLES.len()]> = const { RefCell::new([const { None }; TABLES.len()]) };
}

/// Locks the table until the end of the transaction and looks at it; refuses one that cannot serve calls.
pub fn enter(name: &CStr, lock: pg_sys::LOCKMODE) -> Rc<Examined> {
    examine(name, lock).unwrap_or_else(|why| refuse(name, &why))
}

pub fn refuse(name: &CStr, why: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "calls cannot use table capconduit.{}: {why} (docs/TABLES.md)",
            name.to_string_lossy()
        ),
    )
}

/// What stands in the way of reading is the error.
pub fn examine(name: &CStr, lock: pg_sys::LOCKMODE) -> Result<Rc<Examined>, String> {
    let (place, table) = tables::find(name);
    loop {
        let known = EXAMINED.with_borrow(|examined| examined[place].clone());
        if let Some(known) = known.filter(|known| known.generation == generation()) {
            // SAFETY: any number can be locked; the backend hears of changes then.
            unsafe { pg_sys::LockRelationOid(known.oid, lock) };
            if known.generation == generation() {
                return Ok(known);
            }
        }
        let oid = relation(name);
        if oid == pg_sys::Oid::INVALID {
            return Err("it is missing".to_owned());
        }
        // SAFETY: as above.
        unsafe { pg_sys::LockRelationOid(oid, lock) };
        // Another table may bear the name by now.
        if relation(name) != oid {
            pgrx::check_for_interrupts!();
            continue;
        }
        let generation = generation();
        // SAFETY: the table is locked; the reference is given back, or by the abort.
        let examined = unsafe {
            let open = pg_sys::relation_open(oid, pg_sys::NoLock as _);
            let examined = look_at(open, table);
            pg_sys::relation_close(open, pg_sys::NoLock as _);
            examined
        }?;
        let examined = Rc::new(Examined {
            generation,
            ..examined
        });
        watch(place, oid);
        EXAMINED.with_borrow_mut(|all| all[place] = Some(Rc::clone(&examined)));
        return Ok(examined);
    }
}

impl Examined {
    /// Whether the table has an optional column.
    pub fn has(&self, column: &CStr) -> bool {
        // SAFETY: a catalogue look-up; the table is locked.
        unsafe { pg_sys::get_attnum(self.oid, column.as_ptr()) > 0 }
    }

    pub fn index(&self, name: &CStr) -> FoundIndex {
        self.indexes[self.place(name)]
    }

    /// The first column of an index.
    pub fn key_of(&self, name: &CStr) -> &'static CStr {
        self.table.indexes[self.place(name)].columns[0]
    }

    fn place(&self, name: &CStr) -> usize {
        let place = self.table.indexes.iter().position(|index| index.name == name);
        place.unwrap_or_else(|| panic!("index {name:?} is not declared"))
    }

    pub fn write(&self, operation: Operation) -> &Access {
        match operation {
            Operation::Insert => &self.insert,
            Operation::Update => &self.update,
            Operation::Delete => &self.delete,
        }
    }

    /// Whether the executor is needed; refuses what cannot be done at all.
    pub fn needs_statement(&self, operation: Operation) -> bool {
        match self.write(operation) {
            Access::Direct => false,
            Access::Statement(_) => true,
            Access::Refused(why) => refuse(self.table.name, why),
        }
    }
}

unsafe fn look_at(open: pg_sys::Relation, table: &'static Table) -> Result<Examined, String> {
    // SAFETY: the table is open and locked.
    unsafe {
        is_ordinary(open, table)?;
        let oid = (*open).rd_id;
        for (name, kind) in table.columns {
            has_column(oid, name, *kind)?;
        }
        let mut indexes = Vec::new();
        for index in table.indexes {
            indexes.push(find_index(open, table, index).ok_or_else(|| missing(index))?);
        }
        let of = |operation| match others_on(open, table, operation) {
            _ if !table.written.contains(&operation) => Access::Direct,
            SideEffect::None => Access::Direct,
            SideEffect::Called(what) => Access::Statement(what),
            SideEffect::Refused(why) => Access::Refused(why),
        };
        Ok(Examined {
            generation: 0,
            oid,
            table,
            indexes,
            insert: of(Operation::Insert),
            update: of(Operation::Update),
            delete: of(Operation::Delete),
        })
    }
}

unsafe fn is_ordinary(open: pg_sys::Relation, table: &Table) -> Result<(), String> {
    // SAFETY: a part of the open table's descriptor; look-ups by its number.
    unsafe {
        let class = &*(*open).rd_rel;
        let other = match class.relkind as u8 {
            pg_sys::RELKIND_RELATION => None,
            pg_sys::RELKIND_PARTITIONED_TABLE => Some("it is partitioned"),
            pg_sys::RELKIND_FOREIGN_TABLE => Some("it is a foreign table"),
            pg_sys::RELKIND_VIEW => Some("it is a view"),
            pg_sys::RELKIND_MATVIEW => Some("it is a materialized view"),
            _ => Some("it is no table"),
        };
        if let Some(other) = other {
            return Err(other.to_owned());
        }
        if class.relam != pg_sys::HEAP_TABLE_AM_OID {
            return Err("its access method is not heap".to_owned());
        }
        if class.relpersistence as u8 != pg_sys::RELPERSISTENCE_PERMANENT && !table.written.is_empty() {
            return Err("it is unlogged, and a crash would empty it".to_owned());
        }
        // The flag stays for a while when the last child has gone.
        if class.relhassubclass && !find_inheritance_children((*open).rd_id, pg_sys::NoLock as _).is_null() {
            return Err("another table inherits from it".to_owned());
        }
        // Statements run as this role, whoever calls.
        let owner = pg_sys::get_role_oid(c"capconduit_owner".as_ptr(), true);
        let bound = class.relrowsecurity
            && pg_sys::check_enable_rls((*open).rd_id, owner, true)
                == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32;
        if bound {
            return Err(
                "its row level security is forced on capconduit_owner, or another role owns it".to_owned(),
            );
        }
        Ok(())
    }
}

// SAFETY: so declared in every release since 9.6; pgrx does not declare it.
unsafe extern "C-unwind" {
    fn find_inheritance_children(parent: pg_sys::Oid, lock: pg_sys::LOCKMODE) -> *mut pg_sys::List;
}

unsafe fn has_column(table: pg_sys::Oid, name: &CStr, kind: pg_sys::Oid) -> Result<(), String> {
    // SAFETY: catalogue look-ups.
    unsafe {
        let number = pg_sys::get_attnum(table, name.as_ptr());
        if number <= 0 {
            return Err(format!("it has no column {}", name.to_string_lossy()));
        }
        let (mut found, mut modifier, mut collation) = (pg_sys::Oid::INVALID, 0, pg_sys::Oid::INVALID);
        pg_sys::get_atttypetypmodcoll(
            table,
            number,
            &raw mut found,
            &raw mut modifier,
            &raw mut collation,
        );
        if (found, modifier) != (kind, -1) {
            let shown = |kind, modifier| {
                let flags = pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN as _;
                let shown = pg_sys::format_type_extended(kind, modifier, flags);
                CStr::from_ptr(shown).to_string_lossy().into_owned()
            };
            return Err(format!(
                "its column {} is {} and not {}",
                name.to_string_lossy(),
                shown(found, modifier),
                shown(kind, -1)
            ));
        }
        Ok(())
    }
}
