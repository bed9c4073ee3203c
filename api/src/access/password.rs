//! Passwords: argon2id with OWASP's parameters, in blocking tasks that take turns at the desk, so that a flood of logins
//! leaves the processor to everybody else's requests.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::StatusCode;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::desk::{Desk, Place, Turn};
use super::second_factor::{Factor, Judged, Keys, Proof};
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

/// What a login needs beside the password.
#[derive(Default)]
pub struct Second {
    /// None: nothing.
    pub factor: Option<Factor>,
    pub code: Option<SecretString>,
    pub keys: Arc<Keys>,
}

#[derive(Debug)]
pub enum Verdict {
    Wrong,
    /// The password is right.
    CodeMissing,
    CodeWrong,
    /// With what is to be used up of the second factor.
    Right(Option<Proof>),
}

impl Second {
    fn judge(&self) -> ApiResult<Verdict> {
        let Some(factor) = &self.factor else {
            return Ok(Verdict::Right(None));
        };
        let Some(code) = &self.code else {
            return Ok(Verdict::CodeMissing);
        };
        let now = Timestamp::now().as_second();
        match factor.judge(&self.keys, code.expose_secret(), now) {
            Judged::Right(proof) => Ok(Verdict::Right(Some(proof))),
            Judged::Wrong => Ok(Verdict::CodeWrong),
            Judged::NoKey => Err(ApiError::internal(format!(
                "the second factor of user {} was made with a key that --second-factor-key-file does not have",
                factor.user_id
            ))),
        }
    }

    fn settled(&self, turn: Turn) -> ApiResult<Verdict> {
        let verdict = self.judge()?;
        match verdict {
            Verdict::Right(_) => turn.settle(true),
            Verdict::CodeMissing => drop(turn),
            Verdict::Wrong | Verdict::CodeWrong => turn.settle(false),
        }
        Ok(verdict)
    }
}

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

    /// `stored` is None for an unknown name. A wrong code counts as a wrong password does; a right password without a code that is
    /// needed counts as nothing.
    pub async fn verify(
        &self,
        who: Who,
        password: SecretString,
        stored: Option<String>,
        second: Second,
    ) -> ApiResult<Verdict> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.into());
        // Only in memory, and only as long as somebody waits. With the code: another one is another guess.
        let code = second.code.as_ref().map_or("", |code| code.expose_secret());
        let proof = secret::hash_parts(&[
            stored.as_bytes(),
            password.expose_secret().as_bytes(),
            code.as_bytes(),
        ]);
        let proof = known.then_some(proof);
        let Place::Turn(turn) = self.place(Some(who), proof).await? else {
            return second.judge();
        };
        in_background(move || {
            // An unknown name costs the same hash.
            if !(verify(password.expose_secret(), &stored) && known) {
                turn.settle(false);
                return Ok(Verdict::Wrong);
            }
            second.settled(turn)
        })
        .await?
    }

    /// A code alone, where the password is known to be right.
    pub async fn verify_code(&self, who: Who, second: Second) -> ApiResult<Verdict> {
        match self.place(Some(who), None).await? {
            Place::Turn(turn) => second.settled(turn),
            Place::Right => second.judge(),
        }
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
