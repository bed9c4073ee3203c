//! What the end of a call means: its status, its times, whether it counts.

/// The status of a call that the platform closed because nothing was heard of it any more.
pub const LOST: &str = "LOST";
/// The status of a call that a client answered: the only one that counts towards a total.
pub const ANSWERED: &str = "ANSWERED";

/// Statuses are stored in upper case, blanks around dropped, cut to `most` characters.
pub fn normalize_status(status: &str, most: usize) -> String {
    cut(status.trim(), most).to_uppercase()
}

/// The text cut to at most `most` characters: descriptive text is never a reason to lose a record.
pub fn cut(text: &str, most: usize) -> &str {
    text.char_indices()
        .nth(most)
        .map_or(text, |(end, _)| &text[..end])
}

/// A call counts once it was answered by a link. A LOST call whose answer is known counts at once: its true record
/// may never come.
pub fn counts(status: &str, answered_known: bool, has_link: bool) -> bool {
    has_link && (status == ANSWERED || (status == LOST && answered_known))
}

/// Whole seconds from `from` to `to` (both in microseconds), never negative: talk time is the floor of end − answer.
pub fn whole_seconds(from: i64, to: i64) -> i32 {
    i32::try_from(to.saturating_sub(from).max(0) / 1_000_000).unwrap_or(i32::MAX)
}

/// Seconds that a call's first attempt may ring. Somebody is tried, however small the ring budget is.
pub fn first_timeout(dial_timeout: i32, budget: i32) -> i32 {
    dial_timeout.min(budget)
}

/// Seconds that a further attempt may ring: the campaign's timeout within what is left of the ring budget. `None`: less
/// than five seconds are left, too few for anybody to answer.
pub fn attempt_timeout(dial_timeout: i32, budget_left: i32) -> Option<i32> {
    (budget_left >= MIN_RING_SECONDS).then(|| dial_timeout.min(budget_left))
}

const MIN_RING_SECONDS: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answered_call_with_a_link_counts() {
        assert!(counts("ANSWERED", true, true));
        assert!(counts("ANSWERED", false, true));
        assert!(!counts("ANSWERED", true, false));
        assert!(!counts("NOANSWER", true, true));
        assert!(counts("LOST", true, true));
        assert!(!counts("LOST", false, true));
    }

    #[test]
    fn text_is_cut_by_characters() {
        assert_eq!(cut("añb", 2), "añ");
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(normalize_status(" answered ", 50), "ANSWERED");
    }

    #[test]
    fn talk_time_is_floored() {
        assert_eq!(whole_seconds(0, 1_999_999), 1);
        assert_eq!(whole_seconds(5, 0), 0);
        assert_eq!(whole_seconds(i64::MIN, i64::MAX), i32::MAX);
    }

    #[test]
    fn the_ring_budget_bounds_every_attempt() {
        assert_eq!(first_timeout(25, 120), 25);
        assert_eq!(first_timeout(25, 1), 1);
        assert_eq!(attempt_timeout(25, 120), Some(25));
        assert_eq!(attempt_timeout(25, 7), Some(7));
        assert_eq!(attempt_timeout(25, 5), Some(5));
        assert_eq!(attempt_timeout(25, 4), None);
        assert_eq!(attempt_timeout(2, 60), Some(2));
    }
}
