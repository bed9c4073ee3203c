//! The cookie by which a browser that has logged an account in before is known, wherever it is: its owner gets in from an
//! address that others use for guessing. It opens nothing without the password. Nothing of it is stored: it is signed
//! with the account's password hash, so a new password ends it.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::fading::Key;
use super::secret;
use super::sessions::{self, Login};
use super::throttle::key;

const COOKIE: &str = "device";
const DAYS: u32 = 400;
const NONCE: usize = 16;

/// The browser's own name, if this account has signed it.
pub fn known(headers: &HeaderMap, login: &Login) -> Option<Key> {
    sessions::cookies(headers, COOKIE)
        .filter_map(|value| URL_SAFE_NO_PAD.decode(value).ok())
        .find_map(|bytes| {
            let (nonce, signature) = bytes.split_at_checked(NONCE)?;
            let right = bool::from(signature.ct_eq(&sign(nonce, login)));
            right.then(|| key("device", nonce))
        })
}

/// A new one, of a year and a month: as long as browsers keep any.
pub fn cookie(login: &Login, secure: bool) -> Option<HeaderValue> {
    let mut nonce = [0u8; NONCE];
    getrandom::fill(&mut nonce).ok()?;
    let value = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sign(&nonce, login)].concat());
    let text = sessions::cookie_text(COOKIE, &value, i64::from(DAYS) * 86_400, "/api/auth", secure);
    HeaderValue::from_str(&text).ok()
}

/// Hashed twice, the secret first each time: nobody can append to what was signed.
fn sign(nonce: &[u8], login: &Login) -> secret::Hash {
    let secret = login.password_hash.as_bytes();
    let id = login.user_id.to_be_bytes();
    let inner = secret::hash_bytes(&[secret, b"device", id.as_slice(), nonce].concat());
    secret::hash_bytes(&[secret, inner.as_slice()].concat())
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
        }
    }

    #[test]
    fn a_device_is_its_account_s_until_a_new_password() {
        let alice = login(3, "$argon2id$one");
        let set = cookie(&alice, true).unwrap();
        let (pair, _) = set.to_str().unwrap().split_once(';').unwrap();
        let headers =
            |text: &str| HeaderMap::from_iter([(axum::http::header::COOKIE, text.parse().unwrap())]);
        let presented = headers(&format!("session=x; {pair}"));
        assert!(known(&presented, &alice).is_some());
        assert!(known(&presented, &login(4, "$argon2id$one")).is_none());
        assert!(known(&presented, &login(3, "$argon2id$two")).is_none());
        assert!(known(&headers("device=AAAA"), &alice).is_none());
        let forged = format!("device={}", URL_SAFE_NO_PAD.encode([7u8; NONCE + 32]));
        assert!(known(&headers(&forged), &alice).is_none());
    }
}
