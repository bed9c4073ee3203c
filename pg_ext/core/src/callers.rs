//! Callers: how two numbers are compared, and what is marked of one.

use std::borrow::Cow;

use crate::caller_rules::{After, CallerRule};
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
    /// Its last call that was offered, was answered, was a good one.
    pub offered: Option<Seen>,
    pub answered: Option<Seen>,
    pub qualified: Option<Seen>,
    /// Of its calls in flight, the one that came last.
    pub in_flight: Option<Seen>,
    /// Of those that were lost, of which nobody knows what they came to.
    pub lost: Option<Seen>,
}

/// A call of before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub at: i64,
    pub until: i64,
    /// Who had it.
    pub client_id: Option<i64>,
}

/// A rule that remembers the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub rule: CallerRule,
    pub of: Seen,
    /// `None`: as long as the call of before is in flight.
    pub until: Option<i64>,
}

/// Who had the caller, and is asked first, or alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    pub client_id: i64,
    pub only: bool,
}

impl Marked {
    /// Without what calls have seen.
    pub fn by_people(&self) -> Self {
        Marked {
            allowed_until: self.allowed_until,
            blocked_until: self.blocked_until,
            ..Marked::default()
        }
    }

    pub fn allows(&self, at: i64) -> bool {
        self.allowed_until.is_some_and(|until| until > at)
    }

    /// When it ends, whatever else allows the caller.
    pub fn blocks(&self, at: i64) -> Option<i64> {
        self.blocked_until.filter(|until| *until > at)
    }

    /// A call in flight may still be what the rule goes by, and one that was lost may have been.
    pub fn repeats(&self, rule: CallerRule, at: i64) -> Option<Repeat> {
        let (known, lost, in_flight) = match rule.after {
            After::Offered => (self.offered, None, None),
            After::Answered => (self.answered, self.lost, self.in_flight),
            After::Qualified => (self.qualified, self.lost, self.in_flight),
        };
        if let Some(of) = in_flight {
            let until = None;
            return Some(Repeat { rule, of, until });
        }
        let remembered = [known, lost].into_iter().flatten();
        let remembered = remembered.map(|of| (of, of.until.min(rule.remembers_until(of.at))));
        let remembered = remembered.filter(|(_, until)| *until > at);
        // Who had the caller last, and what holds longest: of two that are remembered for ever, these may be different ones.
        let until = remembered.clone().map(|(_, until)| until).max();
        let (of, _) = remembered.max_by_key(|(of, _)| of.at)?;
        Some(Repeat { rule, of, until })
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
            ..Marked::default()
        };
        assert!(marked.allows(9) && !marked.allows(10));
        assert_eq!((marked.blocks(19), marked.blocks(20)), (Some(20), None));
        let never = Marked::default();
        assert!(!never.allows(i64::MIN) && never.blocks(i64::MIN).is_none());
    }

    const SECOND: i64 = 1_000_000;

    fn seen(at: i64, until: i64) -> Option<Seen> {
        let client_id = Some(7);
        Some(Seen { at, until, client_id })
    }

    /// What the rule goes by, what is known of the caller, when it calls again, until when it is remembered (0: while a call is in flight).
    #[test]
    fn a_caller_is_remembered_to_the_edge() {
        const EVER: i64 = i64::MAX;
        let nothing = Marked::default();
        let offered = |at, until| Marked {
            offered: seen(at, until),
            ..nothing
        };
        let answered = |at, until| Marked {
            answered: seen(at, until),
            ..nothing
        };
        let qualified = |at, until| Marked {
            qualified: seen(at, until),
            ..nothing
        };
        let in_flight = Marked {
            in_flight: seen(0, EVER),
            ..nothing
        };
        let lost = |until| Marked {
            lost: seen(0, until),
            ..nothing
        };
        let table = [
            (After::Offered, Some(10), nothing, 5, None),
            (
                After::Offered,
                Some(10),
                offered(0, EVER),
                10 * SECOND - 1,
                Some(10 * SECOND),
            ),
            (After::Offered, Some(10), offered(0, EVER), 10 * SECOND, None),
            // What was kept for less than the rule says by now.
            (
                After::Offered,
                Some(10),
                offered(0, 3 * SECOND),
                3 * SECOND - 1,
                Some(3 * SECOND),
            ),
            (After::Offered, Some(10), offered(0, 3 * SECOND), 3 * SECOND, None),
            // And for ever.
            (After::Offered, None, offered(0, EVER), EVER - 1, Some(EVER)),
            // The clock was set back: it has called.
            (
                After::Offered,
                Some(10),
                offered(9 * SECOND, EVER),
                SECOND,
                Some(19 * SECOND),
            ),
            // What was offered was not answered yet, nor was it a good call.
            (After::Answered, Some(10), offered(0, EVER), 1, None),
            (After::Qualified, Some(10), answered(0, EVER), 1, None),
            (After::Offered, Some(10), in_flight, 1, None),
            (
                After::Answered,
                Some(10),
                answered(0, EVER),
                10 * SECOND - 1,
                Some(10 * SECOND),
            ),
            (After::Answered, Some(10), answered(0, EVER), 10 * SECOND, None),
            (
                After::Qualified,
                Some(10),
                qualified(0, EVER),
                10 * SECOND - 1,
                Some(10 * SECOND),
            ),
            (After::Qualified, Some(10), qualified(0, EVER), 10 * SECOND, None),
            // However long it lasts.
            (After::Answered, Some(10), in_flight, 99 * SECOND, Some(0)),
            (After::Qualified, Some(10), in_flight, 99 * SECOND, Some(0)),
            // A call that was lost may have been one: for as long as the rule says, however long another rule remembers it.
            (After::Offered, Some(10), lost(EVER), 1, None),
            (
                After::Answered,
                Some(10),
                lost(EVER),
                10 * SECOND - 1,
                Some(10 * SECOND),
            ),
            (After::Answered, Some(10), lost(EVER), 10 * SECOND, None),
            (
                After::Qualified,
                None,
                lost(5 * SECOND),
                5 * SECOND - 1,
                Some(5 * SECOND),
            ),
            (After::Qualified, None, lost(5 * SECOND), 5 * SECOND, None),
        ];
        for (after, seconds, marked, at, expected) in table {
            let rule = CallerRule {
                after,
                seconds,
                action: crate::caller_rules::Action::Skip,
            };
            let repeats = marked.repeats(rule, at);
            let until = repeats.map(|repeat| repeat.until.unwrap_or(0));
            assert_eq!(until, expected, "{rule:?} {marked:?} at {at}");
        }
    }

    /// When the one was answered and until when it is remembered, the same of the one that was lost; who had the caller last.
    #[test]
    fn the_last_one_had_the_caller_whether_it_was_lost_or_not() {
        const EVER: i64 = i64::MAX;
        let rule = CallerRule {
            after: After::Answered,
            seconds: None,
            action: crate::caller_rules::Action::SameClient,
        };
        let of = |(at, until), client_id| Some(Seen { at, until, client_id });
        for (answered, lost, client_id, until) in [
            ((2, EVER), (1, EVER), 7, EVER),
            ((1, EVER), (2, EVER), 8, EVER),
            ((2, 10), (1, EVER), 7, EVER),
            ((1, EVER), (2, 10), 8, EVER),
            // Remembered no more.
            ((2, 3), (1, EVER), 8, EVER),
            ((1, 10), (2, 3), 7, 10),
        ] {
            let marked = Marked {
                answered: of(answered, Some(7)),
                lost: of(lost, Some(8)),
                ..Marked::default()
            };
            let repeat = marked.repeats(rule, 5).expect("it is remembered");
            assert_eq!(
                (repeat.of.client_id, repeat.until),
                (Some(client_id), Some(until))
            );
        }
    }
}
