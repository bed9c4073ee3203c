//! The second factor of a login: codes by the clock (RFC 6238, as authenticator apps make them), and recovery codes for whoever has
//! lost the app. Here a code is judged; the database uses it up, once.

use std::fmt;

use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret, Totp};

use super::secret::{self, Hash};

/// Seconds of a code, and how many codes before and after the present one are taken: a telephone's clock may be off by so much.
const STEP: u64 = 30;
const SKEW: i64 = 1;
const DIGITS: usize = 6;
const SEED: usize = 32;

pub const RECOVERY_CODES: usize = 10;
/// 80 bits: whoever reads their hashes finds none.
const RECOVERY_BYTES: usize = 10;
/// As apps show it.
const ISSUER: &str = "CapConduit";

/// Keys of the service's configuration: with one, the database alone gives no code away. The first makes new secrets.
#[derive(Default)]
pub struct Keys(Vec<Hash>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.len()).finish()
    }
}

impl Keys {
    pub fn new(lines: &[&str]) -> Self {
        Keys(lines.iter().map(|line| secret::hash(line)).collect())
    }

    fn find(&self, name: Option<&str>) -> Option<&[u8]> {
        match name {
            None => Some(&[]),
            Some(wanted) => {
                let found = self.0.iter().find(|key| name_of(key) == wanted);
                found.map(Hash::as_slice)
            }
        }
    }
}

/// Under which the database knows a key.
fn name_of(key: &Hash) -> String {
    let name = secret::hash_parts(&[b"name of a key", key]);
    name[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the database keeps to make the secret of one user again.
#[derive(Clone)]
pub struct Seed {
    pub bytes: Vec<u8>,
    pub key: Option<String>,
}

impl Seed {
    /// A new one, by the first key.
    pub fn new(keys: &Keys) -> Result<Self> {
        let mut bytes = vec![0u8; SEED];
        secret::fill(&mut bytes)?;
        Ok(Seed {
            bytes,
            key: keys.0.first().map(name_of),
        })
    }

    /// None: its key is not configured any more.
    pub fn secret(&self, keys: &Keys, user_id: i64) -> Option<Secret> {
        let key = keys.find(self.key.as_deref())?;
        let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        let made = mac
            .chain_update(b"second factor")
            .chain_update(user_id.to_be_bytes())
            .chain_update(&self.bytes)
            .finalize()
            .into_bytes();
        let secret: [u8; 20] = made.get(..20)?.try_into().ok()?;
        Some(Secret::new_stack(secret))
    }
}

/// For an authenticator app: its secret as people type it, and as a QR code holds it.
pub fn uri(secret: &Secret, username: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(username.as_bytes()).collect();
    // A blank is no plus here.
    let name = name.replace('+', "%20");
    format!(
        "otpauth://totp/{ISSUER}:{name}?secret={}&issuer={ISSUER}",
        secret.to_base32()
    )
}

/// A code that was found right: what the database uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    Step(i64),
    Recovery(Hash),
}

impl Proof {
    pub fn step(&self) -> Option<i64> {
        match self {
            Proof::Step(step) => Some(*step),
            Proof::Recovery(_) => None,
        }
    }

    pub fn recovery_hash(&self) -> Option<&[u8]> {
        match self {
            Proof::Step(_) => None,
            Proof::Recovery(hash) => Some(hash),
        }
    }
}

/// A user's second factor, with what it takes to judge a code.
#[derive(Clone)]
pub struct Factor {
    pub user_id: i64,
    pub seed: Seed,
    /// None of this time or before is taken again.
    pub last_step: Option<i64>,
    pub recovery_hashes: Vec<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    Right(Proof),
    Wrong,
    /// The service has lost the key that the secret was made with: only recovery codes can be judged.
    NoKey,
}

impl Factor {
    /// `now` in seconds since 1970. Blanks and dashes do not count.
    pub fn judge(&self, keys: &Keys, code: &str, now: i64) -> Judged {
        let code: String = code.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        if code.len() != DIGITS {
            return self.judge_recovery(&code);
        }
        let Some(secret) = self.seed.secret(keys, self.user_id) else {
            return Judged::NoKey;
        };
        let totp = totp(secret);
        let present = now.div_euclid(STEP as i64);
        let mut steps =
            (present - SKEW..=present + SKEW).filter(|step| self.last_step.is_none_or(|last| *step > last));
        let step = steps.find(|step| {
            let right = code_of(&totp, *step);
            bool::from(right.as_bytes().ct_eq(code.as_bytes()))
        });
        step.map_or(Judged::Wrong, |step| Judged::Right(Proof::Step(step)))
    }

    fn judge_recovery(&self, code: &str) -> Judged {
        let hash = hash_of(self.user_id, code);
        let found = self
            .recovery_hashes
            .iter()
            .fold(false, |found, left| found | bool::from(left.ct_eq(&hash[..])));
        if found {
            Judged::Right(Proof::Recovery(hash))
        } else {
            Judged::Wrong
        }
    }
}

fn totp(secret: Secret) -> Totp {
    Builder::new()
        .with_digits(DIGITS as u8)
        .with_step_duration(STEP)
        .with_secret(secret)
        .build_noncompliant()
}

fn code_of(totp: &Totp, step: i64) -> String {
    totp.generate(step.max(0) as u64 * STEP).to_string()
}

/// New recovery codes, and the hashes under which the database knows them.
pub fn recovery_codes(user_id: i64) -> Result<(Vec<String>, Vec<Vec<u8>>)> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut bytes = vec![0u8; RECOVERY_BYTES];
        secret::fill(&mut bytes)?;
        let text = Secret::new(bytes.into()).to_base32().to_lowercase();
        codes.push([&text[..4], &text[4..8], &text[8..12], &text[12..]].join("-"));
    }
    let hashes = codes.iter().map(|code| {
        let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        hash_of(user_id, &code).to_vec()
    });
    let hashes = hashes.collect();
    Ok((codes, hashes))
}

fn hash_of(user_id: i64, code: &str) -> Hash {
    let code = code.to_ascii_lowercase();
    secret::hash_parts(&[b"recovery code", &user_id.to_be_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(last_step: Option<i64>) -> Factor {
        Factor {
            user_id: 3,
            seed: Seed {
                bytes: vec![7; SEED],
                key: None,
            },
            last_step,
            recovery_hashes: Vec::new(),
        }
    }

    fn code_at(factor: &Factor, keys: &Keys, seconds: i64) -> String {
        code_of(
            &totp(factor.seed.secret(keys, factor.user_id).unwrap()),
            seconds / 30,
        )
    }

    /// RFC 6238, appendix B, of SHA-1: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let totp = totp(Secret::new_stack(*b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1111111109, "081804"),
            (1111111111, "050471"),
            (1234567890, "005924"),
            (2000000000, "279037"),
            (20000000000, "353130"),
        ] {
            assert_eq!(code_of(&totp, seconds / 30), code, "{seconds}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step() {
        let (factor, keys) = (factor(None), Keys::default());
        let now = 1_800_000_015;
        for (off, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = code_at(&factor, &keys, now + off * 30);
            let expected = if taken {
                Judged::Right(Proof::Step(now / 30 + off))
            } else {
                Judged::Wrong
            };
            assert_eq!(factor.judge(&keys, &code, now), expected, "{off}");
        }
        let spaced = code_at(&factor, &keys, now);
        let spaced = format!(" {} {} ", &spaced[..3], &spaced[3..]);
        assert_eq!(
            factor.judge(&keys, &spaced, now),
            Judged::Right(Proof::Step(now / 30))
        );
        for code in ["", "12345", "1234567", "abcdef", "００００００"] {
            assert_eq!(factor.judge(&keys, code, now), Judged::Wrong, "{code}");
        }
    }

    #[test]
    fn no_code_of_a_step_that_was_used_or_before_is_right() {
        let (now, keys) = (1_800_000_015, Keys::default());
        for (used, offs) in [(-1, &[0, 1][..]), (0, &[1]), (1, &[])] {
            let factor = factor(Some(now / 30 + used));
            for off in [-1, 0, 1] {
                let judged = factor.judge(&keys, &code_at(&factor, &keys, now + off * 30), now);
                assert_eq!(judged != Judged::Wrong, offs.contains(&off), "{used} {off}");
            }
        }
    }

    #[test]
    fn a_secret_is_its_user_s_and_its_key_s() {
        let none = Keys::default();
        let (old, both) = (
            Keys::new(&["the old key"]),
            Keys::new(&["the new key", "the old key"]),
        );
        let seed = Seed::new(&old).unwrap();
        let secret = |keys: &Keys, user: i64| seed.secret(keys, user).map(|secret| secret.to_base32());
        assert_eq!(secret(&old, 3), secret(&both, 3));
        assert_ne!(secret(&old, 3), secret(&old, 4));
        assert!(secret(&none, 3).is_none() && secret(&Keys::new(&["the new key"]), 3).is_none());
        // What was made without a key goes on without one.
        let plain = Seed::new(&none).unwrap();
        assert!(plain.key.is_none() && plain.secret(&old, 3).is_some());
        assert_ne!(Seed::new(&both).unwrap().key, seed.key);
        assert_ne!(Seed::new(&old).unwrap().bytes, seed.bytes);
        let lost = Factor { seed, ..factor(None) };
        assert_eq!(lost.judge(&none, "123456", 1_800_000_000), Judged::NoKey);
        assert!(!format!("{old:?}").contains("old"));
    }

    #[test]
    fn a_recovery_code_is_its_user_s() {
        let (codes, hashes) = recovery_codes(3).unwrap();
        let mut factor = factor(None);
        factor.recovery_hashes = hashes;
        let keys = Keys::default();
        assert_eq!(codes.len(), RECOVERY_CODES);
        for code in &codes {
            assert_eq!(code.len(), 19, "{code}");
            for written in [code.clone(), code.to_uppercase(), code.replace('-', " ")] {
                assert!(matches!(
                    factor.judge(&keys, &written, 0),
                    Judged::Right(Proof::Recovery(_))
                ));
            }
        }
        factor.user_id = 4;
        assert_eq!(factor.judge(&keys, &codes[0], 0), Judged::Wrong);
    }

    #[test]
    fn apps_read_the_address() {
        let secret = Secret::new_stack(*b"12345678901234567890");
        assert_eq!(
            uri(&secret, "jörg & co"),
            "otpauth://totp/CapConduit:j%C3%B6rg%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=CapConduit"
        );
    }
}
