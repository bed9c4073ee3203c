//! The hot rows: a link's counters. A change that is refused leaves no lock behind, so nobody waits for one link
//! while holding another but those who take two in order.

use capconduit_core::gates::{judge, spacing};
use capconduit_core::meter::Counts;
use capconduit_core::{Asked, Link, Subject, Verdict, total};

use crate::calls::hot_row::{Changed, refuse_release, sum, wait_for_row};
use crate::calls::meters;
use crate::calls::windows::{self, Moved, Of, Present};
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::{At, View};
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::row_change::RowChange;
use crate::postgres::scan::Scan;
use crate::postgres::tables::{campaign_client_settings, link_counters};
use crate::postgres::transaction::now as clock;

#[derive(Clone, Copy)]
pub struct Counters {
    pub active: i32,
    pub total: i64,
    pub last_seq: i64,
    /// `None`: never, or the table is of a release before.
    pub reserved_at: Option<i64>,
    /// `None`: the table is of a release before.
    pub metered: Option<Metered>,
    /// Its client has a meter, too, which moves with these.
    pub client_metered: bool,
    /// Its seller has meters: of itself, of campaigns, or of numbers.
    pub seller_metered: bool,
}

/// What the link's calls came to, beside the slots, and which windows are present.
#[derive(Clone, Copy)]
pub struct Metered {
    unsettled: i32,
    offered: i64,
    answered: i64,
    qualified: i64,
    windows: Present,
}

impl Counters {
    /// What gates and strategies know of them.
    fn count(self, at: At<'_>, link: &mut Link) {
        link.active = self.active;
        link.counted = self.total;
        link.last_seq = self.last_seq;
        link.reserved_at = self.reserved_at;
        link.client_metered = self.client_metered;
        link.seller_metered = self.seller_metered;
        link.windows_from = self.metered.map_or(i64::MIN, |metered| metered.windows.from);
        if !link.caps.is_empty() {
            link.meter = Some(Box::new(windows::meter(at, Of::Link(link.id), self.counts())));
        }
    }

    /// With what becomes of calls.
    fn plus(self, change: Counts) -> Self {
        let counts = self.counts().plus(change);
        let metered = self.metered.map(|metered| Metered {
            unsettled: counts.unsettled,
            offered: counts.offered,
            answered: counts.answered,
            qualified: counts.qualified,
            ..metered
        });
        Counters {
            active: counts.active,
            metered,
            ..self
        }
    }

    fn counts(&self) -> Counts {
        let active = Counts {
            active: self.active,
            ..Counts::NONE
        };
        self.metered.map_or(active, |metered| Counts {
            unsettled: metered.unsettled,
            offered: metered.offered,
            answered: metered.answered,
            qualified: metered.qualified,
            ..active
        })
    }
}

static COUNTERS: Lookup<link_counters::Of> =
    lookup!(link_counters by link_counters_pkey (Int8): active, total, last_seq, reserved_at, unsettled, offered, answered, qualified, windows_from, windows_until, client_metered, seller_metered)
        .before_write()
        .remembering();

/// Reads the counters of one link after the other.
pub struct Reader<'a> {
    at: At<'a>,
    rows: Scan<'a, link_counters::Of>,
}

impl<'a> Reader<'a> {
    pub fn new(at: At<'a>) -> Self {
        Reader {
            at,
            rows: COUNTERS.open(at),
        }
    }

    /// The link's counters as of this moment.
    pub fn count(&mut self, link: &mut Link) {
        match read(&mut self.rows, link.id) {
            Some(counters) => counters.count(self.at, link),
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
        metered: row
            .get_optional(link_counters::windows_until)
            .map(|until| Metered {
                unsettled: row.need(link_counters::unsettled),
                offered: row.need(link_counters::offered),
                answered: row.need(link_counters::answered),
                qualified: row.need(link_counters::qualified),
                windows: Present {
                    from: row.need(link_counters::windows_from),
                    until,
                },
            }),
        client_metered: row.get_optional(link_counters::client_metered) == Some(true),
        seller_metered: row.get_optional(link_counters::seller_metered) == Some(true),
    })
}

/// What is to be done with the newest counters, and with the link's windows.
enum Decided {
    Write(Counters, Option<Moved>),
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
            let (mut new, moved) = match decide(now, at) {
                Decided::Write(new, moved) => (new, moved),
                Decided::Refuse => return Some(Changed::Refused),
                Decided::Outdated => return Some(Changed::Outdated),
            };
            // A change would wait by itself, without a bound, and write what was decided before.
            if let Some(holder) = scan.holder() {
                return (!scan.wait(&holder, wait)).then_some(Changed::Held(Subject::Link(link_id)));
            }
            if let (Some(metered), Some(moved)) = (&mut new.metered, &moved) {
                metered.windows = moved.present;
            }
            let beside = beside(at);
            let written = write(armed, &mut scan, &new);
            (written == RowChange::Done).then_some(Changed::Done((new, beside, moved)))
        });
        if let Some(result) = done {
            return result.map(|(new, beside, moved)| {
                if let Some(moved) = moved {
                    windows::write(armed, Of::Link(link_id), &moved);
                }
                (new, beside)
            });
        }
    }
}

fn write(armed: Armed, scan: &mut Scan<'_, link_counters::Of>, new: &Counters) -> RowChange {
    use link_counters as of;
    let slots = [
        of::active.to(arg(new.active)),
        of::total.to(arg(new.total)),
        of::last_seq.to(arg(new.last_seq)),
        of::reserved_at.to(instant(new.reserved_at)),
    ];
    let Some(metered) = new.metered else {
        return scan.change(armed, &slots);
    };
    let [active, total, last_seq, reserved_at] = slots;
    scan.change(
        armed,
        &[
            active,
            total,
            last_seq,
            reserved_at,
            of::unsettled.to(arg(metered.unsettled)),
            of::offered.to(arg(metered.offered)),
            of::answered.to(arg(metered.answered)),
            of::qualified.to(arg(metered.qualified)),
            of::windows_from.to(instant(metered.windows.from)),
            of::windows_until.to(instant(metered.windows.until)),
        ],
    )
}

/// Waits until a subject's row can be changed, and changes nothing. `false`: it is held still.
pub fn wait_for(subject: Subject, wait: Wait) -> bool {
    match subject {
        Subject::Link(id) => wait_for_row(&COUNTERS, |rows| rows.get(arg(id), |_| ()).is_some(), wait),
        metered => meters::wait_for(metered, wait),
    }
}

/// Takes a slot at `reserved` if there is room on the row's newest version, and the campaign's turn with it; what `beside` reads.
/// `still` tells whether the link is configured at that moment as it was when it was chosen. Where its client or its seller is metered,
/// their meters are to be asked next.
#[allow(clippy::too_many_arguments)]
pub fn take_slot<T>(
    armed: Armed,
    link: &Link,
    asked: &Asked<'_>,
    reserved: i64,
    turn: Option<i64>,
    wait: Wait,
    still: impl Fn(At) -> bool,
    beside: impl Fn(At) -> T,
) -> Changed<T> {
    let taken = change(armed, link.id, wait, beside, |counters, at| {
        let mut now = link.clone();
        counters.count(at, &mut now);
        meters::count_client(at, &mut now);
        match judge(&now, asked) {
            // A window that began since then is another's: this call would belong to none.
            Verdict::Eligible
                if now.windows_from > reserved
                    || spacing::of_link(&now).has_waited(asked, clock())
                    || (now.client_metered, now.seller_metered)
                        != (link.client_metered, link.seller_metered)
                    || !still(at) =>
            {
                Decided::Outdated
            }
            Verdict::Eligible => {
                let over = counters
                    .metered
                    .is_some_and(|metered| metered.windows.until <= reserved);
                let begin = Some((counters.counts(), reserved));
                Decided::Write(
                    Counters {
                        last_seq: turn.unwrap_or(counters.last_seq),
                        reserved_at: Some(asked.at),
                        ..counters.plus(Counts::OFFER)
                    },
                    over.then(|| windows::moved(at, Of::Link(link.id), &[], begin)),
                )
            }
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
#[derive(Clone, Copy)]
pub struct Owed<'a> {
    /// What becomes of each, and when it was reserved.
    pub ends: &'a [(Counts, i64)],
    /// By how much the total moves: down where a correction takes a call back.
    pub counted: i64,
}

impl Owed<'_> {
    fn sum(&self) -> Counts {
        sum(self.ends)
    }

    /// Slots that come back.
    pub fn released(&self) -> i32 {
        -self.sum().active
    }

    pub fn is_nothing(&self) -> bool {
        self.counted == 0 && self.ends.iter().all(|(change, _)| *change == Counts::NONE)
    }
}

/// What became of a link's counters.
pub struct Settled {
    /// How far the total lies beyond what is allowed now; 0 also where nothing is counted, or the link is gone.
    pub beyond: i64,
    /// Whether the client's meter moves with these. `None`: the link is gone, and its counters with it.
    pub client_metered: Option<bool>,
    /// The same of the seller's.
    pub seller_metered: Option<bool>,
}

/// Moves the counters. An error is the subject whose row is held, for longer than was to be waited.
pub fn settle(armed: Armed, link_id: i64, owed: Owed<'_>, wait: Wait) -> Result<Settled, Subject> {
    let allowed = |at: At<'_>| (owed.counted > 0).then(|| read_allowed(at, link_id)).flatten();
    let settled = change(armed, link_id, wait, allowed, |counters, at| {
        if counters.active < owed.released() {
            refuse_release(&format!("link {link_id}"));
        }
        let new = Counters {
            total: counters.total.saturating_add(owed.counted),
            ..counters.plus(owed.sum())
        };
        let present = counters.metered.map(|metered| metered.windows);
        let moved = present
            .and_then(|present| windows::moved_by(at, Of::Link(link_id), present, new.counts(), owed.ends));
        Decided::Write(new, moved)
    });
    match settled {
        Changed::Done((counters, allowed)) => Ok(Settled {
            beyond: total::beyond(counters.total, allowed),
            client_metered: Some(counters.client_metered),
            seller_metered: Some(counters.seller_metered),
        }),
        Changed::Held(subject) => Err(subject),
        _ => Ok(Settled {
            beyond: 0,
            client_metered: None,
            seller_metered: None,
        }),
    }
}
