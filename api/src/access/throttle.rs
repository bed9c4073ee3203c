//! Slows down the guessing of passwords. Per account five attempts a minute, then waits that double up to 30 seconds, for
//! unknown names alike; per address thirty failures a minute. A success clears the account. An account is never locked:
//! the longest wait is 30 seconds. Memory is bounded: when full, the entries that matter least go first.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::secret;

const WINDOW: Duration = Duration::from_secs(60);
const ACCOUNT_ATTEMPTS: u32 = 5;
const ADDRESS_ATTEMPTS: u32 = 30;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Some 100 bytes each.
const MAX_ENTRIES: usize = 20_000;

#[derive(Debug, Default)]
pub struct Throttle {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<secret::Hash, Entry>,
    addresses: HashMap<IpAddr, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last: Instant,
    blocked_until: Option<Instant>,
}

/// An attempt counts as failed from its start, so that many at once do not slip through; `succeeded` takes it back.
#[derive(Debug)]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    account: secret::Hash,
    address: IpAddr,
}

impl Throttle {
    /// `Err` is how long to wait.
    pub fn attempt(&self, account: &str, address: IpAddr) -> Result<Attempt<'_>, Duration> {
        self.attempt_at(account, address, Instant::now())
    }

    fn attempt_at(&self, account: &str, address: IpAddr, now: Instant) -> Result<Attempt<'_>, Duration> {
        // Hashed: an entry has one size, however long the name is.
        let account = secret::hash(&account.to_lowercase());
        let address = network(address);
        let mut state = self.lock();
        let wait = wait_for(&state.accounts, &account, now).max(wait_for(&state.addresses, &address, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        count(&mut state.accounts, account, now, account_wait);
        count(&mut state.addresses, address, now, address_wait);
        Ok(Attempt {
            throttle: self,
            account,
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave the maps half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// No password was looked at, because the database was away or too many waited: nothing was guessed, and an outage
    /// must not shut people out after its end.
    pub fn withdrawn(&self) {
        let mut state = self.throttle.lock();
        take_back(&mut state.accounts, &self.account, account_wait);
        take_back(&mut state.addresses, &self.address, address_wait);
    }

    /// The password was right: the account starts anew, the address gets this attempt back.
    pub fn succeeded(self) {
        let mut state = self.throttle.lock();
        state.accounts.remove(&self.account);
        if let Some(entry) = state.addresses.get_mut(&self.address) {
            entry.failures = entry.failures.saturating_sub(1);
            entry.blocked_until = None;
        }
    }
}

fn account_wait(failures: u32) -> Option<Duration> {
    let over = failures.checked_sub(ACCOUNT_ATTEMPTS)?;
    Some(Duration::from_secs(2 << over.min(8)).min(LONGEST_WAIT))
}

fn address_wait(failures: u32) -> Option<Duration> {
    (failures >= ADDRESS_ATTEMPTS).then_some(LONGEST_WAIT)
}

/// As if this attempt had not been made; what others did meanwhile stays.
fn take_back<K: Eq + Hash>(entries: &mut HashMap<K, Entry>, key: &K, wait: impl Fn(u32) -> Option<Duration>) {
    if let Some(entry) = entries.get_mut(key) {
        entry.failures = entry.failures.saturating_sub(1);
        entry.blocked_until = wait(entry.failures).map(|wait| entry.last + wait);
    }
}

/// An IPv6 customer has a /64 to choose addresses from, so that is one address here.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

fn wait_for<K: Eq + Hash>(entries: &HashMap<K, Entry>, key: &K, now: Instant) -> Duration {
    entries
        .get(key)
        .and_then(|entry| entry.blocked_until)
        .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
}

fn count<K: Eq + Hash + Clone>(
    entries: &mut HashMap<K, Entry>,
    key: K,
    now: Instant,
    wait: impl Fn(u32) -> Option<Duration>,
) {
    if entries.len() >= MAX_ENTRIES && !entries.contains_key(&key) {
        make_room(entries, now);
    }
    let entry = entries.entry(key).or_insert(Entry {
        failures: 0,
        last: now,
        blocked_until: None,
    });
    if now.duration_since(entry.last) > WINDOW {
        entry.failures = 0;
    }
    entry.failures = entry.failures.saturating_add(1);
    entry.last = now;
    entry.blocked_until = wait(entry.failures).map(|wait| now + wait);
}

/// Drops what is over; if that is not enough, a tenth: those with the fewest failures.
fn make_room<K: Eq + Hash + Clone>(entries: &mut HashMap<K, Entry>, now: Instant) {
    entries.retain(|_, entry| now.duration_since(entry.last) <= WINDOW);
    if entries.len() < MAX_ENTRIES {
        return;
    }
    let mut order: Vec<(u32, Instant, K)> = entries
        .iter()
        .map(|(k, e)| (e.failures, e.last, k.clone()))
        .collect();
    order.sort_by_key(|(failures, last, _)| (*failures, *last));
    for (_, _, key) in order.into_iter().take(MAX_ENTRIES / 10) {
        entries.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn other(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    #[test]
    fn five_attempts_then_doubling_waits_up_to_thirty_seconds() {
        let throttle = Throttle::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for n in 0..12 {
            loop {
                match throttle.attempt_at("Alice", other(n), now) {
                    Ok(_) => break,
                    Err(wait) => {
                        waits.push(wait.as_secs());
                        now += wait;
                    }
                }
            }
        }
        assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_success_clears_and_another_account_is_free() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..5 {
            throttle.attempt_at("alice", other(n), now).unwrap();
        }
        assert!(throttle.attempt_at("ALICE", HOME, now).is_err());
        assert!(throttle.attempt_at("bob", HOME, now).is_ok());
        throttle
            .attempt_at("alice", HOME, now + Duration::from_secs(3))
            .unwrap()
            .succeeded();
        assert!(
            throttle
                .attempt_at("alice", HOME, now + Duration::from_secs(3))
                .is_ok()
        );
    }

    #[test]
    fn what_was_not_looked_at_is_no_attempt() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..100 {
            throttle.attempt_at("alice", HOME, now).unwrap().withdrawn();
        }
        let first = throttle.attempt_at("alice", HOME, now).unwrap();
        for _ in 0..4 {
            throttle.attempt_at("alice", HOME, now).unwrap();
        }
        assert!(throttle.attempt_at("alice", HOME, now).is_err());
        first.withdrawn();
        // Four others were real: the fifth is free, the sixth waits.
        throttle.attempt_at("alice", HOME, now).unwrap();
        assert!(throttle.attempt_at("alice", HOME, now).is_err());
    }

    #[test]
    fn an_address_gets_thirty_failures_whatever_the_names() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..30 {
            throttle.attempt_at(&format!("user{n}"), HOME, now).unwrap();
        }
        assert!(throttle.attempt_at("user99", HOME, now).is_err());
        assert!(throttle.attempt_at("user99", other(1), now).is_ok());
        for _ in 0..100 {
            throttle.attempt_at("busy", other(7), now).unwrap().succeeded();
        }
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for n in 0..(MAX_ENTRIES as u32 + 5000) {
            let _ = throttle.attempt_at(&format!("name{n}"), other(n), now);
        }
        let state = throttle.lock();
        assert!(state.accounts.len() <= MAX_ENTRIES && state.addresses.len() <= MAX_ENTRIES);
    }
}
