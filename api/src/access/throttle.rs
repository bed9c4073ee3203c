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

/// For people.
pub fn network_name(address: IpAddr) -> String {
    match network(address) {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{ip}/64"),
    }
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
mod tests;
