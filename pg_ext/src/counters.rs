//! The hot rows: a link's counters. A change that is refused leaves no lock behind, so nobody ever waits for one link
//! with another in hand but those who take two in order.

use capconduit_core::gate::judge;
use capconduit_core::{Link, Verdict};
use pgrx::PgSqlErrorCode;

use crate::error::raise;
use crate::fetch::{At, Change, Key, Lookup, Scan, View};
use crate::spi::arg;

#[derive(Clone, Copy)]
pub struct Counters {
    pub active: i32,
    pub total: i64,
    pub last_seq: i64,
}

static COUNTERS: Lookup = Lookup::new(
    c"link_counters",
    c"link_counters_pkey",
    Key::Int8,
    &[c"active", c"total", c"last_seq"],
)
.before_write();

/// Reads the counters of one link after the other.
pub struct Reader(Scan);

impl Reader {
    pub fn new(at: At) -> Self {
        Reader(COUNTERS.open(at))
    }

    pub fn read(&mut self, link_id: i64) -> Option<Counters> {
        read(&mut self.0, link_id)
    }
}

fn read(scan: &mut Scan, link_id: i64) -> Option<Counters> {
    scan.get(arg(link_id), |row| Counters {
        active: row.need(0),
        total: row.need(1),
        last_seq: row.need(2),
    })
}

/// Changes a link's counters and tells the new ones, with what `beside` reads at the same moment: before the change, since
/// from then on others wait for the row. `decide` sees the newest version, again after each wait for somebody
/// else's change; its `None` leaves the row as it is, not locked. `None` too where the link is gone.
fn change<T>(
    link_id: i64,
    beside: impl Fn(At) -> T,
    decide: impl Fn(Counters) -> Option<Counters>,
) -> Option<(Counters, T)> {
    loop {
        let done = View::Fresh.look(|at| {
            let mut scan = COUNTERS.open_to_write(at);
            let Some(new) = read(&mut scan, link_id).and_then(&decide) else {
                return Some(None);
            };
            let beside = beside(at);
            let written = scan.change(&[(0, arg(new.active)), (1, arg(new.total)), (2, arg(new.last_seq))]);
            (written == Change::Done).then_some(Some((new, beside)))
        });
        if let Some(result) = done {
            return result;
        }
    }
}

/// Takes a slot if there is room on the row's newest version, and the campaign's turn with it; what `beside` reads.
/// `None`: full.
pub fn take_slot<T>(link: &Link, turn: Option<i64>, beside: impl Fn(At) -> T) -> Option<T> {
    let taken = change(link.id, beside, |counters| {
        let now = Link {
            active: counters.active,
            counted: counters.total,
            ..link.clone()
        };
        (judge(&now) == Verdict::Eligible).then(|| Counters {
            active: counters.active + 1,
            last_seq: turn.unwrap_or(counters.last_seq),
            ..counters
        })
    });
    taken.map(|(_, beside)| beside)
}

static ALLOWED: Lookup = Lookup::new(
    c"campaign_client_settings",
    c"campaign_client_settings_pkey",
    Key::Int8,
    &[c"total_calls_allowed"],
);

/// The same among the copies, where the call's route has just looked.
static ALLOWED_NEARBY: Lookup = Lookup::covering(
    c"campaign_client_settings",
    c"campaign_client_settings_decision_idx",
    Key::Int8s,
    &[c"total_calls_allowed"],
);

fn read_allowed(at: At, link_id: i64, campaign_id: Option<i64>) -> Option<i64> {
    if let Some(campaign_id) = campaign_id
        && let Some(scan) = ALLOWED_NEARBY.open_covering(at)
        && let Some(allowed) = scan.within(link_id).get(arg(campaign_id), |row| row.get(0))
    {
        return allowed;
    }
    // It may be another campaign's by now.
    ALLOWED.first(at, arg(link_id), |row| row.get(0)).flatten()
}

/// Gives slots back and moves the total (down where a correction takes a call back). How far the total lies beyond what is
/// allowed now; 0 also where nothing is counted, or the link is gone, and its counters with it. The campaign, if it is
/// known, is where the link is looked for first.
pub fn settle(link_id: i64, campaign_id: Option<i64>, released: i32, counted: i64) -> i64 {
    let allowed = |at| {
        (counted > 0)
            .then(|| read_allowed(at, link_id, campaign_id))
            .flatten()
    };
    let settled = change(link_id, allowed, |counters| {
        if counters.active < released {
            raise(
                PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
                format!("link {link_id} holds fewer slots than are given back: run reconcile_counters()"),
            );
        }
        Some(Counters {
            active: counters.active - released,
            total: counters.total.saturating_add(counted),
            ..counters
        })
    });
    match settled {
        Some((counters, Some(allowed))) => (counters.total - allowed).max(0),
        _ => 0,
    }
}
