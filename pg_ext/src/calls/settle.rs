//! Moves counters after calls: their slots return, their records count; what lies beyond a link's total is flagged.

use std::collections::BTreeMap;

use capconduit_core::meter::Counts;

use crate::calls::counters::Owed;
use crate::calls::windows::Subject;
use crate::calls::{client_counters, counters, excess};
use crate::postgres::armed::Armed;
use crate::postgres::held_rows::Wait;
use crate::postgres::look::View;

/// Whose counters a call moves.
#[derive(Clone, Copy)]
pub struct Whose {
    pub link_id: i64,
    pub client_id: Option<i64>,
}

/// What the counters of clients owe. They are changed when all links are, each once, in ascending order.
#[derive(Default)]
pub struct ClientsOwe(BTreeMap<i64, Vec<(Counts, i64)>>);

impl ClientsOwe {
    pub fn add(&mut self, client_id: i64, ends: &[(Counts, i64)]) {
        self.0.entry(client_id).or_default().extend_from_slice(ends);
    }

    /// What one client owes comes with what is taken of it.
    pub fn settle(self, armed: Armed, wait: Wait) -> Result<(), Subject> {
        for (client_id, ends) in self.0 {
            client_counters::settle(armed, client_id, &ends, wait)?;
        }
        Ok(())
    }
}

/// `records` are the calls just counted; those beyond the allowed total are flagged, never refused: they happened.
pub fn settle(armed: Armed, whose: Whose, owed: Owed<'_>, records: &[i64]) {
    let mut clients = ClientsOwe::default();
    settle_link(armed, Wait::Long, whose, owed, records, &mut clients)
        .and_then(|()| clients.settle(armed, Wait::Long))
        .expect("a wait without a bound");
}

/// The link's counters; its client's are to be settled later. An error is the row that is held, and nothing was moved.
pub fn settle_link(
    armed: Armed,
    wait: Wait,
    whose: Whose,
    owed: Owed<'_>,
    records: &[i64],
    clients: &mut ClientsOwe,
) -> Result<(), Subject> {
    if owed.is_nothing() {
        return Ok(());
    }
    let settled = counters::settle(armed, whose.link_id, owed, wait)?;
    excess::flag(armed, whose.link_id, settled.beyond, owed.released(), records);
    if let Some(client_id) = whose.client_id
        && settled
            .client_metered
            .unwrap_or_else(|| View::Fresh.look(|at| client_counters::is_metered(at, client_id)))
    {
        clients.add(client_id, owed.ends);
    }
    Ok(())
}

/// The slot of an attempt that came to nothing returns.
pub fn give_back(
    armed: Armed,
    wait: Wait,
    whose: Whose,
    reserved: i64,
    clients: &mut ClientsOwe,
) -> Result<(), Subject> {
    let owed = Owed {
        ends: &[(Counts::SLOT_BACK, reserved)],
        counted: 0,
    };
    settle_link(armed, wait, whose, owed, &[], clients)
}

/// The same where nothing else is moved.
pub fn give_back_now(armed: Armed, whose: Whose, reserved: i64) {
    let owed = Owed {
        ends: &[(Counts::SLOT_BACK, reserved)],
        counted: 0,
    };
    settle(armed, whose, owed, &[]);
}
