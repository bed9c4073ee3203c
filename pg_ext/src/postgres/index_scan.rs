//! An index scan of PostgreSQL's, several of its functions at a time behind one guard.

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Datum, IndexScanDesc, LOCKMODE, Oid, Relation, Snapshot, TupleTableSlot};

use crate::postgres::catalogue;
use crate::postgres::catalogue::NO_LOCK;
use crate::postgres::index_choice::WIDEST;
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
    fn index_deform_tuple(tuple: pg_sys::IndexTuple, shape: pg_sys::TupleDesc, values: *mut Datum, nulls: *mut bool);
    fn visibilitymap_get_status(table: Relation, block: pg_sys::BlockNumber, buffer: *mut pg_sys::Buffer) -> u8;
    fn ReleaseBuffer(buffer: pg_sys::Buffer);
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

const NO_BUFFER: pg_sys::Buffer = pg_sys::InvalidBuffer as _;
const FORWARD: pg_sys::ScanDirection::Type = pg_sys::ScanDirection::ForwardScanDirection;

/// A table, one of its B-tree indexes, and a scan for rows by its first columns and a key for each.
pub struct IndexScan {
    pub table: Relation,
    pub index: Relation,
    /// The table's row. Null in a covering scan, until a page of the table has to be asked.
    pub slot: *mut TupleTableSlot,
    scan: IndexScanDesc,
    keys: [pg_sys::ScanKeyData; MOST_KEYS],
    key_count: i32,
    covered: Option<Covered>,
}

/// An index's own row: the table is asked only for pages that are not known to be visible to everybody.
struct Covered {
    values: [Datum; WIDEST],
    nulls: [bool; WIDEST],
    /// The page of the visibility map that was looked at last.
    map: pg_sys::Buffer,
}

const MOST_KEYS: usize = 2;

/// `None`: something has changed since this generation of the catalogue.
///
/// # Safety
/// The index was one of the table's; the comparison, a strategy of B-trees and its function, fits the type of its first `columns`;
/// the snapshot outlives the scan.
#[allow(clippy::too_many_arguments)]
pub unsafe fn open(
    generation: u64,
    table: Oid,
    index: Oid,
    lock: LOCKMODE,
    (strategy, function): (u32, Oid),
    columns: usize,
    snapshot: Snapshot,
    covering: bool,
) -> Option<IndexScan> {
    let mut keys = [pg_sys::ScanKeyData::default(); MOST_KEYS];
    let entries = &mut keys[..columns];
    let key_count = columns as i32;
    // SAFETY: nothing in the guard has a destructor.
    let opened = unsafe {
        pg_guard_ffi_boundary(|| {
            // First: with the table locked its indexes stay, and the backend has heard of what was dropped before.
            LockRelationOid(table, lock);
            if catalogue::generation() != generation {
                return None;
            }
            let table = table_open(table, NO_LOCK);
            let index = index_open(index, lock);
            for (place, entry) in entries.iter_mut().enumerate() {
                let collation = *(*index).rd_indcollation.add(place);
                ScanKeyEntryInitialize(
                    entry,
                    0,
                    place as i16 + 1,
                    strategy as _,
                    Oid::INVALID,
                    collation,
                    function,
                    Datum::null(),
                );
            }
            #[cfg(not(feature = "pg18"))]
            let scan = index_beginscan(table, index, snapshot, key_count, 0);
            #[cfg(feature = "pg18")]
            let scan = index_beginscan(table, index, snapshot, std::ptr::null_mut(), key_count, 0);
            (*scan).xs_want_itup = covering;
            let slot = if covering {
                std::ptr::null_mut()
            } else {
                table_slot_create(table, std::ptr::null_mut())
            };
            Some((table, index, scan, slot))
        })
    };
    let (table, index, scan, slot) = opened?;
    let covered = covering.then_some(Covered {
        values: [Datum::null(); WIDEST],
        nulls: [true; WIDEST],
        map: NO_BUFFER,
    });
    Some(IndexScan {
        table,
        index,
        slot,
        scan,
        keys,
        key_count,
        covered,
    })
}

impl IndexScan {
    /// # Safety
    /// The key is of the type that the scan was opened for.
    pub unsafe fn seek(&mut self, key: Datum) {
        self.keys[0].sk_argument = key;
        let keys = self.keys.as_mut_ptr();
        // SAFETY: the scan copies its keys.
        unsafe {
            pg_guard_ffi_boundary(|| index_rescan(self.scan, keys, self.key_count, std::ptr::null_mut(), 0));
        }
    }

    /// The key for the second column, of a scan that has one.
    pub fn second(&mut self, key: Datum) {
        self.keys[1].sk_argument = key;
    }

    /// The next row into the slot, taken apart up to column `last`. `false`: there is none.
    ///
    /// # Safety
    /// After `seek`.
    pub unsafe fn next(&mut self, last: i16) -> bool {
        // SAFETY: scan and slot belong together.
        unsafe { pg_guard_ffi_boundary(|| self.fetch(last)) }
    }

    /// `seek` and `next`.
    ///
    /// # Safety
    /// As `seek`.
    pub unsafe fn seek_first(&mut self, key: Datum, last: i16) -> bool {
        self.keys[0].sk_argument = key;
        let keys = self.keys.as_mut_ptr();
        // SAFETY: as `seek` and `next`.
        unsafe {
            pg_guard_ffi_boundary(|| {
                index_rescan(self.scan, keys, self.key_count, std::ptr::null_mut(), 0);
                self.fetch(last)
            })
        }
    }

    unsafe fn fetch(&mut self, last: i16) -> bool {
        unsafe {
            if self.covered.is_some() {
                return self.fetch_covered();
            }
            let found = index_getnext_slot(self.scan, FORWARD, self.slot);
            if found && last > 0 {
                slot_getsomeattrs_int(self.slot, i32::from(last));
            }
            found
        }
    }

    /// As an index-only scan of the executor's does.
    unsafe fn fetch_covered(&mut self) -> bool {
        let Some(covered) = &mut self.covered else {
            return false;
        };
        unsafe {
            loop {
                let place = index_getnext_tid(self.scan, FORWARD);
                if place.is_null() {
                    return false;
                }
                let block = (*place).ip_blkid;
                let block = u32::from(block.bi_hi) << 16 | u32::from(block.bi_lo);
                let status = visibilitymap_get_status(self.table, block, &raw mut covered.map);
                if u32::from(status) & pg_sys::VISIBILITYMAP_ALL_VISIBLE == 0 {
                    if self.slot.is_null() {
                        self.slot = table_slot_create(self.table, std::ptr::null_mut());
                    }
                    if !index_fetch_heap(self.scan, self.slot) {
                        continue;
                    }
                }
                index_deform_tuple(
                    (*self.scan).xs_itup,
                    (*self.scan).xs_itupdesc,
                    covered.values.as_mut_ptr(),
                    covered.nulls.as_mut_ptr(),
                );
                return true;
            }
        }
    }

    /// A column of the row fetched last, counted from 1, and whether it is NULL.
    ///
    /// # Safety
    /// The row has that column, and it was taken apart.
    pub unsafe fn column(&self, number: i16) -> (Datum, bool) {
        let place = number as usize - 1;
        match &self.covered {
            Some(covered) => (covered.values[place], covered.nulls[place]),
            // SAFETY: the slot's arrays are as long as the row.
            None => unsafe {
                (
                    *(*self.slot).tts_values.add(place),
                    *(*self.slot).tts_isnull.add(place),
                )
            },
        }
    }
}

impl Drop for IndexScan {
    fn drop(&mut self) {
        // On an error the abort cleans up.
        if std::thread::panicking() {
            return;
        }
        // SAFETY: opened together in `open`; locks stay until the end of the transaction, as the executor's do.
        unsafe {
            pg_guard_ffi_boundary(|| {
                index_endscan(self.scan);
                if let Some(covered) = &self.covered
                    && covered.map != NO_BUFFER
                {
                    ReleaseBuffer(covered.map);
                }
                if !self.slot.is_null() {
                    ExecDropSingleTupleTableSlot(self.slot);
                }
                index_close(self.index, NO_LOCK);
                table_close(self.table, NO_LOCK);
            });
        }
    }
}
