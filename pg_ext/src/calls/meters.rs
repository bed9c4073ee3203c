//! Meters: the hot rows of what is above links and has, or had, caps of its own. A client's moves with each attempt on one of its links; a
//! number's, a campaign's and a seller's with each call, at its first reservation and when it holds no slot any more. They are
//! changed after those of links, in the same transaction and in the order of `Subject`: whoever waits for a link needs these anyway.

use capconduit_core::cap::{Cap, Capped, Meter};
use capconduit_core::gates::caps;
use capconduit_core::gates::spacing::Spacing;
use capconduit_core::meter::Counts;
use capconduit_core::seats::Seats;
use capconduit_core::{Asked, Link, Subject};

use crate::calls::hot_row::{Changed, refuse_release, sum, wait_for_row};
use crate::calls::windows::{self, Moved, Of, Present, ZoneOf};
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::row_change::RowChange;
use crate::postgres::scan::{Row, Scan};
use crate::postgres::tables::{clients, meters, users};
use crate::postgres::transaction::now;

static METERS: Lookup<meters::Of> = lookup!(
    meters by meters_subject_id_subject_type_key (Int8):
    id, subject_type, owner_id, active, unsettled, offered, answered, qualified, windows_from, windows_until, reserved_at, seats,
    seats_until, seats_close
)
.before_write();

/// A number changes hands: its meter counts the calls of one seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metered {
    pub subject: Subject,
    /// None of a client.
    pub owner_id: Option<i64>,
}

impl Metered {
    pub fn client(id: i64) -> Self {
        Metered {
            subject: Subject::Client(id),
            owner_id: None,
        }
    }

    pub fn of_seller(subject: Subject, user_id: i64) -> Self {
        Metered {
            subject,
            owner_id: Some(user_id),
        }
    }

    fn windows(self, meter_id: i64) -> Of {
        let zone = match self.owner_id {
            Some(user_id) => ZoneOf::Seller(user_id),
            None => ZoneOf::Client(self.subject.id()),
        };
        Of::Meter { id: meter_id, zone }
    }
}

#[derive(Clone, Copy)]
struct Counters {
    meter_id: i64,
    counts: Counts,
    windows: Present,
    /// When a call last got one of its slots. `None`: never, or the table is of a release before.
    reserved_at: Option<i64>,
    /// Of a client that tells how many calls it can take. No call changes them.
    seats: Option<Seats>,
}

/// `None`: it has no meter.
fn read(scan: &mut Scan<'_, meters::Of>, of: Metered) -> Option<Counters> {
    use meters as column;
    scan.seek(arg(of.subject.id()));
    while let Some(row) = scan.next() {
        if row.is(column::subject_type, of.subject.kind()) && row.get(column::owner_id) == of.owner_id {
            let active = row.need(column::active);
            return Some(Counters {
                meter_id: row.need(column::id),
                counts: Counts {
                    active,
                    unsettled: row.need(column::unsettled),
                    offered: row.need(column::offered),
                    answered: row.need(column::answered),
                    qualified: row.need(column::qualified),
                },
                windows: Present {
                    from: row.need(column::windows_from),
                    until: row.need(column::windows_until),
                },
                reserved_at: row.get_optional(column::reserved_at),
                seats: row.get_optional(column::seats).map(|seats| Seats {
                    seats,
                    active,
                    until: row.get_optional(column::seats_until).unwrap_or(i64::MIN),
                    closes_when_stale: row.get_optional(column::seats_close) == Some(true),
                }),
            });
        }
    }
    None
}

fn meter(at: At<'_>, of: Metered, counters: Counters) -> Meter {
    windows::meter(at, of.windows(counters.meter_id), counters.counts)
}

/// Waits until a meter can be changed, and changes nothing. `false`: it is held still.
pub fn wait_for(subject: Subject, wait: Wait) -> bool {
    let find = |rows: &mut Scan<'_, meters::Of>| {
        rows.seek(arg(subject.id()));
        while let Some(row) = rows.next() {
            if row.is(meters::subject_type, subject.kind()) {
                return true;
            }
        }
        false
    };
    wait_for_row(&METERS, find, wait)
}

/// Caps with what they go by. Where somebody took the meter away they stop, and `verify_counters` tells.
pub fn capped(at: At<'_>, of: Metered, caps: Vec<Cap>) -> Capped {
    by_counters(at, of, read(&mut METERS.open(at), of), caps)
}

fn by_counters(at: At<'_>, of: Metered, counters: Option<Counters>, caps: Vec<Cap>) -> Capped {
    let Some(counters) = counters else {
        return Capped { caps, ..Capped::NOT };
    };
    Capped {
        meter: (!caps.is_empty()).then(|| Box::new(meter(at, of, counters))),
        windows_from: counters.windows.from,
        caps,
    }
}

/// What is known of a link's client that has a meter, to gates where it has caps, a spacing or seats.
pub fn count_client(at: At<'_>, link: &mut Link) {
    if !link.client_metered && link.client_caps.is_empty() && link.client_min_seconds_between.is_none() {
        return;
    }
    let of = Metered::client(link.client_id);
    let counters = read(&mut METERS.open(at), of);
    link.client_reserved_at = counters.and_then(|counters| counters.reserved_at);
    link.client_seats = counters.and_then(|counters| counters.seats);
    let known = by_counters(at, of, counters, std::mem::take(&mut link.client_caps));
    link.client_windows_from = known.windows_from;
    link.client_caps = known.caps;
    link.client_meter = known.meter;
}

/// What is to be done with the newest counters, and with the windows.
enum Decided {
    Write(Counters, Option<Moved>),
    Refuse,
    Outdated,
}

/// As `counters::change`. What has no meter is not counted.
fn change(armed: Armed, of: Metered, wait: Wait, decide: impl Fn(Counters, At) -> Decided) -> Changed<()> {
    loop {
        let done = View::Fresh.look(|at| {
            let mut scan = METERS.open_to_write(at);
            let Some(now) = read(&mut scan, of) else {
                return Some(Changed::Done(None));
            };
            let (mut new, moved) = match decide(now, at) {
                Decided::Write(new, moved) => (new, moved),
                Decided::Refuse => return Some(Changed::Refused),
                Decided::Outdated => return Some(Changed::Outdated),
            };
            if let Some(holder) = scan.holder() {
                return (!scan.wait(&holder, wait)).then_some(Changed::Held(of.subject));
            }
            if let Some(moved) = &moved {
                new.windows = moved.present;
            }
            let written = write(armed, &mut scan, &new);
            (written == RowChange::Done).then_some(Changed::Done(moved.map(|moved| (new.meter_id, moved))))
        });
        if let Some(result) = done {
            return result.map(|moved| {
                if let Some((meter_id, moved)) = moved {
                    windows::write(armed, of.windows(meter_id), &moved);
                }
            });
        }
    }
}

fn write(armed: Armed, scan: &mut Scan<'_, meters::Of>, new: &Counters) -> RowChange {
    use meters as column;
    scan.change(
        armed,
        &[
            column::active.to(arg(new.counts.active)),
            column::unsettled.to(arg(new.counts.unsettled)),
            column::offered.to(arg(new.counts.offered)),
            column::answered.to(arg(new.counts.answered)),
            column::qualified.to(arg(new.counts.qualified)),
            column::windows_from.to(instant(new.windows.from)),
            column::windows_until.to(instant(new.windows.until)),
            column::reserved_at.to(instant(new.reserved_at)),
        ],
    )
}

/// What a meter's newest version is judged by.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    pub caps: &'a [Cap],
    pub min_seconds_between: Option<i32>,
}

impl<'a> Limits<'a> {
    pub fn of_client(link: &'a Link) -> Self {
        Limits {
            caps: &link.client_caps,
            min_seconds_between: link.client_min_seconds_between,
        }
    }

    pub fn of(capped: &'a Capped) -> Self {
        Limits {
            caps: &capped.caps,
            min_seconds_between: None,
        }
    }
}

/// Counts a call that a link's slot was just taken for, if its limits let it through on the row's newest version, and all is set
/// then as it was when the link was chosen.
pub fn take(
    armed: Armed,
    of: Metered,
    limits: Limits<'_>,
    asked: &Asked<'_>,
    reserved: i64,
    wait: Wait,
    still: impl Fn(At) -> bool,
) -> Changed<()> {
    change(armed, of, wait, |counters, at| {
        // A window that began since then is another's: this call would belong to none.
        if counters.windows.from > reserved || !still(at) {
            return Decided::Outdated;
        }
        let spacing = Spacing {
            seconds: limits.min_seconds_between,
            last: counters.reserved_at,
        };
        if spacing.has_waited(asked, now()) {
            return Decided::Outdated;
        }
        if spacing.stops(asked) || counters.seats.is_some_and(|seats| !seats.let_through(asked.at)) {
            return Decided::Refuse;
        }
        if !limits.caps.is_empty() {
            let now = Capped {
                caps: limits.caps.to_vec(),
                meter: Some(Box::new(meter(at, of, counters))),
                windows_from: counters.windows.from,
            };
            if !caps::of(&now).let_through(asked) {
                return Decided::Refuse;
            }
        }
        let begin = Some((counters.counts, reserved));
        let over = counters.windows.until <= reserved;
        Decided::Write(
            Counters {
                counts: counters.counts.plus(Counts::OFFER),
                reserved_at: Some(asked.at),
                ..counters
            },
            over.then(|| windows::moved(at, of.windows(counters.meter_id), &[], begin)),
        )
    })
}

/// Moves a meter by what became of calls. An error is the subject whose row is held, for longer than was to be waited.
pub fn settle(armed: Armed, of: Metered, ends: &[(Counts, i64)], wait: Wait) -> Result<(), Subject> {
    let settled = change(armed, of, wait, |counters, at| {
        let counts = counters.counts.plus(sum(ends));
        if counts.active < 0 {
            refuse_release(&format!("{} {}", of.subject.kind(), of.subject.id()));
        }
        let moved = windows::moved_by(at, of.windows(counters.meter_id), counters.windows, counts, ends);
        Decided::Write(Counters { counts, ..counters }, moved)
    });
    match settled {
        Changed::Held(subject) => Err(subject),
        _ => Ok(()),
    }
}

static CLIENTS: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): metered);
static SELLERS: Lookup<users::Of> = lookup!(users by users_pkey (Int8): metered);

/// Whether a client has a meter, where no link of it says so any more.
pub fn is_client_metered(at: At<'_>, client_id: i64) -> bool {
    let metered = |client: Row<'_, clients::Of>| client.get_optional(clients::metered);
    CLIENTS.first(at, arg(client_id), metered).flatten() == Some(true)
}

/// The same of a seller.
pub fn is_seller_metered(at: At<'_>, user_id: i64) -> bool {
    let metered = |seller: Row<'_, users::Of>| seller.get_optional(users::metered);
    SELLERS.first(at, arg(user_id), metered).flatten() == Some(true)
}
