//! A table as the executor writes to it: its indexes, its constraints, its triggers. Several functions at a time behind
//! one guard.

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, EState, HeapTuple, LOCKMODE, List, Relation, ResultRelInfo, TupleTableSlot};

use crate::postgres::catalogue::NO_LOCK;
use crate::postgres::server::server;

server! {
    fn table_close(table: Relation, lock: LOCKMODE);
    fn table_slot_create(table: Relation, registry: *mut *mut List) -> *mut TupleTableSlot;
    fn CreateExecutorState() -> *mut EState;
    fn FreeExecutorState(state: *mut EState);
    fn InitResultRelInfo(
        info: *mut ResultRelInfo,
        table: Relation,
        place_in_query: pg_sys::Index,
        root: *mut ResultRelInfo,
        instrument: i32,
    );
    fn ExecOpenIndices(info: *mut ResultRelInfo, speculative: bool);
    fn ExecCloseIndices(info: *mut ResultRelInfo);
    fn ExecCloseResultRelations(state: *mut EState);
    fn ExecResetTupleTable(slots: *mut List, free: bool);
    fn ExecStoreVirtualTuple(slot: *mut TupleTableSlot) -> *mut TupleTableSlot;
    fn AfterTriggerBeginQuery();
    fn AfterTriggerEndQuery(state: *mut EState);
    fn ExecForceStoreHeapTuple(version: HeapTuple, slot: *mut TupleTableSlot, free: bool);
    #[cfg(feature = "pg15")]
    fn ExecInsertIndexTuples(
        info: *mut ResultRelInfo,
        slot: *mut TupleTableSlot,
        state: *mut EState,
        is_update: bool,
        no_duplicate_error: bool,
        conflict: *mut bool,
        arbiters: *mut List,
    ) -> *mut List;
    #[cfg(not(feature = "pg15"))]
    fn ExecInsertIndexTuples(
        info: *mut ResultRelInfo,
        slot: *mut TupleTableSlot,
        state: *mut EState,
        is_update: bool,
        no_duplicate_error: bool,
        conflict: *mut bool,
        arbiters: *mut List,
        only_summarizing: bool,
    ) -> *mut List;
    fn ExecSimpleRelationInsert(info: *mut ResultRelInfo, state: *mut EState, slot: *mut TupleTableSlot);
}

/// An open table with its indexes, and a slot for one row of it. Not closed by itself: after an error the abort does it.
#[must_use]
pub struct Target {
    pub table: Relation,
    pub slot: *mut TupleTableSlot,
    pub state: *mut EState,
    info: ResultRelInfo,
}

impl Target {
    /// # Safety
    /// The table is open, locked for writing.
    pub unsafe fn open(table: Relation) -> Self {
        let mut info = ResultRelInfo {
            type_: pg_sys::NodeTag::T_ResultRelInfo,
            ..Default::default()
        };
        let ours = &raw mut info;
        // SAFETY: nothing in the guard has a destructor; what is made of `info` does not point back to it.
        let (state, slot) = unsafe {
            pg_guard_ffi_boundary(|| {
                let state = CreateExecutorState();
                // Zero: it stands in no query's list of tables.
                InitResultRelInfo(ours, table, 0, std::ptr::null_mut(), 0);
                ExecOpenIndices(ours, false);
                (state, table_slot_create(table, &raw mut (*state).es_tupleTable))
            })
        };
        Target {
            table,
            slot,
            state,
            info,
        }
    }

    /// Inserts the row whose columns lie in the slot's arrays; false: a trigger left it out.
    ///
    /// # Safety
    /// The slot's arrays are filled.
    pub unsafe fn insert(&mut self) -> bool {
        let (slot, state, info) = (self.slot, self.state, &raw mut self.info);
        // SAFETY: slot, state and info belong together.
        unsafe {
            pg_guard_ffi_boundary(|| {
                ExecStoreVirtualTuple(slot);
                AfterTriggerBeginQuery();
                ExecSimpleRelationInsert(info, state, slot);
            });
            (*slot).tts_tid.ip_posid != 0
        }
    }

    /// Runs the triggers for after an insert, and closes table and all; the table's lock stays until the end of the transaction.
    ///
    /// # Safety
    /// After `insert`.
    pub unsafe fn finish(mut self) {
        let (table, state, info) = (self.table, self.state, &raw mut self.info);
        // SAFETY: opened in `open`.
        unsafe {
            pg_guard_ffi_boundary(|| {
                AfterTriggerEndQuery(state);
                close(state, info);
                table_close(table, NO_LOCK);
            });
        }
    }

    /// Enters a row's version in every index of the table, those that others have added included, and closes all but the
    /// table.
    ///
    /// # Safety
    /// The version was written by this command, with its place in it.
    pub unsafe fn index_version(
        mut self,
        version: HeapTuple,
        #[cfg_attr(feature = "pg15", allow(unused_variables))] only_summarizing: bool,
    ) {
        let (table, slot, state, info) = (self.table, self.slot, self.state, &raw mut self.info);
        // SAFETY: slot, state and info belong together; the slot copies the version.
        unsafe {
            pg_guard_ffi_boundary(|| {
                ExecForceStoreHeapTuple(version, slot, false);
                (*slot).tts_tid = (*version).t_self;
                (*slot).tts_tableOid = (*table).rd_id;
                // Nothing is left to be looked at later: a deferrable constraint takes a statement.
                ExecInsertIndexTuples(
                    info,
                    slot,
                    state,
                    true,
                    false,
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                    #[cfg(not(feature = "pg15"))]
                    only_summarizing,
                );
                close(state, info);
            });
        }
    }
}

unsafe fn close(state: *mut EState, info: *mut ResultRelInfo) {
    unsafe {
        // What the triggers opened.
        ExecCloseResultRelations(state);
        ExecCloseIndices(info);
        ExecResetTupleTable((*state).es_tupleTable, false);
        FreeExecutorState(state);
    }
}
