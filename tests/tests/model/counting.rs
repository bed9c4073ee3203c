//! What the model's calls move: the windows that they begin, and what they have used of those that are open.

use std::collections::BTreeMap;

use super::meters::{SPANS, Subject, Tally, Window, bounds, present};
use super::rows::{Micros, Overflowed, Parties, Record};
use super::world::{Learn, World};

/// What becomes of a call. `reserved`: when its slot was, or the instant that it counts at; `first`: the same of its first slot.
pub struct End {
    pub parties: Parties,
    pub change: Tally,
    pub reserved: Micros,
    pub first: Micros,
    pub overflow: Overflowed,
}

impl World {
    /// What a call is counted by beside its link and its client, which it moves by each attempt: since its first slot, and by a campaign
    /// that it overflowed to since its first slot there.
    pub fn above(parties: &Parties, overflow: &Overflowed, first: Micros) -> Vec<(Subject, Micros)> {
        // A number's and a campaign's is its owner's.
        let of_seller = [
            parties.did.map(|id| (Subject::Did(id), first)),
            parties
                .campaign
                .map(|id| (Subject::Campaign(id), overflow.at.unwrap_or(first))),
            overflow.from.map(|id| (Subject::Campaign(id), first)),
            parties.user.map(|id| (Subject::Seller(id), first)),
        ];
        of_seller
            .into_iter()
            .flatten()
            .filter(|_| parties.user.is_some())
            .collect()
    }

    pub fn zone_of(&self, subject: Subject) -> Micros {
        let whose = match subject {
            Subject::Link(id) => self.links.get(&id).map(|link| Subject::Client(link.client)),
            Subject::Did(id) => self.dids.get(&id).map(|did| Subject::Seller(did.user)),
            Subject::Campaign(id) => self.campaigns.get(&id).map(|c| Subject::Seller(c.user)),
            whose => Some(whose),
        };
        whose
            .and_then(|whose| self.zones.get(&whose))
            .copied()
            .unwrap_or(0)
    }

    pub fn present_window(&self, subject: Subject, span: &'static str, at: Micros) -> Window {
        let zone = self.zone_of(subject);
        let meter = self.rows.meters.get(&subject);
        match meter.and_then(|meter| meter.windows.get(span)) {
            Some(window) => present(span, window, at, zone),
            None => {
                let (start, end) = bounds(span, at, zone);
                Window {
                    start,
                    end,
                    zone,
                    used: Tally::default(),
                }
            }
        }
    }

    /// Windows that are over make place for the present ones; the first begin with the first call.
    fn begin(&mut self, subject: Subject, at: Micros) {
        let zone = self.zone_of(subject);
        let Some(meter) = self.rows.meters.get_mut(&subject) else {
            return;
        };
        if meter.windows.is_empty() {
            meter.windows.extend(SPANS.map(|span| {
                let window = Window {
                    start: at,
                    end: bounds(span, at, zone).1,
                    zone,
                    used: Tally::default(),
                };
                (span, window)
            }));
        }
        for (span, window) in &mut meter.windows {
            let new = present(span, window, at, zone);
            if new.start != window.start {
                self.purged.remove(&(subject, *span));
            }
            *window = new;
        }
    }

    /// No call of these belongs to an instant before.
    pub fn reserves_at(&self, subjects: &[Subject], at: Micros) -> Micros {
        let metered = subjects
            .iter()
            .filter_map(|subject| self.rows.meters.get(subject)?.from());
        metered.fold(at, Micros::max)
    }

    /// Slots reserved: asked for at one instant, and reserved at that or a later one.
    pub fn offer(&mut self, subjects: &[Subject], asked_at: Micros, reserved: Micros) {
        for subject in subjects {
            self.begin(*subject, reserved);
            if let Some(meter) = self.rows.meters.get_mut(subject) {
                meter.add(Tally::OFFER, reserved);
                if !matches!(subject, Subject::Link(_)) {
                    meter.reserved_at = Some(asked_at);
                }
            }
        }
    }

    /// What becomes of calls, all in one transaction.
    pub fn settle(&mut self, ends: &[End], now: Micros, after: Micros) {
        let mut owed: BTreeMap<Subject, Vec<(Tally, Micros)>> = BTreeMap::new();
        for end in ends {
            if let Some(link) = end.parties.link {
                let subject = Subject::Link(link);
                owed.entry(subject).or_default().push((end.change, end.reserved));
            }
            if end.change == Tally::default() {
                continue;
            }
            if let Some(client) = end.parties.client {
                let subject = Subject::Client(client);
                owed.entry(subject).or_default().push((end.change, end.reserved));
            }
            for (subject, reserved) in World::above(&end.parties, &end.overflow, end.first) {
                owed.entry(subject).or_default().push((end.change, reserved));
            }
        }
        for (subject, ends) in owed {
            if ends.iter().any(|(change, _)| *change != Tally::default()) {
                self.settle_subject(subject, &ends, now, after);
            }
        }
    }

    fn settle_subject(&mut self, subject: Subject, ends: &[(Tally, Micros)], now: Micros, after: Micros) {
        let Some(meter) = self.rows.meters.get_mut(&subject) else {
            return;
        };
        let latest = ends.iter().map(|(_, reserved)| *reserved).max().expect("an end");
        let Some(until) = meter.windows.values().map(|window| window.end).min() else {
            // Of a call that nothing was reserved for: the next call's windows are there before it.
            ends.iter()
                .for_each(|(change, reserved)| meter.add(*change, *reserved));
            self.begin(subject, now.max(latest + 1));
            self.learn.push(Learn::WindowsBegin(
                subject,
                now.max(latest + 1),
                after.max(latest + 1),
            ));
            return;
        };
        let (later, earlier): (Vec<_>, Vec<_>) = ends.iter().partition(|(_, reserved)| *reserved >= until);
        earlier
            .iter()
            .for_each(|(change, reserved)| meter.add(*change, *reserved));
        if let Some(begun) = later.iter().map(|(_, reserved)| *reserved).min() {
            self.begin(subject, begun);
            let meter = self.rows.meters.get_mut(&subject).expect("it is there");
            later
                .iter()
                .for_each(|(change, reserved)| meter.add(*change, *reserved));
        }
    }

    /// Of a call that is purged: what was unsettled is so no longer, the rest stays used.
    pub fn purge_use(&mut self, id: &str, record: &Record) {
        let unsettled = Tally {
            unsettled: -Tally::of(record).unsettled,
            ..Tally::default()
        };
        let first = self.first_attempt(id).unwrap_or(record.counts_at());
        let own = [
            record.parties.link.map(Subject::Link),
            record.parties.client.map(Subject::Client),
        ];
        let above = World::above(&record.parties, &record.overflow, first);
        let counted = own.into_iter().flatten().map(|s| (s, record.counts_at()));
        for (subject, at) in counted.chain(above).collect::<Vec<_>>() {
            if let Some(meter) = self.rows.meters.get_mut(&subject) {
                meter.add(unsettled, at);
            }
        }
        let mut gone: Vec<(i64, Micros, Tally)> = self
            .rows
            .attempts
            .iter()
            .filter(|((call, _), _)| call == id)
            .map(|(_, attempt)| {
                (
                    attempt.link_id,
                    attempt.started_at,
                    Tally {
                        active: 0,
                        ..Tally::OFFER
                    },
                )
            })
            .collect();
        let settled = Tally {
            unsettled: 0,
            ..record.comes_to()
        };
        gone.extend(
            record
                .parties
                .link
                .map(|link| (link, record.counts_at(), settled)),
        );
        for (link, at, tally) in gone {
            let subject = Subject::Link(link);
            let Some(meter) = self.rows.meters.get(&subject) else {
                continue;
            };
            for (span, window) in &meter.windows {
                if at >= window.start {
                    let purged = self.purged.entry((subject, span)).or_default();
                    *purged = purged.plus(tally);
                }
            }
        }
    }

    /// When the first attempt of a call began, if that one has failed.
    pub fn first_attempt(&self, id: &str) -> Option<Micros> {
        let attempt = self.rows.attempts.get(&(id.to_owned(), 1));
        attempt.map(|attempt| attempt.started_at)
    }
}

impl Record {
    /// Without a reservation at its start, but not later than it was made.
    pub fn counts_at(&self) -> Micros {
        self.reserved_at
            .unwrap_or_else(|| self.started_at.min(self.created_at))
    }

    /// With the slot that it had.
    pub fn comes_to(&self) -> Tally {
        Tally {
            offered: i64::from(self.reserved_at.is_some()),
            ..Tally::of(self)
        }
    }
}
