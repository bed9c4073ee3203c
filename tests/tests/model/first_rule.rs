//! A subject's first rule in the model: from then on its calls are counted, those that it has had among them.

use std::collections::BTreeMap;

use super::meters::{Meter, SPANS, Subject, Tally, Window, bounds, present};
use super::rows::Micros;
use super::world::World;

impl World {
    /// Each attempt, as links and clients count it: of which link and client, when, and what it came to.
    fn attempts(&self) -> impl Iterator<Item = (i64, i64, Micros, Tally)> {
        let failed = self.rows.attempts.values().map(|attempt| {
            let offered = Tally {
                active: 0,
                ..Tally::OFFER
            };
            (attempt.link_id, attempt.client_id, attempt.started_at, offered)
        });
        let calls = self.rows.calls.values().filter(|call| call.holds_slot);
        let up = calls.map(|call| (call.link_id, call.client_id, call.attempt_at, Tally::OFFER));
        let records = self.rows.records.values().filter_map(|record| {
            let (link, client) = (record.parties.link?, record.parties.client?);
            Some((link, client, record.counts_at(), record.comes_to()))
        });
        failed.chain(up).chain(records)
    }

    /// Each call, as numbers, campaigns and sellers count it: by which of them, when, and what it came to.
    fn calls(&self) -> impl Iterator<Item = (Vec<(Subject, Micros)>, Tally)> {
        let first = |id: &String| self.rows.attempts.get(&(id.clone(), 1)).map(|a| a.started_at);
        let up = self.rows.calls.iter().map(move |(id, call)| {
            let tally = Tally {
                active: i64::from(call.holds_slot),
                ..Tally::OFFER
            };
            let first = first(id).unwrap_or(call.attempt_at);
            (World::above(&call.parties(), &call.overflow, first), tally)
        });
        let records = self.rows.records.iter().map(move |(id, record)| {
            let tally = Tally {
                offered: i64::from(record.reserved_at.is_some() || first(id).is_some()),
                ..record.comes_to()
            };
            let first = first(id).unwrap_or(record.counts_at());
            (World::above(&record.parties, &record.overflow, first), tally)
        });
        up.chain(records)
    }

    /// The first rule of a subject: from here on its calls are counted, those that it has had among them.
    pub fn meter(&mut self, subject: Subject, now: Micros) {
        if self.rows.meters.contains_key(&subject) || !self.is_there(subject) {
            return;
        }
        let meter = match subject {
            Subject::Link(_) => return,
            Subject::Client(client) => self.client_meter(client, now),
            _ => self.call_meter(subject, now),
        };
        self.rows.meters.insert(subject, meter);
    }

    /// Of a number, a campaign or a seller: its calls that are known, in the windows of the calendar.
    fn call_meter(&self, subject: Subject, now: Micros) -> Meter {
        let mine: Vec<(Micros, Tally)> = self
            .calls()
            .flat_map(|(counted, tally)| counted.into_iter().map(move |(by, at)| (by, at, tally)))
            .filter(|(by, ..)| *by == subject)
            .map(|(_, at, tally)| (at, tally))
            .collect();
        let owner = match subject {
            Subject::Did(id) => self.dids[&id].user,
            Subject::Campaign(id) => self.campaigns[&id].user,
            other => other.id(),
        };
        let up = self.rows.calls.values().filter(|call| call.user_id == owner);
        let instant = up.map(|call| call.attempt_at).fold(now, Micros::max);
        let zone = self.zone_of(subject);
        let windows = SPANS.map(|span| {
            let (start, end) = bounds(span, instant, zone);
            let used = Tally::sum(
                mine.iter()
                    .filter(|(at, _)| *at >= start)
                    .map(|(_, tally)| *tally),
            );
            let window = Window {
                start,
                end,
                zone,
                used,
            };
            (span, window)
        });
        Meter {
            life: Tally::sum(mine.iter().map(|(_, tally)| *tally)),
            windows: windows.into(),
            reserved_at: None,
            seats: None,
        }
    }

    /// Of a client: what its links have had, and what is known of calls of those that are gone; in the windows of its links.
    fn client_meter(&mut self, client: i64, now: Micros) -> Meter {
        let zone = self.zone_of(Subject::Client(client));
        let links: Vec<i64> = self
            .links
            .iter()
            .filter(|(_, link)| link.client == client)
            .map(|(id, _)| *id)
            .collect();
        let had_others = self.gone.iter().any(|(_, whose)| *whose == client);
        let of_gone = |link: &i64| self.gone.contains(&(*link, client)) && !links.contains(link);
        let mut life = Tally::sum(links.iter().map(|id| self.rows.meters[&Subject::Link(*id)].life));
        let gone = self.attempts().filter(|(link, ..)| of_gone(link));
        life = life.plus(Tally::sum(gone.map(|(.., tally)| tally)));
        let mut windows = BTreeMap::new();
        for span in SPANS {
            let of_links: Vec<(i64, Window, bool)> = links
                .iter()
                .filter_map(|id| {
                    let window = self.rows.meters[&Subject::Link(*id)].windows.get(span)?;
                    let new = present(span, window, now, zone);
                    let goes_on = new.start == window.start;
                    Some((*id, new, goes_on))
                })
                .collect();
            let any_goes_on = of_links.iter().any(|(.., goes_on)| *goes_on);
            let open = || of_links.iter().filter(|(.., goes_on)| *goes_on || !any_goes_on);
            let mut start = open().map(|(_, window, _)| window.start).min();
            let mut end = open().map(|(_, window, _)| window.end).max();
            if had_others {
                let present = bounds(span, now, zone);
                start = Some(start.map_or(present.0, |start| start.min(present.0)));
                end = end.or(Some(present.1));
            }
            if let (Some(start), Some(end)) = (start, end) {
                let known = self
                    .attempts()
                    .filter(|(_, whose, at, _)| *whose == client && *at >= start);
                let purged = open()
                    .filter(|(.., goes_on)| *goes_on)
                    .filter_map(|(id, ..)| self.purged.get(&(Subject::Link(*id), span)));
                let used = Tally::sum(known.map(|(.., tally)| tally)).plus(Tally::sum(purged.copied()));
                windows.insert(
                    span,
                    Window {
                        start,
                        end,
                        zone,
                        used,
                    },
                );
            }
        }
        self.gone.retain(|(_, whose)| *whose != client);
        Meter {
            life,
            windows,
            reserved_at: None,
            seats: None,
        }
    }
}
