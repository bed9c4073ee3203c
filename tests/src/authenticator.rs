//! An authenticator app: the codes of a secret, as a user's telephone shows them.

use jiff::Timestamp;
use totp_rs::{Builder, Secret};

/// The code of so many steps of 30 seconds from now.
pub fn code(secret: &str, off: i64) -> String {
    code_at(secret, step() + off)
}

pub fn code_at(secret: &str, step: i64) -> String {
    let secret = Secret::try_from_base32(secret).expect("base32");
    let totp = Builder::new().with_secret(secret).build().expect("a secret");
    totp.generate(step as u64 * 30).to_string()
}

/// The present one.
pub fn step() -> i64 {
    Timestamp::now().as_second() / 30
}
