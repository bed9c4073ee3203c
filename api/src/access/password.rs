//! Passwords: argon2id with OWASP's parameters, in blocking tasks that take turns at the desk, so that a flood of logins
//! leaves the processor to everybody else's requests.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};

use super::desk::{Desk, Place};
use super::secret;
use super::throttle::Who;
use crate::error::{ApiError, ApiResult};
use crate::http::text::Text;

/// 19 MiB, two passes, one lane: OWASP's first choice for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// In characters. Long enough for any passphrase, short enough that hashing it costs nothing extra.
pub const LENGTH: RangeInclusive<usize> = 8..=128;

pub const RULE: Text = Text::exact(0, *LENGTH.end()).check(|password| {
    if password.chars().count() < *LENGTH.start() {
        return Err(format!(
            "Password must be at least {} characters long.",
            LENGTH.start()
        ));
    }
    Ok(())
});

/// A hash that no password was ever made for: an unknown name costs the same work as a known one.
pub(super) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gc3VjaCBhY2NvdW50$ywUFlcE0BLoYH1fSHRfvIKRPNFxfxTCZ4ZxJ8RItuXw";

#[derive(Debug)]
pub struct Passwords {
    desk: Arc<Desk>,
    /// Too short: honest logins fail in a flood. Too long: the request's own limit ends them first, and says less.
    wait: Duration,
}

impl Passwords {
    /// One hash per core but one, so that a core is always left for other requests.
    pub fn new(wait: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Passwords {
            desk: Desk::new(cores.saturating_sub(1).max(1)),
            wait,
        }
    }

    pub async fn hash(&self, password: SecretString) -> ApiResult<String> {
        let Place::Turn(turn) = self.place(None, None).await? else {
            return Err(ApiError::internal("a new password was taken for a known one"));
        };
        in_background(move || {
            // Held inside the task: a request that gave up does not free its turn before its work is done.
            let _turn = turn;
            hash(password.expose_secret())
        })
        .await?
        .map_err(ApiError::internal)
    }

    /// `stored` is None for an unknown name.
    pub async fn verify(&self, who: Who, password: SecretString, stored: Option<String>) -> ApiResult<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.into());
        // Only in memory, and only as long as somebody waits.
        let proof = secret::hash_parts(&[stored.as_bytes(), password.expose_secret().as_bytes()]);
        let proof = known.then_some(proof);
        let Place::Turn(turn) = self.place(Some(who), proof).await? else {
            return Ok(true);
        };
        in_background(move || {
            let right = verify(password.expose_secret(), &stored) && known;
            turn.settle(right);
            right
        })
        .await
    }

    async fn place(&self, who: Option<Who>, proof: Option<secret::Hash>) -> ApiResult<Place> {
        let busy = |_| {
            ApiError::unavailable(
                "busy",
                "Too many logins at once. Try again shortly.",
                "password hashing is busy",
            )
        };
        tokio::time::timeout(self.wait, self.desk.enter(who, proof))
            .await
            .map_err(busy)?
            .map_err(throttled)
    }
}

async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(format!("a password task failed: {error}")))
}

fn throttled(wait: Duration) -> ApiError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "throttled",
        format!("Too many failed attempts. Try again in {seconds} seconds."),
    )
    .retry_after(seconds)
}

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Blocking: for the command line, and for the tasks above.
pub fn hash(password: &str) -> Result<String, String> {
    Ok(hasher()?
        .hash_password(password.as_bytes())
        .map_err(|error| error.to_string())?
        .to_string())
}

fn verify(password: &str, stored: &str) -> bool {
    match (hasher(), PasswordHash::new(stored)) {
        (Ok(hasher), Ok(stored)) => hasher.verify_password(password.as_bytes(), &stored).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse", &stored));
        assert!(!verify("correct horsE", &stored));
    }

    #[test]
    fn an_unknown_name_costs_a_real_hash() {
        let params = PasswordHash::new(NOBODY).unwrap().params;
        assert_eq!(params, PasswordHash::new(&hash("x").unwrap()).unwrap().params);
    }
}
