//! The cookie between the two pages of a login: its password was right, and the code is still to come. It opens nothing without the code,
//! lasts for some minutes, and ends with a new password. Its key is this process's own: after a restart, or at another process, the
//! password is asked once more.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret;
use super::sessions::{self, Login};

const COOKIE: &str = "login_step";
const PATH: &str = "/console/login";
/// Too short: who looks for the telephone begins anew. Too long: whoever comes to the browser finds the password typed.
const SECONDS: i64 = 300;
const SIGNATURE: usize = 32;

pub struct LoginSteps([u8; 32]);

impl std::fmt::Debug for LoginSteps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginSteps")
    }
}

/// What the cookie says, which is to be checked against the account.
#[derive(Debug)]
pub struct Step {
    /// As it was typed.
    pub username: String,
    until: i64,
    signature: Vec<u8>,
}

impl LoginSteps {
    pub fn new() -> anyhow::Result<Self> {
        let mut key = [0; 32];
        secret::fill(&mut key)?;
        Ok(LoginSteps(key))
    }

    pub fn cookie(&self, username: &str, login: &Login, now: i64, secure: bool) -> Option<HeaderValue> {
        let until = now + SECONDS;
        let signature = self.signer(username, login, until)?.finalize().into_bytes();
        let value = [&until.to_be_bytes(), signature.as_slice(), username.as_bytes()].concat();
        set(&URL_SAFE_NO_PAD.encode(value), SECONDS, secure)
    }

    pub fn is_right(&self, step: &Step, login: &Login, now: i64) -> bool {
        let signer = self.signer(&step.username, login, step.until);
        step.until > now && signer.is_some_and(|signer| signer.verify_slice(&step.signature).is_ok())
    }

    fn signer(&self, username: &str, login: &Login, until: i64) -> Option<Hmac<Sha256>> {
        let said = secret::hash_parts(&[
            &login.user_id.to_be_bytes(),
            &until.to_be_bytes(),
            username.as_bytes(),
            login.password_hash.as_bytes(),
        ]);
        Some(Hmac::<Sha256>::new_from_slice(&self.0).ok()?.chain_update(said))
    }
}

/// What the browser has of it.
pub fn presented(headers: &HeaderMap) -> Option<Step> {
    let value = sessions::cookies(headers, COOKIE).next()?;
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    let (until, rest) = bytes.split_first_chunk::<8>()?;
    let (signature, username) = rest.split_at_checked(SIGNATURE)?;
    let username = String::from_utf8(username.to_vec()).ok()?;
    // Anybody can write a cookie: nothing is looked for that could be no name.
    if username.chars().any(char::is_control) {
        return None;
    }
    Some(Step {
        username,
        until: i64::from_be_bytes(*until),
        signature: signature.to_vec(),
    })
}

/// The browser forgets it.
pub fn over(secure: bool) -> Option<HeaderValue> {
    set("", 0, secure)
}

fn set(value: &str, seconds: i64, secure: bool) -> Option<HeaderValue> {
    sessions::secret_header(&sessions::cookie_text(COOKIE, value, seconds, PATH, secure)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user_id: i64, password_hash: &str) -> Login {
        Login {
            user_id,
            password_hash: password_hash.into(),
            status: "active".into(),
            known: false,
            factor: None,
        }
    }

    #[test]
    fn a_step_is_its_account_s_for_some_minutes_and_until_a_new_password() {
        let (steps, alice) = (LoginSteps::new().unwrap(), login(3, "$argon2id$one"));
        let set = steps.cookie("Alice", &alice, 1000, true).unwrap();
        let text = set.to_str().unwrap();
        assert!(
            set.is_sensitive()
                && text.ends_with("; HttpOnly; SameSite=Lax; Path=/console/login; Max-Age=300; Secure")
        );
        let pair = text.split(';').next().unwrap();
        let headers = HeaderMap::from_iter([(axum::http::header::COOKIE, pair.parse().unwrap())]);
        let step = presented(&headers).unwrap();
        assert_eq!(step.username, "Alice");
        assert!(steps.is_right(&step, &alice, 1000) && steps.is_right(&step, &alice, 1299));
        assert!(!steps.is_right(&step, &alice, 1300));
        assert!(!steps.is_right(&step, &login(4, "$argon2id$one"), 1000));
        assert!(!steps.is_right(&step, &login(3, "$argon2id$two"), 1000));
        assert!(!LoginSteps::new().unwrap().is_right(&step, &alice, 1000));
        let longer = Step { until: 9999, ..step };
        assert!(!steps.is_right(&longer, &alice, 1000));
        for value in ["", "AAAA", "é", &URL_SAFE_NO_PAD.encode([255; 60])] {
            let cookie = HeaderValue::from_bytes(format!("{COOKIE}={value}").as_bytes()).unwrap();
            assert!(presented(&HeaderMap::from_iter([(axum::http::header::COOKIE, cookie)])).is_none());
        }
    }
}
