//! The hot row of a client that has, or had, caps of its own: what the calls of all its links come to. It is changed after
//! those of links, in the same transaction: whoever waits for a link needs its client anyway.

use capconduit_core::cap::Meter;
use capconduit_core::gates::caps;
use capconduit_core::meter::Counts;
use capconduit_core::{Asked, Link};

use crate::calls::hot_row::{Changed, refuse_release, sum};
use crate::calls::windows::{self, Moved, Present, Subject};
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::row_change::RowChange;
use crate::postgres::scan::{Row, Scan};
use crate::postgres::tables::{client_counters, clients};

pub static COUNTERS: Lookup<client_counters::Of> = lookup!(
    client_counters by client_counters_pkey (Int8):
    active, unsettled, offered, answered, qualified, windows_from, windows_until
)
.before_write();

#[derive(Clone, Copy)]
struct Counters {
    counts: Counts,
    windows: Present,
}

fn read(scan: &mut Scan<'_, client_counters::Of>, client_id: i64) -> Option<Counters> {
    use client_counters as of;
    scan.get(arg(client_id), |row| Counters {
        counts: Counts {
            active: row.need(of::active),
            unsettled: row.need(of::unsettled),
            offered: row.need(of::offered),
            answered: row.need(of::answered),
            qualified: row.need(of::qualified),
        },
        windows: Present {
            from: row.need(of::windows_from),
            until: row.need(of::windows_until),
        },
    })
}

/// What is known of a client that has counters, to gates where it has caps.
pub fn count(at: At<'_>, link: &mut Link) {
    if !link.client_metered && link.client_caps.is_empty() {
        return;
    }
    // Somebody took its row away: without a meter its caps stop, and `verify_counters` tells.
    let Some(counters) = read(&mut COUNTERS.open(at), link.client_id) else {
        return;
    };
    link.client_windows_from = counters.windows.from;
    if !link.client_caps.is_empty() {
        link.client_meter = Some(Box::new(meter(at, link.client_id, counters)));
    }
}

fn meter(at: At<'_>, client_id: i64, counters: Counters) -> Meter {
    windows::meter(at, Subject::Client(client_id), counters.counts)
}

/// What is to be done with the newest counters, and with the client's windows.
enum Decided {
    Write(Counters, Option<Moved>),
    Refuse,
    Outdated,
}

/// As `counters::change`, of a client.
fn change(armed: Armed, client_id: i64, wait: Wait, decide: impl Fn(Counters, At) -> Decided) -> Changed<()> {
    let subject = Subject::Client(client_id);
    loop {
        let done = View::Fresh.look(|at| {
            let mut scan = COUNTERS.open_to_write(at);
            let Some(now) = read(&mut scan, client_id) else {
                return Some(Changed::Done(None));
            };
            let (mut new, moved) = match decide(now, at) {
                Decided::Write(new, moved) => (new, moved),
                Decided::Refuse => return Some(Changed::Refused),
                Decided::Outdated => return Some(Changed::Outdated),
            };
            if let Some(holder) = scan.holder() {
                return (!scan.wait(&holder, wait)).then_some(Changed::Held(subject));
            }
            if let Some(moved) = &moved {
                new.windows = moved.present;
            }
            let written = write(armed, &mut scan, &new);
            (written == RowChange::Done).then_some(Changed::Done(moved))
        });
        if let Some(result) = done {
            return result.map(|moved| {
                if let Some(moved) = moved {
                    windows::write(armed, subject, &moved);
                }
            });
        }
    }
}

fn write(armed: Armed, scan: &mut Scan<'_, client_counters::Of>, new: &Counters) -> RowChange {
    use client_counters as of;
    scan.change(
        armed,
        &[
            of::active.to(arg(new.counts.active)),
            of::unsettled.to(arg(new.counts.unsettled)),
            of::offered.to(arg(new.counts.offered)),
            of::answered.to(arg(new.counts.answered)),
            of::qualified.to(arg(new.counts.qualified)),
            of::windows_from.to(instant(new.windows.from)),
            of::windows_until.to(instant(new.windows.until)),
        ],
    )
}

/// Counts a call that a link's slot was just taken for, if the client's caps have room on the row's newest version, and all is set then
/// as it was when the link was chosen.
pub fn take(
    armed: Armed,
    link: &Link,
    asked: &Asked<'_>,
    reserved: i64,
    wait: Wait,
    still: impl Fn(At) -> bool,
) -> Changed<()> {
    let subject = Subject::Client(link.client_id);
    change(armed, link.client_id, wait, |counters, at| {
        // A window that began since then is another's: this call would belong to none.
        if counters.windows.from > reserved || !still(at) {
            return Decided::Outdated;
        }
        if !link.client_caps.is_empty() {
            let mut now = link.clone();
            now.client_meter = Some(Box::new(meter(at, link.client_id, counters)));
            if !caps::of_client(&now).let_through(asked) {
                return Decided::Refuse;
            }
        }
        let begin = Some((counters.counts, reserved));
        let over = counters.windows.until <= reserved;
        Decided::Write(
            Counters {
                counts: counters.counts.plus(Counts::OFFER),
                ..counters
            },
            over.then(|| windows::moved(at, subject, &[], begin)),
        )
    })
}

/// Moves the counters by what became of calls. An error is the row that is held, for longer than was to be waited.
pub fn settle(armed: Armed, client_id: i64, ends: &[(Counts, i64)], wait: Wait) -> Result<(), Subject> {
    let settled = change(armed, client_id, wait, |counters, at| {
        let counts = counters.counts.plus(sum(ends));
        if counts.active < 0 {
            refuse_release(&format!("client {client_id}"));
        }
        let subject = Subject::Client(client_id);
        let moved = windows::moved_by(at, subject, counters.windows, counts, ends);
        Decided::Write(Counters { counts, ..counters }, moved)
    });
    match settled {
        Changed::Held(subject) => Err(subject),
        _ => Ok(()),
    }
}

static METERED: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): metered);

/// Whether a client has counters, where no link of it says so any more.
pub fn is_metered(at: At<'_>, client_id: i64) -> bool {
    let metered = |client: Row<'_, clients::Of>| client.get_optional(clients::metered);
    METERED.first(at, arg(client_id), metered).flatten() == Some(true)
}
