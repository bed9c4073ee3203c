//! Chance that can be repeated. Owns: seeds, and how many rounds a test makes.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A small generator (SplitMix64). Its seed is printed with a failing test; CAPCONDUIT_TEST_SEED repeats it.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn seeded() -> Self {
        let given = std::env::var("CAPCONDUIT_TEST_SEED").ok();
        let seed = given
            .map(|text| text.parse().expect("CAPCONDUIT_TEST_SEED is a number"))
            .unwrap_or_else(|| RandomState::new().build_hasher().finish());
        println!("CAPCONDUIT_TEST_SEED={seed}");
        Self(seed)
    }

    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Another generator, for a task of its own.
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// How many rounds: few in `make test`, many in `make test-full`.
pub fn rounds(normal: usize, full: usize) -> usize {
    if std::env::var_os("CAPCONDUIT_TEST_FULL").is_some() {
        full
    } else {
        normal
    }
}
