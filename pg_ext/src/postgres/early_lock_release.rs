//! Early lock release: a row lock lives until the commit is over, and a durable commit waits for the disk, so a busy
//! link would take one call per flush. Here the commit itself does not wait; when its locks are gone, and before
//! the client hears of it, this backend flushes up to its own commit. What was answered is durable all the same.
//! Others may see a commit a moment before it is durable; whatever they commit lies behind it in the WAL, and an
//! answer without a commit of its own flushes by `flush_what_was_seen`.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use pgrx::pg_sys;

use crate::postgres::armed::Armed;
use crate::postgres::spi::{Connected, Statement, connected};
use crate::postgres::standby_wait::has_synchronous_standbys;
use crate::postgres::{guc, standby_wait};

thread_local! {
    /// Raised while the current transaction holds what a call wrote.
    static ARMED: Cell<bool> = const { Cell::new(false) };
    /// What `synchronous_commit` was before this commit turned it off, which owes a flush since.
    static OWES_FLUSH: Cell<Option<c_int>> = const { Cell::new(None) };
    /// The same of a commit that owes none.
    static WAITS_FOR_NOTHING: Cell<Option<c_int>> = const { Cell::new(None) };
}

pub fn register() {
    // SAFETY: the callbacks live as long as the backend; they are registered once, at load.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_transaction), std::ptr::null_mut());
        pg_sys::RegisterResourceReleaseCallback(Some(at_release), std::ptr::null_mut());
    }
}

/// The transaction's commit will be durable before the answer. Nothing can be written for a call without.
pub fn arm(_spi: &Connected) -> Armed<'_> {
    standby_wait::bound();
    ARMED.set(true);
    Armed::new()
}

/// The setting is changed where PostgreSQL keeps it, for the length of a commit, in which no statement runs any more:
/// setting it as SET LOCAL does costs a walk over all settings.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_transaction(event: pg_sys::XactEvent::Type, _arg: *mut c_void) {
    // PREPARE TRANSACTION flushes by itself, whatever is set.
    if ARMED.replace(false)
        && event == pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT
        && guc::EARLY_LOCK_RELEASE.get()
        && commits_wait_for_the_disk_only()
    {
        // SAFETY: a backend-local setting, put back by `at_release` when the transaction ends, either way.
        unsafe {
            OWES_FLUSH.set(Some(pg_sys::synchronous_commit));
            pg_sys::synchronous_commit = pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int;
        }
    }
}

/// The commit that has begun waits neither for the disk nor for a standby.
pub fn commit_without_waiting() {
    if OWES_FLUSH.get().is_none() {
        // SAFETY: as in `at_transaction`.
        unsafe {
            WAITS_FOR_NOTHING.set(Some(pg_sys::synchronous_commit));
            pg_sys::synchronous_commit = pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int;
        }
    }
}

/// With synchronous_commit off the user wants no flush; with synchronous standbys a commit waits for more than the
/// disk. Both keep PostgreSQL's own commit.
fn commits_wait_for_the_disk_only() -> bool {
    // SAFETY: reading a backend-local setting.
    let wants_durability =
        unsafe { pg_sys::synchronous_commit > pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int };
    wants_durability && !has_synchronous_standbys()
}

/// A transaction that wrote something has a commit that waits for the standbys, as PostgreSQL's own do: longer than any
/// time limit of a statement, which would otherwise end the wait with an answer.
static WRITE_SOMETHING: Statement = Statement::new(
    "select pg_catalog.pg_logical_emit_message(true, 'capconduit', '')",
    &[],
);

/// For an answer that rests on rows which this transaction did not write: they may be committed and not yet on disk; and
/// not yet on a synchronous standby, when the wait of the one who wrote them was cancelled or cut off by a crash.
pub fn flush_what_was_seen() {
    // SAFETY: a plain read of backend-local state.
    let can_write = unsafe { !pg_sys::RecoveryInProgress() && !pg_sys::XactReadOnly };
    if can_write && has_synchronous_standbys() {
        standby_wait::bound();
        connected(|_| {
            WRITE_SOMETHING.run(&[]);
        });
    }
    // SAFETY: plain reads of backend-local state, and a flush of WAL that has been inserted.
    unsafe {
        let wants_durability =
            pg_sys::synchronous_commit > pg_sys::SyncCommitLevel::SYNCHRONOUS_COMMIT_OFF as c_int;
        if wants_durability && !pg_sys::RecoveryInProgress() {
            pg_sys::XLogFlush(end_of_inserted(
                pg_sys::GetXLogInsertRecPtr(),
                pg_sys::wal_segment_size as u64,
            ));
        }
    }
}

/// GetXLogInsertRecPtr tells where the next record will start: at the start of a page that is behind the page's
/// header, which nobody has written yet, and XLogFlush refuses to wait for it. The end of the last record is the
/// page's own start then.
fn end_of_inserted(next_start: u64, segment_bytes: u64) -> u64 {
    const SHORT_HEADER: u64 = size_of::<pg_sys::XLogPageHeaderData>() as u64;
    const LONG_HEADER: u64 = size_of::<pg_sys::XLogLongPageHeaderData>() as u64;
    let page_bytes = u64::from(pg_sys::XLOG_BLCKSZ);
    if next_start % segment_bytes == LONG_HEADER {
        next_start - LONG_HEADER
    } else if next_start % page_bytes == SHORT_HEADER {
        next_start - SHORT_HEADER
    } else {
        next_start
    }
}

/// Runs at the end of every transaction and subtransaction of a backend that has loaded the library.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_release(
    phase: pg_sys::ResourceReleasePhase::Type,
    is_commit: bool,
    is_top_level: bool,
    _arg: *mut c_void,
) {
    let after_locks = phase == pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_AFTER_LOCKS;
    if !after_locks || !is_top_level {
        return;
    }
    if let Some(wanted) = WAITS_FOR_NOTHING.take() {
        // SAFETY: see `commit_without_waiting`.
        unsafe { pg_sys::synchronous_commit = wanted };
    }
    if let Some(wanted) = OWES_FLUSH.take() {
        // SAFETY: see `at_transaction`; the position of this backend's own last commit record, which has been inserted.
        unsafe {
            pg_sys::synchronous_commit = wanted;
            if is_commit {
                pg_sys::XLogFlush(pg_sys::XactLastCommitEnd);
            }
        }
    }
}
