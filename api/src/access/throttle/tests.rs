//! Tests of the limits on wrong passwords, with a clock that is passed in.

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
