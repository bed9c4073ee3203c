//! The cookie that marks a browser which has logged an account in before, so that its owner gets in from an address that
//! others use for guessing. It opens nothing without the password. The server stores nothing of it: the cookie is signed
//! with the account's password hash, and a new password ends it.
//!
//! Each account has a cookie of its own name, so that two accounts in one browser both stay known.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::fading::Key;
use super::password;
use super::secret;
use super::sessions::{self, Login};
use super::throttle::key;

/// Browsers keep no cookie for longer.
const DAYS: i64 = 400;
const NONCE: usize = 16;
/// A browser sends one. Two, since a cookie of the same name may have another path.
const LOOKED_AT: usize = 2;

/// The browser's own key, if this account has signed its cookie. `account` is the name as the database compares it. An
/// unknown name costs the same work as a known one.
pub fn known(headers: &HeaderMap, account: &str, login: Option<&Login>) -> Option<Key> {
    let name = name(account);
    let candidates: Vec<Vec<u8>> = sessions::cookies(headers, &name)
        .take(LOOKED_AT)
        .filter_map(|value| URL_SAFE_NO_PAD.decode(value).ok())
        .collect();
    candidates.iter().find_map(|bytes| {
        let (nonce, signature) = bytes.split_at_checked(NONCE)?;
        let right = signer(nonce, login)?.verify_slice(signature).is_ok();
        (right && login.is_some()).then(|| key("device", nonce))
    })
}

/// A new cookie for this browser.
pub fn cookie(account: &str, login: &Login, secure: bool) -> Option<HeaderValue> {
    let mut nonce = [0u8; NONCE];
    getrandom::fill(&mut nonce).ok()?;
    let signature = signer(&nonce, Some(login))?.finalize().into_bytes();
    let value = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &signature].concat());
    let text = sessions::cookie_text(&name(account), &value, DAYS * 86_400, "/api/auth", secure);
    sessions::secret_header(&text).ok()
}

/// `device_` and a digest of the account, which tells a reader of the cookies no name.
fn name(account: &str) -> String {
    let digest = secret::hash_parts(&[b"device name", account.as_bytes()]);
    digest[..8].iter().fold("device_".to_owned(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

fn signer(nonce: &[u8], login: Option<&Login>) -> Option<Hmac<Sha256>> {
    let (secret, id) = login.map_or((password::NOBODY, 0), |login| {
        (login.password_hash.as_str(), login.user_id)
    });
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    Some(
        mac.chain_update(b"device")
            .chain_update(id.to_be_bytes())
            .chain_update(nonce),
    )
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

    fn headers(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(axum::http::header::COOKIE, text.parse().unwrap())])
    }

    fn pair(account: &str, login: &Login) -> String {
        let set = cookie(account, login, true).unwrap();
        assert!(set.is_sensitive());
        set.to_str().unwrap().split_once(';').unwrap().0.to_owned()
    }

    #[test]
    fn a_device_is_its_account_s_until_a_new_password() {
        let alice = login(3, "$argon2id$one");
        let own = pair("alice", &alice);
        let presented = headers(&format!("session=x; {own}"));
        let is_known = |account: &str, login: Option<&Login>| known(&presented, account, login).is_some();
        assert!(is_known("alice", Some(&alice)));
        assert!(!is_known("bob", Some(&alice)));
        assert!(!is_known("alice", Some(&login(4, "$argon2id$one"))));
        assert!(!is_known("alice", Some(&login(3, "$argon2id$two"))));
        let name = own.split_once('=').unwrap().0;
        for value in ["AAAA".to_owned(), URL_SAFE_NO_PAD.encode([7u8; NONCE + 32])] {
            assert!(known(&headers(&format!("{name}={value}")), "alice", Some(&alice)).is_none());
        }
    }

    #[test]
    fn an_unknown_name_has_no_device_whatever_is_signed() {
        // With what stands in for the missing account.
        let nobody = login(0, password::NOBODY);
        let presented = headers(&pair("nobody", &nobody));
        assert!(known(&presented, "nobody", None).is_none());
    }

    #[test]
    fn no_more_than_two_cookies_are_looked_at() {
        let alice = login(3, "$argon2id$one");
        let own = pair("alice", &alice);
        let name = own.split_once('=').unwrap().0.to_owned();
        let after = |others: usize| {
            let others = format!("{name}=AAAA; ").repeat(others);
            known(&headers(&format!("{others}{own}")), "alice", Some(&alice))
        };
        assert!(after(1).is_some() && after(2).is_none());
    }
}
