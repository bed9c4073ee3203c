//! The hot rows: a link's counters. A change that is refused leaves no lock behind, so nobody waits for one link
//! while holding another but those who take two in order.

use capconduit_core::gates::judge;
use capconduit_core::{Asked, Link, Verdict, total};
use pgrx::PgSqlErrorCode;

use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::error::raise;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::row_change::RowChange;
use crate::postgres::scan::Scan;
use crate::postgres::tables::{campaign_client_settings, link_counters};

#[derive(Clone, Copy)]
pub struct Counters {
    pub active: i32,
    pub total: i64,
    pub last_seq: i64,
    /// `None`: never, or the table is of a release before.
    pub reserved_at: Option<i64>,
}

impl Counters {
    /// What gates and strategies know of them.
    fn count(self, link: &mut Link) {
        link.active = self.active;
        link.counted = self.total;
        link.last_seq = self.last_seq;
        link.reserved_at = self.reserved_at;
    }
}

static COUNTERS: Lookup<link_counters::Of> =
    lookup!(link_counters by link_counters_pkey (Int8): active, total, last_seq, reserved_at)
        .before_write()
        .remembering();

/// Reads the counters of one link after the other.
pub struct Reader<'a>(Scan<'a, link_counters::Of>);

impl<'a> Reader<'a> {
    pub fn new(at: At<'a>) -> Self {
        Reader(COUNTERS.open(at))
    }

    /// The link's counters as of this moment.
    pub fn count(&mut self, link: &mut Link) {
        match read(&mut self.0, link.id) {
            Some(counters) => counters.count(link),
            // Somebody took its row away. It takes no call, the others go on; `verify_counters` tells.
            None => link.link_active = false,
        }
    }
}

fn read(scan: &mut Scan<'_, link_counters::Of>, link_id: i64) -> Option<Counters> {
    scan.get(arg(link_id), |row| Counters {
        active: row.need(link_counters::active),
        total: row.need(link_counters::total),
        last_seq: row.need(link_counters::last_seq),
        reserved_at: row.get_optional(link_counters::reserved_at),
    })
}

/// What became of a change of a link's counters.
pub enum Changed<T> {
    Done(T),
    /// The counters do not allow it, or the link is gone. Not locked.
    Refused,
    /// Somebody holds the row, for longer than was to be waited. Not locked.
    Held,
    /// What the change rests on beside the counters is not so any more. Not locked.
    Outdated,
}

impl<T> Changed<T> {
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Changed<U> {
        match self {
            Changed::Done(done) => Changed::Done(with(done)),
            Changed::Refused => Changed::Refused,
            Changed::Held => Changed::Held,
            Changed::Outdated => Changed::Outdated,
        }
    }
}

/// What is to be done with the newest counters.
enum Decided {
    Write(Counters),
    Refuse,
    Outdated,
}

/// Changes a link's counters and tells the new ones, with what `beside` reads at the same moment: before the change, since
/// from then on others wait for the row. `decide` sees the newest version and the moment that it is of, again after each wait for
/// somebody else's change.
fn change<T>(
    armed: Armed,
    link_id: i64,
    wait: Wait,
    beside: impl Fn(At) -> T,
    decide: impl Fn(Counters, At) -> Decided,
) -> Changed<(Counters, T)> {
    loop {
        let done = View::Fresh.look(|at| {
            let mut scan = COUNTERS.open_to_write(at);
            let Some(now) = read(&mut scan, link_id) else {
                return Some(Changed::Refused);
            };
            let new = match decide(now, at) {
                Decided::Write(new) => new,
                Decided::Refuse => return Some(Changed::Refused),
                Decided::Outdated => return Some(Changed::Outdated),
            };
            // A change would wait by itself, without a bound, and write what was decided before.
            if let Some(holder) = scan.holder() {
                return (!scan.wait(&holder, wait)).then_some(Changed::Held);
            }
            let beside = beside(at);
            let written = scan.change(
                armed,
                &[
                    link_counters::active.to(arg(new.active)),
                    link_counters::total.to(arg(new.total)),
                    link_counters::last_seq.to(arg(new.last_seq)),
                    link_counters::reserved_at.to(instant(new.reserved_at)),
                ],
            );
            (written == RowChange::Done).then_some(Changed::Done((new, beside)))
        });
        if let Some(result) = done {
            return result;
        }
    }
}

/// Waits until a link's row can be changed, and changes nothing. `false`: it is held still.
pub fn wait_for(link_id: i64, wait: Wait) -> bool {
    loop {
        let done = View::Fresh.look(|at| {
            let mut scan = COUNTERS.open_to_write(at);
            let holder = read(&mut scan, link_id).and_then(|_| scan.holder());
            match holder {
                None => Some(true),
                Some(holder) => (!scan.wait(&holder, wait)).then_some(false),
            }
        });
        if let Some(released) = done {
            return released;
        }
    }
}

/// Takes a slot if there is room on the row's newest version, and the campaign's turn with it; what `beside` reads.
/// `still` tells whether the link is configured at that moment as it was when it was chosen.
pub fn take_slot<T>(
    armed: Armed,
    link: &Link,
    asked: &Asked<'_>,
    turn: Option<i64>,
    wait: Wait,
    still: impl Fn(At) -> bool,
    beside: impl Fn(At) -> T,
) -> Changed<T> {
    let taken = change(armed, link.id, wait, beside, |counters, at| {
        let mut now = link.clone();
        counters.count(&mut now);
        match judge(&now, asked) {
            Verdict::Eligible if !still(at) => Decided::Outdated,
            Verdict::Eligible => Decided::Write(Counters {
                active: counters.active + 1,
                last_seq: turn.unwrap_or(counters.last_seq),
                reserved_at: Some(asked.at),
                ..counters
            }),
            _ => Decided::Refuse,
        }
    });
    taken.map(|(_, beside)| beside)
}

static ALLOWED: Lookup<campaign_client_settings::Of> =
    lookup!(campaign_client_settings by campaign_client_settings_pkey (Int8): total_calls_allowed)
        .remembering();

fn read_allowed(at: At, link_id: i64) -> Option<i64> {
    ALLOWED
        .first(at, arg(link_id), |row| {
            row.get(campaign_client_settings::total_calls_allowed)
        })
        .flatten()
}

/// What a link's counters owe to calls that ended.
#[derive(Clone, Copy, Default)]
pub struct Owed {
    /// Slots that come back.
    pub released: i32,
    /// By how much the total moves: down where a correction takes a call back.
    pub counted: i64,
}

impl Owed {
    /// The slot of a call that counts nothing.
    pub const SLOT: Owed = Owed {
        released: 1,
        counted: 0,
    };
}

/// Moves the counters. How far the total lies beyond what is allowed now; 0 also where nothing is counted, or the link is gone, and
/// its counters with it. `None`: the row is held, for longer than was to be waited.
pub fn settle(armed: Armed, link_id: i64, owed: Owed, wait: Wait) -> Option<i64> {
    let allowed = |at: At<'_>| (owed.counted > 0).then(|| read_allowed(at, link_id)).flatten();
    let settled = change(armed, link_id, wait, allowed, |counters, _| {
        if counters.active < owed.released {
            // Not the record's fault: it is to be tried again when the counters are right.
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("link {link_id} holds fewer slots than are given back: run reconcile_counters()"),
            );
        }
        Decided::Write(Counters {
            active: counters.active - owed.released,
            total: counters.total.saturating_add(owed.counted),
            ..counters
        })
    });
    match settled {
        Changed::Done((counters, allowed)) => Some(total::beyond(counters.total, allowed)),
        Changed::Held => None,
        _ => Some(0),
    }
}
