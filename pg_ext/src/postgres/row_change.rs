//! Changes of a row that was fetched, without the executor: its columns, or that it goes.

use pgrx::pg_sys;

use crate::postgres::armed::Armed;
use crate::postgres::column::Set;
use crate::postgres::held_rows::{Holder, Wait};
use crate::postgres::row_writer::Target;
use crate::postgres::scan::Scan;
use crate::postgres::side_effects::has_computed_indexes;
use crate::postgres::table::Operation;
use crate::postgres::{by_statement, held_rows, search_path};

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RowChange {
    Done,
    /// Somebody else changed or deleted the row since the look. Nothing is locked.
    Overtaken,
}

impl<T> Scan<'_, T> {
    /// Whom a change of the row fetched last would have to wait for.
    pub fn holder(&self) -> Option<Holder> {
        // SAFETY: the slot holds the row, pinned.
        unsafe { held_rows::holder(self.open.raw.slot) }
    }

    /// Waits for the holder of a row of this table; `false`: not to its end.
    pub fn wait(&self, holder: &Holder, wait: Wait) -> bool {
        held_rows::wait(self.open.raw.table, holder, wait)
    }

    /// Locks the row that `next` gave last, as one that is to go. Waits for whoever is changing it now; `false`: it was changed since the look.
    pub fn lock(&self) -> bool {
        self.lock_row(pg_sys::LockTupleMode::LockTupleExclusive).is_some()
    }

    /// Writes columns of the row that `next` gave last, of optional ones those that the table has. Waits for whoever is changing the row now.
    pub fn change(&mut self, armed: Armed, columns: &[Set<'_, T>]) -> RowChange {
        let change = if self.open.resolved.examined.needs_statement(Operation::Update) {
            self.change_by_statement(armed, columns)
        } else {
            // SAFETY: the version is of this table's shape.
            unsafe {
                let version = self.version(columns);
                self.replace(version)
            }
        };
        self.note(change)
    }

    /// Deletes the row that `next` gave last. Waits for whoever is changing the row now.
    pub fn delete(&mut self, armed: Armed) -> RowChange {
        let change = if self.open.resolved.examined.needs_statement(Operation::Delete) {
            self.delete_by_statement(armed)
        } else {
            self.remove()
        };
        self.note(change)
    }

    fn note(&self, change: RowChange) -> RowChange {
        if change == RowChange::Done {
            self.open.at.note_written();
        }
        change
    }

    fn change_by_statement(&mut self, armed: Armed, columns: &[Set<'_, T>]) -> RowChange {
        let table = self.open.resolved.examined.table;
        let locked = self.lock_row(pg_sys::LockTupleMode::LockTupleNoKeyExclusive);
        if let Some(place) = locked {
            let there = columns.iter().filter(|set| self.open.resolved.has(set.column));
            let named: Vec<_> = there.map(|set| (set.column.name, set.value)).collect();
            by_statement::update(armed, table, &named, place);
        }
        locked.map_or(RowChange::Overtaken, |_| RowChange::Done)
    }

    fn delete_by_statement(&mut self, armed: Armed) -> RowChange {
        let locked = self.lock_row(pg_sys::LockTupleMode::LockTupleExclusive);
        if let Some(place) = locked {
            by_statement::delete(armed, self.open.resolved.examined.table, place);
        }
        locked.map_or(RowChange::Overtaken, |_| RowChange::Done)
    }

    /// Where the row lies, if it is still the newest version. Nothing is locked where it is not: so a statement, which would
    /// lock whatever is the newest, finds this one.
    fn lock_row(&self, mode: pg_sys::LockTupleMode::Type) -> Option<pg_sys::ItemPointerData> {
        // SAFETY: the slot holds the row; the page's pin is given back.
        let (result, place) = unsafe {
            let mut row = pg_sys::HeapTupleData {
                t_self: (*self.open.raw.slot).tts_tid,
                ..Default::default()
            };
            let mut failure = pg_sys::TM_FailureData::default();
            let mut page: pg_sys::Buffer = 0;
            let result = pg_sys::heap_lock_tuple(
                self.open.raw.table,
                &raw mut row,
                pg_sys::GetCurrentCommandId(true),
                mode,
                pg_sys::LockWaitPolicy::LockWaitBlock,
                false,
                &raw mut page,
                &raw mut failure,
            );
            pg_sys::ReleaseBuffer(page);
            (result, row.t_self)
        };
        match result {
            pg_sys::TM_Result::TM_Ok => Some(place),
            pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => None,
            other => panic!("heap_lock_tuple: {other}"),
        }
    }

    /// The row with these columns, in SPI's memory.
    unsafe fn version(&self, columns: &[Set<'_, T>]) -> pg_sys::HeapTuple {
        // SAFETY: the slot holds the row, pinned; arrays are as long as the row.
        unsafe {
            let shape = (*self.open.raw.table).rd_att;
            let width = (*shape).natts as usize;
            let mut values = vec![pg_sys::Datum::from(0); width];
            let mut nulls = vec![false; width];
            let mut replace = vec![false; width];
            for set in columns {
                if !self.open.resolved.has(set.column) {
                    continue;
                }
                let place = self.open.resolved.number(set.column) as usize - 1;
                values[place] = set.value.datum().unwrap_or(pg_sys::Datum::from(0));
                nulls[place] = set.value.datum().is_none();
                replace[place] = true;
            }
            let old = pg_sys::ExecFetchSlotHeapTuple(self.open.raw.slot, false, std::ptr::null_mut());
            pg_sys::heap_modify_tuple(
                old,
                shape,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
                replace.as_mut_ptr(),
            )
        }
    }

    unsafe fn replace(&mut self, version: pg_sys::HeapTuple) -> RowChange {
        // SAFETY: the slot holds the row.
        unsafe {
            let mut place = (*self.open.raw.slot).tts_tid;
            let (result, indexes) = update_heap(self.open.raw.table, &raw mut place, version);
            match result {
                pg_sys::TM_Result::TM_Ok => {}
                pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => return RowChange::Overtaken,
                other => panic!("heap_update: {other}"),
            }
            // Nearly every version stays on its page, where the indexes find it by the one before.
            if let Some(only_summarizing) = indexes {
                if has_computed_indexes(self.open.raw.table) {
                    search_path::pin();
                }
                Target::open(self.open.raw.table).index_version(version, only_summarizing);
            }
            RowChange::Done
        }
    }

    fn remove(&mut self) -> RowChange {
        // SAFETY: the slot holds the row.
        let result = unsafe {
            let mut place = (*self.open.raw.slot).tts_tid;
            let mut failure = pg_sys::TM_FailureData::default();
            pg_sys::heap_delete(
                self.open.raw.table,
                &raw mut place,
                pg_sys::GetCurrentCommandId(true),
                std::ptr::null_mut(),
                true,
                &raw mut failure,
                false,
            )
        };
        match result {
            pg_sys::TM_Result::TM_Ok => RowChange::Done,
            pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted => RowChange::Overtaken,
            other => panic!("heap_delete: {other}"),
        }
    }
}

/// heap_update, which waits for the row's present writer and then says that it was overtaken. And which indexes must hear
/// of the new version: none, or all, or (true) those that summarize whole pages.
unsafe fn update_heap(
    table: pg_sys::Relation,
    place: pg_sys::ItemPointer,
    new: pg_sys::HeapTuple,
) -> (pg_sys::TM_Result::Type, Option<bool>) {
    unsafe {
        let command = pg_sys::GetCurrentCommandId(true);
        let mut failure = pg_sys::TM_FailureData::default();
        let mut lock = pg_sys::LockTupleMode::LockTupleExclusive;
        #[cfg(not(feature = "pg15"))]
        let mut indexes = pg_sys::TU_UpdateIndexes::TU_None;
        let result = pg_sys::heap_update(
            table,
            place,
            new,
            command,
            std::ptr::null_mut(),
            true,
            &raw mut failure,
            &raw mut lock,
            #[cfg(not(feature = "pg15"))]
            &raw mut indexes,
        );
        #[cfg(not(feature = "pg15"))]
        let indexes = match indexes {
            pg_sys::TU_UpdateIndexes::TU_None => None,
            indexes => Some(indexes == pg_sys::TU_UpdateIndexes::TU_Summarizing),
        };
        #[cfg(feature = "pg15")]
        let indexes = {
            let is_on_its_page = u32::from((*(*new).t_data).t_infomask2) & pg_sys::HEAP_ONLY_TUPLE != 0;
            (!is_on_its_page).then_some(false)
        };
        (result, indexes)
    }
}
