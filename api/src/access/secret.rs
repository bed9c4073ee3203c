//! Random secrets (session ids, bearer tokens, generated passwords) and the hash under which the database knows them.

use anyhow::{Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub type Hash = [u8; 32];

/// 256 bits from the operating system, as text for headers and cookies.
pub fn random() -> Result<String> {
    let mut bytes = [0u8; 32];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

pub fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))
}

/// The secrets are random and long, so a plain digest is as good as a slow one.
pub fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Of several parts, each with its length in front: no two lists of parts are hashed as the same bytes.
pub fn hash_parts(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Whether a token is among those configured, in a time that tells nothing about them.
pub fn is_one_of(token: &str, known: &[Hash]) -> bool {
    let given = hash(token);
    known
        .iter()
        .fold(false, |found, hash| found | bool::from(hash.ct_eq(&given)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_wherever_they_are_cut() {
        let whole = hash_parts(&[b"ab", b"c"]);
        for other in [&[b"a".as_slice(), b"bc"][..], &[b"abc"], &[b"ab", b"c", b""]] {
            assert_ne!(hash_parts(other), whole);
        }
    }
}
