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
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The secrets are random and long, so a plain digest is as good as a slow one.
pub fn hash(secret: &str) -> Hash {
    hash_bytes(secret.as_bytes())
}

pub fn hash_bytes(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Whether a token is among those configured, in a time that tells nothing about them.
pub fn is_one_of(token: &str, known: &[Hash]) -> bool {
    let given = hash(token);
    known
        .iter()
        .fold(false, |found, hash| found | bool::from(hash.ct_eq(&given)))
}
