//! Callers: how two numbers are compared, and what is marked of one.

use std::borrow::Cow;

use crate::did;

/// The caller as marks have it: E.164 with its plus where it can be that, or else as the switch gave it. `None`: without a number. A text
/// without a digit (`anonymous`, `Restricted`) is no number.
pub fn canonical(number: Option<&str>) -> Option<Cow<'_, str>> {
    let number = number?.trim_matches(' ');
    if did::is_canonical(number) {
        return Some(number.into());
    }
    match did::normalize(number) {
        Some(canonical) => Some(canonical.into()),
        None => number
            .contains(|c: char| c.is_ascii_digit())
            .then_some(number.into()),
    }
}

/// Where a caller can be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Platform,
    Seller(i64),
    Campaign(i64),
    Client(i64),
    Link(i64),
}

impl Scope {
    pub const NAMES: [&'static str; 5] = ["platform", "seller", "campaign", "client", "link"];

    pub fn name(self) -> &'static str {
        match self {
            Scope::Platform => "platform",
            Scope::Seller(_) => "seller",
            Scope::Campaign(_) => "campaign",
            Scope::Client(_) => "client",
            Scope::Link(_) => "link",
        }
    }

    /// The mark's `key` in the database.
    pub fn key(self, caller: &str) -> String {
        match self {
            Scope::Platform => format!("platform {caller}"),
            Scope::Seller(id) | Scope::Campaign(id) | Scope::Client(id) | Scope::Link(id) => {
                format!("{}:{id} {caller}", self.name())
            }
        }
    }
}

/// What is marked of one caller in one scope, each until an instant, in PostgreSQL's microseconds; `i64::MAX`: for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    pub allowed_until: Option<i64>,
    pub blocked_until: Option<i64>,
    /// When its last call came.
    pub seen_at: Option<i64>,
}

impl Marked {
    pub fn allows(&self, at: i64) -> bool {
        self.allowed_until.is_some_and(|until| until > at)
    }

    /// When it ends, whatever else allows the caller.
    pub fn blocks(&self, at: i64) -> Option<i64> {
        self.blocked_until.filter(|until| *until > at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_e164() {
        for (given, compared) in [
            ("+4930123456", Some("+4930123456")),
            ("4930123456", Some("+4930123456")),
            (" +4930123456 ", Some("+4930123456")),
            ("030123456", Some("030123456")),
            ("2001", Some("+2001")),
            ("7", Some("7")),
            ("anonymous", None),
            ("Restricted", None),
            (" ", None),
        ] {
            assert_eq!(canonical(Some(given)).as_deref(), compared, "{given:?}");
            let again = canonical(compared);
            assert_eq!(again.as_deref(), compared, "{given:?} twice");
        }
        assert_eq!(canonical(None), None);
    }

    #[test]
    fn a_key_names_its_scope() {
        assert_eq!(Scope::Platform.key("+1800"), "platform +1800");
        assert_eq!(Scope::Link(7).key("+1800"), "link:7 +1800");
    }

    #[test]
    fn a_mark_ends_exactly_then() {
        let marked = Marked {
            allowed_until: Some(10),
            blocked_until: Some(20),
            seen_at: None,
        };
        assert!(marked.allows(9) && !marked.allows(10));
        assert_eq!((marked.blocks(19), marked.blocks(20)), (Some(20), None));
        let never = Marked::default();
        assert!(!never.allows(i64::MIN) && never.blocks(i64::MIN).is_none());
    }
}
