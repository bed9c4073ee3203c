//! Moves counters after calls: their slots return, their records count; what lies beyond a link's total is flagged.

use std::collections::BTreeMap;

use capconduit_core::Subject;
use capconduit_core::meter::Counts;
use pgrx::pg_sys::TEXTOID;

use crate::calls::counters::{Owed, Settled};
use crate::calls::meters::Metered;
use crate::calls::overflow::Left;
use crate::calls::parties::Parties;
use crate::calls::{counters, excess, meters};
use crate::postgres::argument::arg;
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::View;
use crate::postgres::rows::selected;
use crate::postgres::spi::Query;

/// What becomes of a call.
#[derive(Clone, Copy)]
pub struct End<'a> {
    pub uniqueid: &'a str,
    /// Whose counters it moves. Those of its number, its campaign and its seller only where the seller is named: of a call that fails over
    /// they stay as they are.
    pub parties: Parties,
    pub change: Counts,
    /// When the slot was reserved that it is about; else the instant that the call counts at.
    pub reserved: i64,
    /// It held that slot from the beginning.
    pub is_first: bool,
    /// It counts there, too.
    pub left: Option<Left>,
}

selected! {
    struct Attempt {
        started_at: i64 = "started_at",
    }
}

static FIRST: Query<Attempt> = Query::new(
    "select",
    "from capconduit.call_attempts where uniqueid = $1 and attempt = 1",
    &[TEXTOID],
);

impl End<'_> {
    /// When the call's first slot was reserved: it is in the windows of its number, campaign and seller by that.
    fn first_reserved(&self) -> i64 {
        if self.is_first {
            return self.reserved;
        }
        FIRST
            .first(&[arg(self.uniqueid)])
            .map_or(self.reserved, |attempt| attempt.started_at)
    }
}

/// What meters are owed. They are changed when all links are, each once, in their order.
#[derive(Default)]
pub struct MetersOwe(BTreeMap<Metered, Vec<(Counts, i64)>>);

impl MetersOwe {
    fn add(&mut self, end: &End<'_>, settled: &Settled) {
        if end.change == Counts::NONE {
            return;
        }
        if let Some(client_id) = end.parties.client_id
            && settled
                .client_metered
                .unwrap_or_else(|| View::Fresh.look(|at| meters::is_client_metered(at, client_id)))
        {
            self.owe(Metered::client(client_id), (end.change, end.reserved));
        }
        if let Some(user_id) = end.parties.user_id
            && settled
                .seller_metered
                .unwrap_or_else(|| View::Fresh.look(|at| meters::is_seller_metered(at, user_id)))
        {
            let first = end.first_reserved();
            let counted = [
                end.parties.did_id.map(|id| (Subject::Did(id), first)),
                end.left.map(|left| (Subject::Campaign(left.campaign_id), first)),
                end.parties
                    .campaign_id
                    .map(|id| (Subject::Campaign(id), end.left.map_or(first, |left| left.at))),
                Some((Subject::Seller(user_id), first)),
            ];
            for (subject, reserved) in counted.into_iter().flatten() {
                self.owe(Metered::of_seller(subject, user_id), (end.change, reserved));
            }
        }
    }

    fn owe(&mut self, of: Metered, end: (Counts, i64)) {
        self.0.entry(of).or_default().push(end);
    }

    /// Those before a subject and those behind it, whose own is between them.
    pub fn split(mut self, at: Subject) -> (Self, Self) {
        let owner_id = None;
        let behind = self.0.split_off(&Metered {
            subject: at,
            owner_id,
        });
        (self, MetersOwe(behind))
    }

    pub fn settle(self, armed: Armed, wait: Wait) -> Result<(), Subject> {
        for (of, ends) in self.0 {
            meters::settle(armed, of, &ends, wait)?;
        }
        Ok(())
    }
}

/// What becomes of calls of one link. `records` are those just counted: those beyond a cap are flagged, never refused, since
/// they happened. `counted`: by how much the total moves.
pub fn settle(armed: Armed, link_id: i64, ends: &[End<'_>], counted: i64, records: &[i64]) {
    let mut owe = MetersOwe::default();
    settle_link(armed, Wait::Long, link_id, ends, counted, records, &mut owe)
        .and_then(|()| owe.settle(armed, Wait::Long))
        .expect("a wait without a bound");
    let released = ends.iter().map(|end| -end.change.active).sum();
    excess::flag_beyond_caps(armed, released, records);
}

/// The link's counters; meters are to be settled later. An error is the row that is held, and nothing was moved.
pub fn settle_link(
    armed: Armed,
    wait: Wait,
    link_id: i64,
    ends: &[End<'_>],
    counted: i64,
    records: &[i64],
    owe: &mut MetersOwe,
) -> Result<(), Subject> {
    let moves: Vec<(Counts, i64)> = ends.iter().map(|end| (end.change, end.reserved)).collect();
    let owed = Owed {
        ends: &moves,
        counted,
    };
    if owed.is_nothing() {
        return Ok(());
    }
    let settled = counters::settle(armed, link_id, owed, wait)?;
    excess::flag(armed, link_id, settled.beyond, owed.released(), records);
    for end in ends {
        owe.add(end, &settled);
    }
    Ok(())
}

/// The slot of a call that holds no other returns.
pub fn give_back(armed: Armed, end: End<'_>) {
    if let Some(link_id) = end.parties.link_id {
        settle(armed, link_id, &[end], 0, &[]);
    }
}
