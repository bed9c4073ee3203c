//! How many calls `route_call` rejected, by reason, number and switch, minute by minute. A reject writes nothing: this backend
//! counts in its memory, and writes what it has counted at most once in fifteen seconds, at the end of whatever
//! transaction it is in then, and when its connection ends. However many calls are rejected, a backend writes few rows.

use std::cell::{Cell, RefCell};

use capconduit_core::text;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::pg_sys::{self, INT4OID, INT8ARRAYOID, TEXTARRAYOID};
use pgrx::{PgTryBuilder, pg_guard};

use crate::postgres::argument::arg;
use crate::postgres::catalogue::{WRITING, relation};
use crate::postgres::early_lock_release::commit_without_waiting;
use crate::postgres::look::View;
use crate::postgres::savepoint::Savepoint;
use crate::postgres::spi::{Change, connected};

const WRITE_EVERY_MICROS: i64 = 15_000_000;

/// Numbers and switches that are told apart between two writes; what comes on top is counted by reason alone.
const MOST: usize = 32;

struct Rejects {
    /// Since 2000, when PostgreSQL's time begins.
    minute: i64,
    reason: String,
    /// What was dialled; both are NULL in what is counted by reason alone.
    did: Option<String>,
    node: Option<String>,
    calls: i64,
}

thread_local! {
    static COUNTED: RefCell<Vec<Rejects>> = const { RefCell::new(Vec::new()) };
    /// When this backend wrote last, or tried to; it writes its first reject at once.
    static WRITTEN: Cell<i64> = const { Cell::new(0) };
}

pub fn register() {
    // SAFETY: the callbacks live as long as the backend; they are registered once, at load.
    unsafe {
        pg_sys::RegisterXactCallback(Some(at_transaction), std::ptr::null_mut());
        pg_sys::before_shmem_exit(Some(at_exit), pg_sys::Datum::from(0));
    }
}

/// Counts a reject.
pub fn note(reason: &str, did: &str, node: Option<&str>) {
    // SAFETY: reads a variable of this backend.
    let minute = unsafe { pg_sys::GetCurrentStatementStartTimestamp() }.div_euclid(60_000_000);
    let did = text::described(Some(did), text::NUMBER);
    COUNTED.with_borrow_mut(|counted| {
        let place = |counted: &[Rejects], did: Option<&str>, node: Option<&str>| {
            counted.iter().position(|known| {
                known.minute == minute
                    && known.reason == reason
                    && known.did.as_deref() == did
                    && known.node.as_deref() == node
            })
        };
        let mut found = place(counted, did, node);
        let is_full = found.is_none() && counted.len() >= MOST;
        if is_full {
            found = place(counted, None, None);
        }
        match found {
            Some(place) => counted[place].calls += 1,
            None => counted.push(Rejects {
                minute,
                reason: reason.to_owned(),
                did: did.filter(|_| !is_full).map(str::to_owned),
                node: node.filter(|_| !is_full).map(str::to_owned),
                calls: 1,
            }),
        }
    });
}

#[pg_guard]
unsafe extern "C-unwind" fn at_transaction(event: pg_sys::XactEvent::Type, _arg: *mut std::ffi::c_void) {
    if event != pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT || COUNTED.with_borrow(Vec::is_empty) {
        return;
    }
    // SAFETY: plain reads of backend-local state.
    let (now, can_write, wrote) = unsafe {
        (
            pg_sys::GetCurrentStatementStartTimestamp(),
            !pg_sys::RecoveryInProgress() && !pg_sys::XactReadOnly,
            pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId,
        )
    };
    if can_write && now - WRITTEN.get() >= WRITE_EVERY_MICROS {
        WRITTEN.set(now);
        if write() && !wrote {
            // A reject waits for no disk and no standby, and nothing else is in this transaction.
            commit_without_waiting();
        }
    }
}

/// As PostgreSQL removes temporary tables when a connection ends.
#[pg_guard]
unsafe extern "C-unwind" fn at_exit(code: i32, _arg: pg_sys::Datum) {
    // Not where a backend is ended by force or by an error.
    if code != 0 || COUNTED.with_borrow(Vec::is_empty) {
        return;
    }
    WRITTEN.set(0);
    // SAFETY: no statement runs any more; the rows are written when this transaction commits.
    unsafe {
        pg_sys::AbortOutOfAnyTransaction();
        pg_sys::StartTransactionCommand();
        pg_sys::CommitTransactionCommand();
    }
}

static WRITE: Change = Change::over_sets(
    "insert into capconduit.reject_counts (minute, reason, did, node, calls) \
     select timestamptz '2000-01-01 00:00:00+00' + r.minute * interval '1 minute', r.reason, r.did, r.node, r.calls \
       from unnest($1, $2, $3, $4, $5) r (minute, reason, did, node, calls)",
    &[
        INT8ARRAYOID,
        TEXTARRAYOID,
        TEXTARRAYOID,
        TEXTARRAYOID,
        INT8ARRAYOID,
    ],
);

/// More than is written at a time, so that the table does not grow for ever.
static FORGET: Change = Change::new(
    "delete from capconduit.reject_counts \
      where id in (select r.id \
                     from capconduit.reject_counts r \
                    where r.minute < now() - interval '8 days' \
                    order by r.minute \
                    limit $1 \
                      for update skip locked)",
    &[INT4OID],
);

/// Writes what was counted, with the rights of the tables' owner. Nothing that goes wrong here is the call's affair: what cannot
/// be written now is kept for the next time.
fn write() -> bool {
    let table = relation(c"reject_counts");
    // SAFETY: an unknown table is 0; nobody is waited for.
    unsafe {
        if table == pg_sys::Oid::INVALID || !pg_sys::ConditionalLockRelationOid(table, WRITING) {
            return false;
        }
    }
    let savepoint = Savepoint::begin_plain();
    let written = PgTryBuilder::new(|| {
        as_owner(|| {
            // SPI wants a snapshot around it, and the statement's own has gone.
            View::Fresh.look(|_| connected(|_| write_all()));
        });
        true
    })
    .catch_others(tell)
    .catch_rust_panic(tell)
    .execute();
    if written {
        savepoint.release();
        COUNTED.take();
    } else {
        savepoint.rollback();
    }
    written
}

/// To the server's log: whoever called hears nothing of it.
fn tell(error: CaughtError) -> bool {
    let (CaughtError::PostgresError(report)
    | CaughtError::ErrorReport(report)
    | CaughtError::RustPanic { ereport: report, .. }) = error;
    pgrx::log!(
        "capconduit: rejected calls are not written yet: {}",
        report.message()
    );
    false
}

fn write_all() {
    COUNTED.with_borrow(|counted| {
        let each = counted.iter();
        WRITE.run_unarmed(&[
            arg(each.clone().map(|one| one.minute).collect::<Vec<_>>()),
            arg(each.clone().map(|one| one.reason.as_str()).collect::<Vec<_>>()),
            arg(each.clone().map(|one| one.did.clone()).collect::<Vec<_>>()),
            arg(each.clone().map(|one| one.node.clone()).collect::<Vec<_>>()),
            arg(each.map(|one| one.calls).collect::<Vec<_>>()),
        ]);
    });
    FORGET.run_unarmed(&[arg(4 * MOST as i32)]);
}

fn as_owner(work: impl FnOnce()) {
    // SAFETY: put back afterwards; on an error the savepoint puts it back.
    unsafe {
        let owner = pg_sys::get_role_oid(c"capconduit_owner".as_ptr(), false);
        let (mut caller, mut context) = (pg_sys::Oid::INVALID, 0);
        pg_sys::GetUserIdAndSecContext(&raw mut caller, &raw mut context);
        pg_sys::SetUserIdAndSecContext(owner, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
        work();
        pg_sys::SetUserIdAndSecContext(caller, context);
    }
}
