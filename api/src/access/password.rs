//! Passwords: argon2id with OWASP's parameters, in blocking tasks that are bounded so that a flood of logins leaves the
//! processor to everybody else's requests.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::http::error::{ApiError, ApiResult};
use crate::http::fields::Text;

/// 19 MiB, two passes, one lane: OWASP's first choice for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Too short: honest logins fail in a flood. Too long: they wait behind it.
const WAIT_FOR_TURN: Duration = Duration::from_secs(5);

/// Long enough for any passphrase, short enough that hashing it costs nothing extra.
pub const RULE: Text = Text::exact(0, 128).check(|password| {
    if password.chars().count() < 8 {
        return Err("Password must be at least 8 characters long.".into());
    }
    Ok(())
});

/// A hash that no password was ever made for: an unknown name costs the same work as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gc3VjaCBhY2NvdW50$ywUFlcE0BLoYH1fSHRfvIKRPNFxfxTCZ4ZxJ8RItuXw";

#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// One hash per core but one, so that a core is always left for other requests.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Passwords {
            turns: Arc::new(Semaphore::new(cores.saturating_sub(1).max(1))),
        }
    }

    pub async fn hash(&self, password: SecretString) -> ApiResult<String> {
        self.in_turn(move || hash(password.expose_secret()))
            .await?
            .map_err(ApiError::internal)
    }

    /// `stored` is None for an unknown name.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> ApiResult<bool> {
        self.in_turn(move || {
            let known = stored.is_some();
            let fits = verify(password.expose_secret(), stored.as_deref().unwrap_or(NOBODY));
            known && fits
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
        let busy = || {
            ApiError::unavailable(
                "busy",
                "Too many logins at once. Try again shortly.",
                "password hashing is busy",
            )
        };
        let turn = tokio::time::timeout(WAIT_FOR_TURN, self.turns.clone().acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        tokio::task::spawn_blocking(move || {
            // Held inside the task: a request that gave up does not free its turn before its work is done.
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| ApiError::internal(format!("a password task failed: {error}")))
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
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
