//! Failed logins for the audit, so that guesses are seen there and never fill it: the first one at an account is told at once, those of
//! the next hour together at its end. Names that no account has are one account here, and are not told themselves: people type
//! passwords into the wrong field. So an hour adds a line for each account that is guessed at, and one more, however many guesses
//! there are. A right password counts as a failure when the code that is needed does not follow it. The service writes them every few seconds, apart from the requests: how long an answer takes tells nothing.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

/// Too short: guesses fill the audit. Too long: it tells of them late.
const TOGETHER: Duration = Duration::from_secs(3600);
/// Networks that are named; of a flood from many, the first ones.
const NAMED: usize = 8;

/// For a code after its password. Too short: who looks for the telephone has failed. Too long: it is told late.
const CODE: Duration = Duration::from_secs(300);

/// None: no account has that name.
pub type Account = Option<i64>;

#[derive(Debug, Default)]
pub struct Failures(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Account, Entry>,
    /// Since when a code is waited for, from an account and network.
    awaited: HashMap<(i64, String), Instant>,
}

#[derive(Debug, Default)]
struct Entry {
    told: Option<Instant>,
    untold: Option<Untold>,
}

/// What happened at one account since it was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    failures: u32,
    since: Timestamp,
    networks: Vec<String>,
}

impl Untold {
    /// As the audit shows it.
    pub fn told(&self) -> Value {
        json!({"failures": self.failures, "since": self.since.to_string(), "networks": self.networks})
    }

    fn add(&mut self, other: Untold) {
        self.failures = self.failures.saturating_add(other.failures);
        self.since = self.since.min(other.since);
        for network in other.networks {
            if self.networks.len() < NAMED && !self.networks.contains(&network) {
                self.networks.push(network);
            }
        }
    }
}

impl Entry {
    fn add(&mut self, more: Untold) {
        match &mut self.untold {
            Some(untold) => untold.add(more),
            untold => *untold = Some(more),
        }
    }
}

impl State {
    fn note(&mut self, account: Account, network: String) {
        let one = Untold {
            failures: 1,
            since: Timestamp::now(),
            networks: vec![network],
        };
        self.entries.entry(account).or_default().add(one);
    }

    /// The codes that do not come any more.
    fn give_up(&mut self, is_over: impl Fn(Instant) -> bool) {
        for ((account, network), since) in mem::take(&mut self.awaited) {
            if is_over(since) {
                self.note(Some(account), network);
            } else {
                self.awaited.insert((account, network), since);
            }
        }
    }
}

impl Failures {
    pub fn note(&self, account: Account, network: String) {
        self.with(|state| state.note(account, network));
    }

    /// The password was right, and the code is still to come.
    pub fn await_code(&self, account: i64, network: String, now: Instant) {
        self.with(|state| {
            state.awaited.entry((account, network)).or_insert(now);
        });
    }

    /// Right or wrong.
    pub fn code_came(&self, account: i64, network: String) {
        self.with(|state| state.awaited.remove(&(account, network)));
    }

    /// What is to be told now. Accounts of which nothing was heard for an hour are forgotten.
    pub fn take_due(&self, now: Instant) -> Vec<(Account, Untold)> {
        self.with(|state| {
            state.give_up(|since| now.saturating_duration_since(since) >= CODE);
            let entries = &mut state.entries;
            let is_due = |entry: &Entry| {
                entry
                    .told
                    .is_none_or(|told| now.saturating_duration_since(told) >= TOGETHER)
            };
            entries.retain(|_, entry| entry.untold.is_some() || !is_due(entry));
            let due = entries.iter_mut().filter(|(_, entry)| is_due(entry));
            due.filter_map(|(account, entry)| {
                let untold = entry.untold.take()?;
                entry.told = Some(now);
                Some((*account, untold))
            })
            .collect()
        })
    }

    /// All that is left, at the service's end.
    pub fn take_all(&self) -> Vec<(Account, Untold)> {
        self.with(|state| {
            state.give_up(|_| true);
            let all = state.entries.drain();
            all.filter_map(|(account, entry)| Some((account, entry.untold?)))
                .collect()
        })
    }

    /// It could not be written down: for the next time.
    pub fn give_back(&self, taken: Vec<(Account, Untold)>) {
        self.with(|state| {
            for (account, untold) in taken {
                let entry = state.entries.entry(account).or_default();
                entry.told = None;
                entry.add(untold);
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(taken: &[(Account, Untold)]) -> Vec<(Account, u32)> {
        let mut counts: Vec<_> = taken
            .iter()
            .map(|(account, untold)| (*account, untold.failures))
            .collect();
        counts.sort_unstable();
        counts
    }

    #[test]
    fn a_flood_is_a_line_an_account_and_hour() {
        let failures = Failures::default();
        let start = Instant::now();
        let mut lines = 0;
        for second in 0..3 * 3600 {
            for n in 0..5 {
                failures.note(Some(n % 2), format!("192.0.2.{}", second % 200));
                failures.note(None, "198.51.100.1".into());
            }
            lines += failures.take_due(start + Duration::from_secs(second)).len();
        }
        // The first one at once, and one at the end of each hour.
        assert_eq!(lines, 3 * 3);
        let left = failures.take_all();
        assert_eq!(counts(&left).len(), 3);
        assert!(left.iter().all(|(_, untold)| untold.networks.len() <= NAMED));
        assert!(failures.take_all().is_empty());
    }

    #[test]
    fn what_could_not_be_written_is_told_later_and_what_is_old_is_forgotten() {
        let failures = Failures::default();
        let start = Instant::now();
        failures.note(Some(7), "192.0.2.1".into());
        let taken = failures.take_due(start);
        failures.note(Some(7), "192.0.2.2".into());
        failures.give_back(taken);
        let taken = failures.take_due(start);
        assert_eq!(counts(&taken), [(Some(7), 2)]);
        assert_eq!(taken[0].1.networks.len(), 2);
        assert!(failures.take_due(start).is_empty());
        assert!(failures.take_due(start + TOGETHER).is_empty());
        assert!(failures.0.lock().unwrap().entries.is_empty());
    }

    #[test]
    fn a_right_password_fails_when_no_code_follows() {
        let failures = Failures::default();
        let start = Instant::now();
        let here = || "192.0.2.1".to_owned();
        for account in [7, 8] {
            failures.await_code(account, here(), start);
        }
        failures.await_code(7, "192.0.2.2".into(), start);
        failures.code_came(7, here());
        assert!(failures.take_due(start + CODE / 2).is_empty());
        // Asked for once more it is no later.
        failures.await_code(8, here(), start + CODE / 2);
        assert_eq!(
            counts(&failures.take_due(start + CODE)),
            [(Some(7), 1), (Some(8), 1)]
        );
        failures.await_code(9, here(), start + CODE);
        assert_eq!(counts(&failures.take_all()), [(Some(9), 1)]);
        assert!(failures.take_all().is_empty());
    }
}
