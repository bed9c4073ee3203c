//! An index scan of PostgreSQL's, several of its functions at a time behind one guard.

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Datum, IndexScanDesc, LOCKMODE, Oid, Relation, Snapshot, TupleTableSlot};

use crate::postgres::catalogue;
use crate::postgres::catalogue::NO_LOCK;
use crate::postgres::remembered::Place;
use crate::postgres::server::server;

server! {
    fn LockRelationOid(table: Oid, lock: LOCKMODE);
    fn table_open(table: Oid, lock: LOCKMODE) -> Relation;
    fn table_close(table: Relation, lock: LOCKMODE);
    fn index_open(index: Oid, lock: LOCKMODE) -> Relation;
    fn index_close(index: Relation, lock: LOCKMODE);
    #[cfg(not(feature = "pg18"))]
    fn index_beginscan(table: Relation, index: Relation, snapshot: Snapshot, keys: i32, order_bys: i32) -> IndexScanDesc;
    #[cfg(feature = "pg18")]
    fn index_beginscan(
        table: Relation,
        index: Relation,
        snapshot: Snapshot,
        instrument: *mut pg_sys::IndexScanInstrumentation,
        keys: i32,
        order_bys: i32,
    ) -> IndexScanDesc;
    fn index_rescan(
        scan: IndexScanDesc,
        keys: pg_sys::ScanKey,
        key_count: i32,
        order_bys: pg_sys::ScanKey,
        order_by_count: i32,
    );
    fn index_getnext_slot(
        scan: IndexScanDesc,
        direction: pg_sys::ScanDirection::Type,
        slot: *mut TupleTableSlot,
    ) -> bool;
    fn index_endscan(scan: IndexScanDesc);
    fn table_slot_create(table: Relation, registry: *mut *mut pg_sys::List) -> *mut TupleTableSlot;
    fn index_getnext_tid(scan: IndexScanDesc, direction: pg_sys::ScanDirection::Type) -> pg_sys::ItemPointer;
    fn index_fetch_heap(scan: IndexScanDesc, slot: *mut TupleTableSlot) -> bool;
    fn ReadRecentBuffer(
        file: File,
        fork: pg_sys::ForkNumber::Type,
        block: pg_sys::BlockNumber,
        buffer: pg_sys::Buffer,
    ) -> bool;
    #[cfg(not(feature = "pg18"))]
    fn PageGetHeapFreeSpace(page: pg_sys::Page) -> pg_sys::Size;
    #[cfg(feature = "pg18")]
    fn PageGetHeapFreeSpace(page: *const pg_sys::PageData) -> pg_sys::Size;
    fn heap_page_prune_opt(table: Relation, buffer: pg_sys::Buffer);
    fn LockBuffer(buffer: pg_sys::Buffer, mode: i32);
    fn heap_hot_search_buffer(
        place: pg_sys::ItemPointer,
        table: Relation,
        buffer: pg_sys::Buffer,
        snapshot: Snapshot,
        row: pg_sys::HeapTuple,
        all_dead: *mut bool,
        first: bool,
    ) -> bool;
    fn ReleaseBuffer(buffer: pg_sys::Buffer);
    fn ExecStorePinnedBufferHeapTuple(
        row: pg_sys::HeapTuple,
        slot: *mut TupleTableSlot,
        buffer: pg_sys::Buffer,
    ) -> *mut TupleTableSlot;
    fn slot_getsomeattrs_int(slot: *mut TupleTableSlot, last: i32);
    fn ExecDropSingleTupleTableSlot(slot: *mut TupleTableSlot);
    fn ScanKeyEntryInitialize(
        entry: pg_sys::ScanKey,
        flags: i32,
        column: pg_sys::AttrNumber,
        strategy: pg_sys::StrategyNumber,
        subtype: Oid,
        collation: Oid,
        procedure: pg_sys::RegProcedure,
        argument: Datum,
    );
}

#[cfg(feature = "pg15")]
type File = pg_sys::RelFileNode;
#[cfg(not(feature = "pg15"))]
type File = pg_sys::RelFileLocator;

/// A page that has less is tidied up by who looks at it. PostgreSQL would do so from the table's fillfactor on, and pages of counters are always
/// that full: by each call, for the one version that the last one has left.
const ROOM_FOR_VERSIONS: pg_sys::Size = pg_sys::BLCKSZ as pg_sys::Size / 4;

const FORWARD: pg_sys::ScanDirection::Type = pg_sys::ScanDirection::ForwardScanDirection;

/// A table, and where it is needed one of its B-tree indexes with a scan for rows by its first column.
pub struct IndexScan {
    pub table: Relation,
    /// The table's row.
    pub slot: *mut TupleTableSlot,
    wanted: Wanted,
    lock: LOCKMODE,
    /// Both null until `begin`.
    index: Relation,
    scan: IndexScanDesc,
    key: pg_sys::ScanKeyData,
}

/// How the table's rows are found: by an index, a strategy of B-trees and its function, at a snapshot.
pub struct Wanted {
    pub index: Oid,
    pub comparison: (u32, Oid),
    pub snapshot: Snapshot,
}

/// `None`: something has changed since this generation of the catalogue.
///
/// # Safety
/// The index was one of the table's; the comparison fits the type of its first column; the snapshot outlives the scan.
pub unsafe fn open(generation: u64, table: Oid, lock: LOCKMODE, wanted: Wanted) -> Option<IndexScan> {
    // SAFETY: nothing in the guard has a destructor.
    let opened = unsafe {
        pg_guard_ffi_boundary(|| {
            // First: with the table locked its indexes stay, and the backend has heard of what was dropped before.
            LockRelationOid(table, lock);
            if catalogue::generation() != generation {
                return None;
            }
            let table = table_open(table, NO_LOCK);
            Some((table, table_slot_create(table, std::ptr::null_mut())))
        })
    };
    let (table, slot) = opened?;
    Some(IndexScan {
        table,
        slot,
        wanted,
        lock,
        index: std::ptr::null_mut(),
        scan: std::ptr::null_mut(),
        key: pg_sys::ScanKeyData::default(),
    })
}

impl IndexScan {
    pub fn is_begun(&self) -> bool {
        !self.scan.is_null()
    }

    /// Opens the index.
    ///
    /// # Safety
    /// Once.
    pub unsafe fn begin(&mut self) {
        let (table, lock, entry) = (self.table, self.lock, &raw mut self.key);
        let Wanted {
            index,
            comparison: (strategy, function),
            snapshot,
        } = self.wanted;
        // SAFETY: nothing in the guard has a destructor.
        (self.index, self.scan) = unsafe {
            pg_guard_ffi_boundary(|| {
                let index = index_open(index, lock);
                let collation = *(*index).rd_indcollation;
                let no_key = Datum::null();
                ScanKeyEntryInitialize(
                    entry,
                    0,
                    1,
                    strategy as _,
                    Oid::INVALID,
                    collation,
                    function,
                    no_key,
                );
                #[cfg(not(feature = "pg18"))]
                let scan = index_beginscan(table, index, snapshot, 1, 0);
                #[cfg(feature = "pg18")]
                let scan = index_beginscan(table, index, snapshot, std::ptr::null_mut(), 1, 0);
                (index, scan)
            })
        };
    }

    /// # Safety
    /// After `begin`; the key is of the type that the scan was opened for.
    pub unsafe fn seek(&mut self, key: Datum) {
        self.key.sk_argument = key;
        let key = &raw mut self.key;
        // SAFETY: the scan copies its key.
        unsafe {
            pg_guard_ffi_boundary(|| index_rescan(self.scan, key, 1, std::ptr::null_mut(), 0));
        }
    }

    /// The next row into the slot, taken apart up to column `last`. `false`: there is none.
    ///
    /// # Safety
    /// After `seek`.
    pub unsafe fn next(&mut self, last: i16) -> bool {
        // SAFETY: scan and slot belong together.
        unsafe { pg_guard_ffi_boundary(|| self.fetch(last)) }
    }

    /// `seek` and `next`; where the row is.
    ///
    /// # Safety
    /// As `seek`.
    pub unsafe fn seek_first(&mut self, key: Datum, last: i16) -> Option<Place> {
        self.key.sk_argument = key;
        let key = &raw mut self.key;
        // SAFETY: as `seek` and `next`; of a table whose access method is heap.
        unsafe {
            pg_guard_ffi_boundary(|| {
                index_rescan(self.scan, key, 1, std::ptr::null_mut(), 0);
                loop {
                    let first = *index_getnext_tid(self.scan, FORWARD).as_ref()?;
                    if index_fetch_heap(self.scan, self.slot) {
                        self.take_apart(last);
                        let buffer = (*self.slot.cast::<pg_sys::BufferHeapTupleTableSlot>()).buffer;
                        return Some(Place { first, buffer });
                    }
                }
            })
        }
    }

    /// The row that is at this place, if there is one at the snapshot: its page must still be where it was.
    ///
    /// # Safety
    /// The table's access method is heap.
    pub unsafe fn fetch_at(&mut self, place: Place, last: i16) -> bool {
        let Place { mut first, buffer } = place;
        // SAFETY: as an index scan fetches a row; a page that was given up is not in its buffer any more.
        unsafe {
            pg_guard_ffi_boundary(|| {
                #[cfg(feature = "pg15")]
                let file = (*self.table).rd_node;
                #[cfg(not(feature = "pg15"))]
                let file = (*self.table).rd_locator;
                let block = u32::from(first.ip_blkid.bi_hi) << 16 | u32::from(first.ip_blkid.bi_lo);
                if !ReadRecentBuffer(file, pg_sys::ForkNumber::MAIN_FORKNUM, block, buffer) {
                    return false;
                }
                if PageGetHeapFreeSpace(pg_sys::BufferGetPage(buffer).cast()) < ROOM_FOR_VERSIONS {
                    heap_page_prune_opt(self.table, buffer);
                }
                let row = &raw mut (*self.slot.cast::<pg_sys::BufferHeapTupleTableSlot>())
                    .base
                    .tupdata;
                let (place, table, snapshot) = (&raw mut first, self.table, self.wanted.snapshot);
                LockBuffer(buffer, pg_sys::BUFFER_LOCK_SHARE as i32);
                let found =
                    heap_hot_search_buffer(place, table, buffer, snapshot, row, std::ptr::null_mut(), true);
                LockBuffer(buffer, pg_sys::BUFFER_LOCK_UNLOCK as i32);
                if !found {
                    ReleaseBuffer(buffer);
                    return false;
                }
                (*row).t_self = first;
                (*row).t_tableOid = (*table).rd_id;
                ExecStorePinnedBufferHeapTuple(row, self.slot, buffer);
                self.take_apart(last);
                true
            })
        }
    }

    unsafe fn fetch(&mut self, last: i16) -> bool {
        unsafe {
            let found = index_getnext_slot(self.scan, FORWARD, self.slot);
            if found {
                self.take_apart(last);
            }
            found
        }
    }

    unsafe fn take_apart(&mut self, last: i16) {
        if last > 0 {
            unsafe { slot_getsomeattrs_int(self.slot, i32::from(last)) };
        }
    }

    /// A column of the row fetched last, counted from 1, and whether it is NULL.
    ///
    /// # Safety
    /// The row has that column, and it was taken apart.
    pub unsafe fn column(&self, number: i16) -> (Datum, bool) {
        let place = number as usize - 1;
        // SAFETY: the slot's arrays are as long as the row.
        unsafe {
            (
                *(*self.slot).tts_values.add(place),
                *(*self.slot).tts_isnull.add(place),
            )
        }
    }
}

impl Drop for IndexScan {
    fn drop(&mut self) {
        // On an error the abort cleans up.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: opened in `open` and `begin`; locks stay until the end of the transaction, as the executor's do.
        unsafe {
            pg_guard_ffi_boundary(|| {
                if !self.scan.is_null() {
                    index_endscan(self.scan);
                    index_close(self.index, NO_LOCK);
                }
                ExecDropSingleTupleTableSlot(self.slot);
                table_close(self.table, NO_LOCK);
            });
        }
    }
}
