//! One look: everything that is read at one snapshot.

use std::cell::Cell;

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;

use crate::postgres::catalogue;
use crate::postgres::index_choice::FoundIndex;
use crate::postgres::server::server;
use crate::postgres::transaction::has_one_snapshot;

server! {
    fn CommandCounterIncrement();
    fn GetTransactionSnapshot() -> pg_sys::Snapshot;
    fn GetActiveSnapshot() -> pg_sys::Snapshot;
    fn PushActiveSnapshot(snapshot: pg_sys::Snapshot);
}

/// How fresh a look must be.
#[derive(Clone, Copy)]
pub enum View {
    /// A snapshot of its own, own writes included: for everything that decides or writes.
    Fresh,
    /// The snapshot of the calling query: for explain, which works read-only and on a standby.
    Calling,
}

/// One snapshot: all that is read at it belongs together.
#[derive(Clone, Copy)]
pub struct At<'a>(&'a Look);

/// A snapshot is older than the locks of the tables that are read at it: whoever waited for a table that was written anew
/// meanwhile would find it empty. So it is replaced then.
struct Look {
    /// Not a look of explain's, which writes nothing, whichever snapshot it was given in the end.
    decides: bool,
    snapshot: Cell<pg_sys::Snapshot>,
    /// How many transactions had ended before it.
    ended_before: Cell<u64>,
    pushed: Cell<u32>,
    /// Changes of tables that the snapshot was taken after.
    changes: Cell<u64>,
    has_read: Cell<bool>,
    /// Read at two snapshots.
    is_mixed: Cell<bool>,
    has_written: Cell<bool>,
}

impl View {
    /// Everything that `read` fetches is of one moment: it is run again where a table changed while it read.
    pub fn look<T>(self, read: impl Fn(At<'_>) -> T) -> T {
        let mut view = self;
        loop {
            let look = Look::begin(view, matches!(self, View::Fresh));
            let result = read(At(&look));
            look.end();
            if !look.is_mixed.get() || look.has_written.get() {
                return result;
            }
            pgrx::check_for_interrupts!();
            // The calling query's is too old for what is there now.
            view = View::Fresh;
        }
    }
}

impl Look {
    fn begin(view: View, decides: bool) -> Self {
        let look = Look {
            decides,
            snapshot: Cell::new(std::ptr::null_mut()),
            ended_before: Cell::new(0),
            pushed: Cell::new(0),
            changes: Cell::new(catalogue::changes()),
            has_read: Cell::new(false),
            is_mixed: Cell::new(false),
            has_written: Cell::new(false),
        };
        match view {
            // SAFETY: whoever calls a function has a snapshot.
            View::Calling => look.snapshot.set(unsafe { pg_sys::GetActiveSnapshot() }),
            View::Fresh => look.renew(),
        }
        look
    }

    fn renew(&self) {
        // SAFETY: pushed here, popped in `end`; on an error PostgreSQL's abort pops.
        let (snapshot, ended_before) = unsafe {
            pg_guard_ffi_boundary(|| {
                CommandCounterIncrement();
                let latest = GetTransactionSnapshot();
                PushActiveSnapshot(latest);
                (GetActiveSnapshot(), (*latest).snapXactCompletionCount)
            })
        };
        self.snapshot.set(snapshot);
        self.ended_before.set(ended_before);
        self.pushed.set(self.pushed.get() + 1);
    }

    fn end(&self) {
        for _ in 0..self.pushed.get() {
            // SAFETY: as many as were pushed.
            unsafe { pg_sys::PopActiveSnapshot() };
        }
    }
}

impl At<'_> {
    fn look(&self) -> &Look {
        self.0
    }

    /// Two moments with the same number see the same, but for what this transaction itself has written in between.
    pub fn ended_before(self) -> u64 {
        self.look().ended_before.get()
    }

    /// Not a look of explain's, which writes nothing.
    pub fn decides(&self) -> bool {
        self.look().decides
    }

    /// The snapshot for a table that is locked, or that nobody has changed since the last look at it.
    pub fn snapshot(&self, index: FoundIndex) -> pg_sys::Snapshot {
        let look = self.look();
        let is_older = look.changes.get() != catalogue::changes()
            || index
                .not_before
                // SAFETY: reads a variable of this backend.
                .is_some_and(|xid| {
                    look.pushed.get() == 0
                        && !unsafe { pg_sys::TransactionIdPrecedes(xid, pg_sys::TransactionXmin) }
                });
        if is_older {
            self.replace();
        }
        look.snapshot.get()
    }

    pub fn note_read(&self) {
        self.look().has_read.set(true);
    }

    /// A table changed while it was read.
    pub fn note_overtaken(&self) {
        self.look().is_mixed.set(true);
    }

    pub fn note_written(&self) {
        self.look().has_written.set(true);
    }

    #[cold]
    fn replace(&self) {
        let look = self.look();
        look.changes.set(catalogue::changes());
        if has_one_snapshot() {
            return;
        }
        look.renew();
        look.is_mixed.set(look.has_read.get());
    }
}
