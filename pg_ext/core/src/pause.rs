//! Pauses: no new call until an instant that somebody has set, or for good. The platform's and the seller's stand beside each other;
//! each lifts its own.

use std::ops::RangeInclusive;

use crate::set_by::SetBy;

/// How long the reason of one may be.
pub const REASON_LENGTH: RangeInclusive<usize> = 1..=200;

/// The one that ends last of those that stand beside each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// In PostgreSQL's microseconds; the last of them is for good.
    pub until: i64,
    pub reason: String,
    pub by: SetBy,
}

/// Whether there is one, and it has not ended: at its end calls come again.
pub fn lasts(pause: Option<&Pause>, at: i64) -> bool {
    pause.is_some_and(|pause| at < pause.until)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn pause(until: i64) -> Pause {
        Pause {
            until,
            reason: "holidays".to_owned(),
            by: SetBy::Seller,
        }
    }

    #[test]
    fn a_pause_ends_exactly_at_its_end() {
        let ends = pause(10);
        assert!(lasts(Some(&ends), i64::MIN) && lasts(Some(&ends), 9));
        assert!(!lasts(Some(&ends), 10) && !lasts(None, 0));
        assert!(lasts(Some(&pause(i64::MAX)), i64::MAX - 1), "for good");
    }
}
