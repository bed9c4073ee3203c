//! Counts of failures that fade: one less for each period that has passed, whether or not others follow. Memory is bounded: a
//! full table drops the entries with the fewest failures first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Of each kind of thing that is counted.
pub const MAX_ENTRIES: usize = 20_000;

pub type Key = u128;

/// So many failures at once, and then one for each period.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    burst: u32,
    period: Duration,
}

pub const fn limit(burst: u32, seconds: u64) -> Limit {
    Limit {
        burst,
        period: Duration::from_secs(seconds),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Free,
    /// It depends on how the attempts end that are being checked.
    Undecided,
    /// No room before this time has passed.
    None(Duration),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: f64,
    at: Instant,
    looked_at: u32,
}

impl Entry {
    fn failures(&self, limit: Limit, now: Instant) -> f64 {
        let faded = now.saturating_duration_since(self.at).as_secs_f64() / limit.period.as_secs_f64();
        (self.failures - faded).max(0.0)
    }
}

#[derive(Debug, Default)]
pub struct Table(HashMap<Key, Entry>);

impl Table {
    pub fn judge(&self, key: Key, limit: Limit, now: Instant) -> Room {
        let Some(entry) = self.0.get(&key) else {
            return Room::Free;
        };
        let burst = f64::from(limit.burst);
        let failures = entry.failures(limit, now);
        if failures + 1.0 > burst {
            let wait = limit.period.mul_f64(failures + 1.0 - burst);
            return Room::None(wait.max(Duration::from_millis(1)));
        }
        if failures + f64::from(entry.looked_at) + 1.0 > burst {
            return Room::Undecided;
        }
        Room::Free
    }

    /// One more attempt is being checked.
    pub fn begin(&mut self, key: Key, limit: Limit, now: Instant) {
        if self.0.len() >= MAX_ENTRIES && !self.0.contains_key(&key) {
            self.make_room(limit, now);
        }
        let entry = self.0.entry(key).or_insert(Entry {
            failures: 0.0,
            at: now,
            looked_at: 0,
        });
        entry.looked_at += 1;
    }

    pub fn end(&mut self, key: Key, limit: Limit, failed: bool, now: Instant) {
        let Some(entry) = self.0.get_mut(&key) else {
            return;
        };
        let more = if failed { 1.0 } else { 0.0 };
        entry.failures = (entry.failures(limit, now) + more).min(f64::from(limit.burst));
        entry.at = now;
        entry.looked_at = entry.looked_at.saturating_sub(1);
        if entry.looked_at == 0 && entry.failures == 0.0 {
            self.0.remove(&key);
        }
    }

    /// As if nothing had failed.
    pub fn forgive(&mut self, key: Key) {
        if let Some(entry) = self.0.get_mut(&key) {
            entry.failures = 0.0;
            if entry.looked_at == 0 {
                self.0.remove(&key);
            }
        }
    }

    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Drops what has faded; if that is not enough, a tenth: those with the fewest failures.
    fn make_room(&mut self, limit: Limit, now: Instant) {
        self.0
            .retain(|_, entry| entry.looked_at > 0 || entry.failures(limit, now) > 0.0);
        if self.0.len() < MAX_ENTRIES {
            return;
        }
        let mut order: Vec<(f64, Key)> = self
            .0
            .iter()
            .filter(|(_, entry)| entry.looked_at == 0)
            .map(|(key, entry)| (entry.failures(limit, now), *key))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, key) in order.into_iter().take(MAX_ENTRIES / 10) {
            self.0.remove(&key);
        }
    }
}
