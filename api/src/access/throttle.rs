//! How many wrong passwords are looked at: the numbers, and the counting. What a source has earned by its own failures is
//! its own. Time is passed in, so that a day passes in a test at once.
//!
//! A known source, one that has logged this account in before, is judged by its own failures there and by nothing else.
//! Any other is judged also by its address's failures at all accounts, and by a budget that the account has for strangers.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::fading::{Key, Limit, Room, Table, limit};
use super::secret;

/// One source at one account.
const SOURCE: Limit = limit(5, 30);
/// One address, or an IPv6 customer's /64, at all accounts together. Above what one forgotten script can fail at one
/// account, so that the script never uses its office's share up.
const ADDRESS: Limit = limit(30, 20);
/// An IPv6 site (/48) has 65,536 such networks to choose from: it counts as three addresses.
const SITE: Limit = limit(90, 7);
/// One account, from all addresses together that are unknown to it: 10 + 120 in any hour.
const ACCOUNT: Limit = limit(10, 30);
/// When that is used up, from a part of the internet (/16, IPv6 /32) that has not failed at this account within an hour:
/// 30 + 40 more in any hour. So an owner on the road is let in while others guess.
const RESERVE: Limit = limit(30, 90);
const PART: Limit = limit(1, 3600);

/// In any hour, over all addresses unknown to an account, no more wrong passwords than this are looked at.
#[cfg(test)]
pub const STRANGERS_AN_HOUR: u32 = 200;

/// A short name for something of any length.
pub fn key(kind: &str, name: &[u8]) -> Key {
    let hash = secret::hash_parts(&[kind.as_bytes(), name]);
    hash.iter()
        .take(16)
        .fold(0, |key, byte| key << 8 | Key::from(*byte))
}

/// Who tries a password of which account. All that is hashed is hashed here, once, and not under the desk's lock.
#[derive(Debug, Clone, Copy)]
pub struct Who {
    pub account: Key,
    /// The source, whose attempts wait in one queue.
    pub source: Key,
    /// This source at this account.
    pair: Key,
    stranger: Option<Stranger>,
}

/// Under which names a stranger's failures are counted besides.
#[derive(Debug, Clone, Copy)]
struct Stranger {
    site: Option<Key>,
    part: Key,
}

impl Who {
    pub fn new(account: Key, source: Source) -> Self {
        let (source, stranger) = match source {
            Source::Known(source) => (source, None),
            Source::Stranger(address) => {
                let stranger = Stranger {
                    site: site(address),
                    part: part(account, address),
                };
                (network_key(address), Some(stranger))
            }
        };
        let pair = [account.to_be_bytes(), source.to_be_bytes()].concat();
        Who {
            account,
            source,
            pair: key("pair", &pair),
            stranger,
        }
    }

    pub fn is_known(&self) -> bool {
        self.stranger.is_none()
    }
}

#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// It has logged this account in before: an address, a browser, a session.
    Known(Key),
    Stranger(IpAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    Admitted(Taken),
    /// Others are being looked at: how they end decides.
    Undecided,
    Refused(Duration),
}

/// Where an attempt that was admitted is counted: one of the two budgets of an account, for a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Own,
    Ordinary,
    Reserve,
}

#[derive(Debug, Default)]
pub struct Limits {
    sources: Table,
    addresses: Table,
    sites: Table,
    accounts: Table,
    reserves: Table,
    parts: Table,
}

impl Limits {
    /// `Admitted` is counted as being looked at until `settle`.
    pub fn admit(&mut self, who: &Who, now: Instant) -> Judged {
        let judged = self.judge(who, now);
        if let Judged::Admitted(taken) = judged {
            self.each(who, taken, |table, key, limit| table.begin(key, limit, now));
        }
        judged
    }

    pub fn judge(&self, who: &Who, now: Instant) -> Judged {
        let own = self.sources.judge(who.pair, SOURCE, now);
        let Some(stranger) = who.stranger else {
            return all(Taken::Own, &[own]);
        };
        let (taken, account) = self.judge_account(who.account, stranger.part, now);
        let site = stranger
            .site
            .map_or(Room::Free, |site| self.sites.judge(site, SITE, now));
        let address = self.addresses.judge(who.source, ADDRESS, now);
        all(taken, &[own, address, site, account])
    }

    fn judge_account(&self, account: Key, part: Key, now: Instant) -> (Taken, Room) {
        let ordinary = self.accounts.judge(account, ACCOUNT, now);
        if ordinary == Room::Free {
            return (Taken::Ordinary, ordinary);
        }
        let part = self.parts.judge(part, PART, now);
        match (part, self.reserves.judge(account, RESERVE, now)) {
            (Room::Free, Room::Free) => (Taken::Reserve, Room::Free),
            (Room::None(_), _) | (_, Room::None(_)) => (Taken::Ordinary, ordinary),
            _ => (Taken::Ordinary, Room::Undecided),
        }
    }

    /// `right` is None when no password was looked at: nothing was guessed.
    pub fn settle(&mut self, who: &Who, taken: Taken, right: Option<bool>, now: Instant) {
        self.each(who, taken, |table, key, limit| {
            table.end(key, limit, right == Some(false), now)
        });
        if right == Some(true) {
            self.sources.forgive(who.pair);
        }
    }

    fn each(&mut self, who: &Who, taken: Taken, mut act: impl FnMut(&mut Table, Key, Limit)) {
        act(&mut self.sources, who.pair, SOURCE);
        let Some(stranger) = who.stranger else {
            return;
        };
        act(&mut self.addresses, who.source, ADDRESS);
        if let Some(site) = stranger.site {
            act(&mut self.sites, site, SITE);
        }
        act(&mut self.parts, stranger.part, PART);
        match taken {
            Taken::Reserve => act(&mut self.reserves, who.account, RESERVE),
            _ => act(&mut self.accounts, who.account, ACCOUNT),
        }
    }
}

fn all(taken: Taken, rooms: &[Room]) -> Judged {
    let wait = rooms
        .iter()
        .filter_map(|room| match room {
            Room::None(wait) => Some(*wait),
            _ => None,
        })
        .max();
    match wait {
        Some(wait) => Judged::Refused(wait),
        None if rooms.contains(&Room::Undecided) => Judged::Undecided,
        None => Judged::Admitted(taken),
    }
}

/// What counts as one address: an IPv6 customer has a /64 to choose addresses from.
pub fn network(address: IpAddr) -> IpAddr {
    masked(address, 32, 64)
}

pub fn network_key(address: IpAddr) -> Key {
    key("network", network(address).to_string().as_bytes())
}

fn site(address: IpAddr) -> Option<Key> {
    let address = masked(address, 32, 48);
    address
        .is_ipv6()
        .then(|| key("site", address.to_string().as_bytes()))
}

/// A part of the internet, as one account has seen it.
fn part(account: Key, address: IpAddr) -> Key {
    let part = masked(address, 16, 32).to_string();
    key("part", &[&account.to_be_bytes(), part.as_bytes()].concat())
}

fn masked(address: IpAddr, v4: u32, v6: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & (u32::MAX << (32 - v4))).into()),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & (u128::MAX << (128 - v6))).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::fading::MAX_ENTRIES;

    const HOUR: Duration = Duration::from_secs(3600);

    fn address(n: u32) -> IpAddr {
        // A thousand of them lie in a thousand parts of the internet.
        IpAddr::V4((0x0b00_0001 + (n << 16)).into())
    }

    fn account(name: &str) -> Key {
        key("account", name.as_bytes())
    }

    fn stranger(name: &str, address: IpAddr) -> Who {
        Who::new(account(name), Source::Stranger(address))
    }

    fn known(name: &str, source: &str) -> Who {
        Who::new(account(name), Source::Known(key("test", source.as_bytes())))
    }

    /// Whether the password was looked at.
    fn attempt(limits: &mut Limits, who: &Who, right: bool, now: Instant) -> bool {
        match limits.admit(who, now) {
            Judged::Admitted(taken) => {
                limits.settle(who, taken, Some(right), now);
                true
            }
            Judged::Undecided => panic!("nothing is being looked at"),
            Judged::Refused(wait) => {
                assert!(!wait.is_zero() && wait <= Duration::from_secs(30), "{wait:?}");
                false
            }
        }
    }

    #[test]
    fn a_source_gets_five_wrong_tries_and_then_one_in_thirty_seconds() {
        let mut limits = Limits::default();
        let start = Instant::now();
        for who in [
            stranger("alice", address(1)),
            known("bob", "office"),
            stranger("carol", "2001:db8::1".parse().unwrap()),
        ] {
            let looked_at = |seconds: std::ops::Range<u64>, limits: &mut Limits| {
                seconds
                    .filter(|s| attempt(limits, &who, false, start + Duration::from_secs(*s)))
                    .count()
            };
            assert_eq!(looked_at(0..20, &mut limits), 5, "{who:?}");
            assert_eq!(looked_at(20..920, &mut limits), 30, "{who:?}");
        }
    }

    #[test]
    fn a_thousand_addresses_get_two_hundred_wrong_tries_an_hour_at_one_account() {
        let mut limits = Limits::default();
        let start = Instant::now();
        let mut looked_at = std::collections::VecDeque::new();
        let mut most = 0;
        // Four times a second, for two hours and a half, and each moment's last hour.
        for n in 0..36_000_u32 {
            let now = start + Duration::from_millis(250) * n;
            if attempt(&mut limits, &stranger("alice", address(n % 1000)), false, now) {
                looked_at.push_back(now);
            }
            while looked_at.front().is_some_and(|first| now - *first >= HOUR) {
                looked_at.pop_front();
            }
            most = most.max(looked_at.len());
            // An address that has logged alice in before is let in all the while, and a stranger into other accounts.
            if n % 10 == 0 {
                assert!(attempt(&mut limits, &known("alice", "home"), true, now));
                let newcomer = stranger("bob", address(2000 + n % 1000));
                assert!(attempt(&mut limits, &newcomer, true, now));
            }
        }
        assert!(most <= STRANGERS_AN_HOUR as usize, "{most}");
    }

    #[test]
    fn an_address_without_failures_is_let_in_while_a_thousand_neighbours_guess() {
        let mut limits = Limits::default();
        let start = Instant::now();
        let owner = stranger("alice", "198.51.100.7".parse().unwrap());
        for n in 0..12_000_u32 {
            let now = start + Duration::from_millis(300) * n;
            // In four networks of the size /24, and in one /48.
            let guesser = match n % 2 {
                0 => IpAddr::V4((0xcb00_7100 + n % 1000).into()),
                _ => IpAddr::V6(((0x2001_0db8 << 96) + (u128::from(n % 1000) << 64)).into()),
            };
            attempt(&mut limits, &stranger("alice", guesser), false, now);
            assert!(attempt(&mut limits, &owner, true, now), "try {n}");
        }
    }

    #[test]
    fn an_address_gets_thirty_failures_whatever_the_names_and_then_three_a_minute() {
        let mut limits = Limits::default();
        let start = Instant::now();
        let guess = |limits: &mut Limits, n: u64, from: IpAddr, ms: u64| {
            let who = stranger(&format!("user{n}"), from);
            attempt(limits, &who, false, start + Duration::from_millis(ms))
        };
        let counted = (0..100)
            .filter(|n| guess(&mut limits, *n, address(1), 10 * n))
            .count();
        assert_eq!(counted, 30);
        let now = start + Duration::from_secs(1);
        assert!(!attempt(&mut limits, &stranger("bob", address(1)), true, now));
        assert!(attempt(&mut limits, &stranger("bob", address(2)), true, now));
        // Bob, who has logged in there before, has earned nothing of it.
        assert!(attempt(&mut limits, &known("bob", "address 1"), true, now));
        let counted = (0..600)
            .filter(|n| guess(&mut limits, 1000 + n, address(1), 1000 + 1000 * n))
            .count();
        // The thirtieth falls on the last second.
        assert!((29..=30).contains(&counted), "ten minutes: {counted}");
        // A customer's /64 is one address, a site's /48 three.
        let of_site =
            |n: u64| IpAddr::V6(((0x2001_0db8 << 96) + (u128::from(n % 300) << 64) + u128::from(n)).into());
        let counted = (0..1000)
            .filter(|n| guess(&mut limits, 5000 + n, of_site(*n), 0))
            .count();
        assert_eq!(counted, 90);
    }

    #[test]
    fn a_forgotten_script_does_not_use_its_office_s_share_up() {
        let mut limits = Limits::default();
        let start = Instant::now();
        let office = address(1);
        for every in [1, 7, 31, 59] {
            for n in 0..18_000 / every {
                let now = start + Duration::from_secs(n * every);
                attempt(&mut limits, &stranger("robot", office), false, now);
                assert!(attempt(&mut limits, &stranger("colleague", office), true, now));
            }
            limits = Limits::default();
        }
    }

    #[test]
    fn what_is_being_looked_at_is_counted_and_taken_back() {
        let mut limits = Limits::default();
        let now = Instant::now();
        let who = stranger("alice", address(1));
        let taken: Vec<Taken> = (0..5)
            .map(|_| match limits.admit(&who, now) {
                Judged::Admitted(taken) => taken,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(limits.admit(&who, now), Judged::Undecided);
        // Two were right, one was never looked at.
        limits.settle(&who, taken[0], Some(true), now);
        limits.settle(&who, taken[1], Some(true), now);
        limits.settle(&who, taken[2], None, now);
        for _ in 0..3 {
            assert!(matches!(limits.judge(&who, now), Judged::Admitted(_)));
            limits.admit(&who, now);
        }
        assert_eq!(limits.judge(&who, now), Judged::Undecided);
    }

    #[test]
    fn memory_is_bounded_and_who_fails_most_is_remembered() {
        let mut limits = Limits::default();
        let now = Instant::now();
        let guesser = stranger("alice", address(1));
        while attempt(&mut limits, &guesser, false, now) {}
        for n in 0..(MAX_ENTRIES as u32 + 5000) {
            attempt(
                &mut limits,
                &stranger(&format!("name{n}"), (0x0c00_0000 + n).into_v4()),
                false,
                now,
            );
        }
        for table in [
            &limits.sources,
            &limits.addresses,
            &limits.accounts,
            &limits.parts,
        ] {
            assert!(table.size() <= MAX_ENTRIES);
        }
        assert!(!attempt(&mut limits, &guesser, false, now));
    }

    trait IntoV4 {
        fn into_v4(self) -> IpAddr;
    }

    impl IntoV4 for u32 {
        fn into_v4(self) -> IpAddr {
            IpAddr::V4(self.into())
        }
    }
}
