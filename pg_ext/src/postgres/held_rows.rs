//! Rows that somebody else holds. A call that another link could take waits for a held row a bounded moment only: a
//! transaction that somebody forgot must not refuse a campaign's calls. Where nothing else has room it waits as long as
//! `lock_timeout` allows, as any statement does: a held row is not a full one.

use std::cell::{Cell, RefCell};

use pgrx::pg_sys::{self, ItemPointerData, Relation, TransactionId};
use pgrx::{PgSqlErrorCode, PgTryBuilder};

use crate::postgres::error::raise;
use crate::postgres::savepoint::Savepoint;
use crate::postgres::transaction::now;

/// What a call waits for held rows in all while other links could take it, in microseconds.
const PATIENCE: i64 = 300_000;
/// What it waits for one while it holds itself what others need: a campaign's turns, another counter.
const MOMENT: i64 = 10_000;
/// Where nothing else has room, how long it waits before it looks again whether something has.
const TURN: i64 = 100_000;

/// Who holds a row against a change, and where the row lies.
pub struct Holder {
    pub row: ItemPointerData,
    xid: TransactionId,
}

/// How long to wait for a holder.
#[derive(Clone, Copy)]
pub enum Wait<'a> {
    /// As long as `lock_timeout` allows.
    Long,
    /// Not longer than a moment: others wait for what this transaction holds.
    Moment(&'a Patience),
    /// This transaction holds nothing that others need.
    Patiently(&'a Patience),
}

/// What one call has waited for held rows.
#[derive(Default)]
pub struct Patience {
    spent: Cell<i64>,
    /// When it began to wait: from then on `lock_timeout` counts.
    since: Cell<Option<i64>>,
    nothing_else: Cell<bool>,
}

thread_local! {
    /// Transactions that this backend has waited for in vain: the next call does not wait for them again.
    static IN_VAIN: RefCell<Vec<TransactionId>> = const { RefCell::new(Vec::new()) };
}

const MOST_IN_VAIN: usize = 8;

impl Patience {
    /// Nothing but held rows has room: wait for them in turns, until `lock_timeout` is over.
    pub fn nothing_else_has_room(&self) {
        self.nothing_else.set(true);
        // SAFETY: reading a backend-local setting.
        let most = i64::from(unsafe { pg_sys::LockTimeout }) * 1000;
        let since = self.since.get().unwrap_or_else(now);
        self.since.set(Some(since));
        if most > 0 && now() - since >= most {
            raise(
                PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
                "canceling statement due to lock timeout: every link with room is held by another transaction",
            );
        }
    }

    fn limit(&self, holder: &Holder) -> i64 {
        if self.nothing_else.get() {
            TURN
        } else if IN_VAIN.with_borrow(|known| known.contains(&holder.xid)) {
            0
        } else {
            (PATIENCE - self.spent.get()).max(MOMENT)
        }
    }

    fn note(&self, holder: &Holder, began: i64, released: bool) {
        let waited = now() - began;
        self.since.set(self.since.get().or(Some(began)));
        self.spent.set(self.spent.get() + waited);
        if !released && waited >= PATIENCE / 2 {
            IN_VAIN.with_borrow_mut(|known| {
                if known.len() == MOST_IN_VAIN {
                    known.remove(0);
                }
                known.push(holder.xid);
            });
        }
    }
}

/// Whether a row that was fetched by an index can be changed now, or who must end before. Only a hint: it is read without
/// the page's lock, and the change itself finds out for sure.
///
/// # Safety
/// The slot is a heap's and holds a row, pinned.
pub unsafe fn holder(slot: *mut pg_sys::TupleTableSlot) -> Option<Holder> {
    // SAFETY: the header of a pinned row; functions of the server that take any transaction's number.
    unsafe {
        let header = (*(*slot.cast::<pg_sys::HeapTupleTableSlot>()).tuple).t_data;
        let mask = u32::from((*header).t_infomask);
        if mask & pg_sys::HEAP_XMAX_INVALID != 0 {
            return None;
        }
        let xmax = (*header).t_choice.t_heap.t_xmax;
        let xid = if mask & pg_sys::HEAP_XMAX_IS_MULTI != 0 {
            conflicting_member(xmax, mask & pg_sys::HEAP_XMAX_LOCK_ONLY != 0)?
        } else {
            const KIND: u32 =
                pg_sys::HEAP_XMAX_LOCK_ONLY | pg_sys::HEAP_XMAX_EXCL_LOCK | pg_sys::HEAP_XMAX_KEYSHR_LOCK;
            const KEY_SHARE: u32 = pg_sys::HEAP_XMAX_LOCK_ONLY | pg_sys::HEAP_XMAX_KEYSHR_LOCK;
            (mask & KIND != KEY_SHARE && is_another_s(xmax)).then_some(xmax)?
        };
        Some(Holder {
            row: (*slot).tts_tid,
            xid,
        })
    }
}

unsafe fn is_another_s(xid: TransactionId) -> bool {
    // SAFETY: plain reads of what is running.
    unsafe { !pg_sys::TransactionIdIsCurrentTransactionId(xid) && pg_sys::TransactionIdIsInProgress(xid) }
}

/// The first of several holders that a change of other columns than the key must wait for.
unsafe fn conflicting_member(several: pg_sys::MultiXactId, only_locks: bool) -> Option<TransactionId> {
    // SAFETY: the members are allocated in the current memory context, as many as are told.
    unsafe {
        let mut members = std::ptr::null_mut();
        let count = pg_sys::GetMultiXactIdMembers(several, &raw mut members, false, only_locks);
        (0..usize::try_from(count).unwrap_or(0))
            .map(|place| &*members.add(place))
            .find(|member| {
                member.status != pg_sys::MultiXactStatus::MultiXactStatusForKeyShare
                    && is_another_s(member.xid)
            })
            .map(|member| member.xid)
    }
}

/// Waits until the holder has ended. `false`: it holds the row still.
pub fn wait(table: Relation, holder: &Holder, wait: Wait) -> bool {
    let (patience, limit) = match wait {
        Wait::Long => {
            wait_in_line(table, holder, None);
            return true;
        }
        Wait::Moment(patience) => (patience, patience.limit(holder).min(MOMENT)),
        Wait::Patiently(patience) => (patience, patience.limit(holder)),
    };
    if limit == 0 {
        return false;
    }
    let began = now();
    // What was being waited for in line is given back with it.
    let savepoint = Savepoint::begin_plain();
    let limits = Limits::begin();
    let released = PgTryBuilder::new(|| {
        wait_in_line(table, holder, Some(began + limit));
        true
    })
    .catch_when(PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE, |_| false)
    .execute();
    drop(limits);
    if released {
        savepoint.release();
    } else {
        savepoint.rollback();
    }
    patience.note(holder, began, released);
    released
}

/// As heap_update waits: those who wait for the same row come one after the other.
fn wait_in_line(table: Relation, holder: &Holder, until: Option<i64>) {
    let mut row = holder.row;
    // SAFETY: the table is open; the lock of the row is given back here, or with the savepoint around.
    unsafe {
        limit_to(until);
        pg_sys::LockTuple(table, &raw mut row, pg_sys::ExclusiveLock as _);
        limit_to(until);
        pg_sys::XactLockTableWait(holder.xid, table, &raw mut row, pg_sys::XLTW_Oper::XLTW_Update);
        pg_sys::UnlockTuple(table, &raw mut row, pg_sys::ExclusiveLock as _);
    }
    // The wait may time out just as the row is released. Noticed later, where nothing catches it, that would refuse the call.
    pgrx::check_for_interrupts!();
}

/// `lock_timeout`, changed where PostgreSQL keeps it for the length of one wait.
struct Limits(i32);

impl Limits {
    fn begin() -> Self {
        // SAFETY: reading a backend-local setting.
        Limits(unsafe { pg_sys::LockTimeout })
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        // SAFETY: a backend-local setting.
        unsafe { pg_sys::LockTimeout = self.0 };
    }
}

fn limit_to(until: Option<i64>) {
    let Some(until) = until else { return };
    let left = ((until - now()) / 1000).clamp(1, i64::from(i32::MAX)) as i32;
    // SAFETY: a backend-local setting, put back by `Limits`.
    unsafe {
        if pg_sys::LockTimeout == 0 || pg_sys::LockTimeout > left {
            pg_sys::LockTimeout = left;
        }
    }
}
