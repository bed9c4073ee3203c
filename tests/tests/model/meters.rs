//! The model's windows: what each subject of caps has used, by counters of their own for life and for each window. The database keeps
//! counters for life and marks instead; so nothing here subtracts. Zones are those that have no summer: a shift of UTC.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::rows::{Micros, Parties, Record};
use super::world::{SECOND, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Link(i64),
    Client(i64),
    Did(i64),
    Campaign(i64),
    Seller(i64),
}

impl Subject {
    pub fn id(self) -> i64 {
        let (Subject::Link(id)
        | Subject::Client(id)
        | Subject::Did(id)
        | Subject::Campaign(id)
        | Subject::Seller(id)) = self;
        id
    }

    pub fn kind(self) -> &'static str {
        match self {
            Subject::Link(_) => "link",
            Subject::Client(_) => "client",
            Subject::Did(_) => "did",
            Subject::Campaign(_) => "campaign",
            Subject::Seller(_) => "seller",
        }
    }
}

pub const SPANS: [&str; 4] = ["hour", "day", "week", "month"];
pub const ZONES: [(&str, Micros); 2] = [("UTC", 0), ("Asia/Kathmandu", 20_700 * SECOND)];

/// What calls come to, or by how much that changes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    pub active: i64,
    /// Closed as LOST, and nobody knows what it counts.
    pub unsettled: i64,
    pub offered: i64,
    pub answered: i64,
    pub qualified: i64,
}

impl Tally {
    pub const OFFER: Tally = Tally {
        active: 1,
        unsettled: 0,
        offered: 1,
        answered: 0,
        qualified: 0,
    };

    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            active: self.active + other.active,
            unsettled: self.unsettled + other.unsettled,
            offered: self.offered + other.offered,
            answered: self.answered + other.answered,
            qualified: self.qualified + other.qualified,
        }
    }

    pub fn negative(self) -> Tally {
        Tally {
            active: -self.active,
            unsettled: -self.unsettled,
            offered: -self.offered,
            answered: -self.answered,
            qualified: -self.qualified,
        }
    }

    /// What a record comes to.
    pub fn of(record: &Record) -> Tally {
        let is_open = record.status == "LOST" && record.reserved_at.is_some();
        if is_open && !(record.counted && record.qualified) {
            return Tally {
                unsettled: 1,
                ..Tally::default()
            };
        }
        Tally {
            answered: i64::from(record.counted),
            qualified: i64::from(record.qualified),
            ..Tally::default()
        }
    }

    /// Its slot returns.
    pub fn without_slot(self, held: bool) -> Tally {
        Tally {
            active: self.active - i64::from(held),
            ..self
        }
    }

    fn sum(of: impl Iterator<Item = Tally>) -> Tally {
        of.fold(Tally::default(), Tally::plus)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub start: Micros,
    pub end: Micros,
    pub zone: Micros,
    pub used: Tally,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meter {
    pub life: Tally,
    /// None before the first call.
    pub windows: BTreeMap<&'static str, Window>,
    /// Of what is above links; theirs is a counter.
    pub reserved_at: Option<Micros>,
}

impl Meter {
    /// No call is reserved before.
    pub fn from(&self) -> Option<Micros> {
        self.windows.values().map(|window| window.start).max()
    }

    fn add(&mut self, change: Tally, reserved: Micros) {
        self.life = self.life.plus(change);
        for window in self.windows.values_mut() {
            if reserved >= window.start {
                window.used = window.used.plus(change);
            }
        }
    }
}

/// Where the window of an instant begins and ends.
pub fn bounds(span: &str, at: Micros, zone: Micros) -> (Micros, Micros) {
    const HOUR: Micros = 3_600 * SECOND;
    const DAY: Micros = 24 * HOUR;
    let local = at + zone;
    let day = local.div_euclid(DAY);
    let (start, end) = match span {
        "hour" => (local.div_euclid(HOUR) * HOUR, (local.div_euclid(HOUR) + 1) * HOUR),
        "day" => (day * DAY, (day + 1) * DAY),
        // The first day was a Thursday.
        "week" => {
            let monday = day - (day + 3).rem_euclid(7);
            (monday * DAY, (monday + 7) * DAY)
        }
        _ => {
            let epoch = Date::constant(1970, 1, 1);
            let date = epoch + jiff::Span::new().days(day);
            let days = |date: Date| Micros::from((date - epoch).get_days());
            let first = days(date.first_of_month());
            (first * DAY, (first + Micros::from(date.days_in_month())) * DAY)
        }
    };
    (start - zone, end - zone)
}

/// The window that a call of this instant belongs to: this one, or the one that begins when it is over.
fn present(span: &str, window: &Window, at: Micros, zone: Micros) -> Window {
    if window.end > at {
        return window.clone();
    }
    let goes_on = if window.zone == zone {
        // Its end was no boundary: the clock was moved, as a law moves it.
        bounds(span, window.start + (window.end - window.start) / 2, zone).1
    } else {
        // The first one of the new zone.
        match bounds(span, window.end, zone) {
            (start, _) if start == window.end => start,
            (_, end) => end,
        }
    };
    if goes_on > at {
        return Window {
            end: goes_on,
            zone,
            ..window.clone()
        };
    }
    let (start, end) = bounds(span, at, zone);
    Window {
        start: start.max(window.end),
        end,
        zone,
        used: Tally::default(),
    }
}

/// What becomes of a call. `reserved`: when its slot was, or the instant that it counts at; `first`: the same of its first slot.
pub struct End {
    pub parties: Parties,
    pub change: Tally,
    pub reserved: Micros,
    pub first: Micros,
}

impl World {
    /// What a call is counted by beside its link and its client, which it moves by each attempt.
    fn above(parties: &Parties) -> Vec<Subject> {
        // A number's and a campaign's is its owner's.
        let of_seller = [
            parties.did.map(Subject::Did),
            parties.campaign.map(Subject::Campaign),
            parties.user.map(Subject::Seller),
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
            for subject in World::above(&end.parties) {
                owed.entry(subject).or_default().push((end.change, end.first));
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
            self.learn.push(super::world::Learn::WindowsBegin(
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

    /// Each call, as numbers, campaigns and sellers count it.
    fn calls(&self) -> impl Iterator<Item = (Parties, Micros, Tally)> {
        let first = |id: &String| self.rows.attempts.get(&(id.clone(), 1)).map(|a| a.started_at);
        let up = self.rows.calls.iter().map(move |(id, call)| {
            let tally = Tally {
                active: i64::from(call.holds_slot),
                ..Tally::OFFER
            };
            (call.parties(), first(id).unwrap_or(call.attempt_at), tally)
        });
        let records = self.rows.records.iter().map(move |(id, record)| {
            let tally = Tally {
                offered: i64::from(record.reserved_at.is_some() || first(id).is_some()),
                ..record.comes_to()
            };
            (record.parties, first(id).unwrap_or(record.counts_at()), tally)
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
            .filter(|(parties, ..)| World::above(parties).contains(&subject))
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
        let above = World::above(&record.parties).into_iter().map(|s| (s, first));
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
    fn comes_to(&self) -> Tally {
        Tally {
            offered: i64::from(self.reserved_at.is_some()),
            ..Tally::of(self)
        }
    }
}
