//! What the end of a call means: its status, its times, whether it counts.

use std::ops::RangeInclusive;

use crate::text::{self, cut};

/// The status of a call that the platform closed because nothing was heard of it any more.
pub const LOST: &str = "LOST";
/// The status of a call that a client answered: the only one that counts towards a total.
pub const ANSWERED: &str = "ANSWERED";

/// How long a good call talks, until somebody says otherwise.
pub const QUALIFY_SECONDS: i32 = 30;
/// And how long people may say.
pub const QUALIFY_RANGE: RangeInclusive<i32> = 0..=86_400;

/// Statuses are stored in upper case, blanks around dropped, cut to their length.
pub fn normalize_status(status: &str) -> String {
    cut(status.trim(), text::STATUS).to_uppercase()
}

/// The status of a record: `ANSWER`, as DIALSTATUS spells it, is ANSWERED.
pub fn record_status(status: &str) -> String {
    let status = normalize_status(status);
    if status == "ANSWER" {
        ANSWERED.to_owned()
    } else {
        status
    }
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

/// What a record says of a call's times, itself or by what was known of the call before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    pub started_at: Option<i64>,
    pub answered_at: Option<i64>,
    pub duration_seconds: Option<i32>,
    pub billsec_seconds: Option<i32>,
}

/// When a call ended whose record does not say so, in microseconds. Its durations tell, counted from its start and its answer.
/// Without them: `known`, for a call that was in flight until now, or was closed as LOST. Else nobody knows, and no talk is
/// made up: it ended with the last thing that is known of it. `None`: nothing is.
pub fn end_untold(times: Times, known: Option<i64>) -> Option<i64> {
    let answered_at = times.answered_at.or(times.started_at);
    let started_at = times.started_at.or(times.answered_at);
    let after = |from: Option<i64>, seconds: Option<i32>| {
        from.zip(seconds)
            .map(|(from, seconds)| from.saturating_add(i64::from(seconds) * 1_000_000))
    };
    let last_known = times.started_at.max(times.answered_at);
    let told = after(started_at, times.duration_seconds).max(after(answered_at, times.billsec_seconds));
    told.or(known).max(last_known)
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
    fn a_status_is_cut_and_in_upper_case() {
        assert_eq!(normalize_status(" answered "), "ANSWERED");
        assert_eq!(normalize_status(&"x".repeat(51)), "X".repeat(50));
    }

    #[test]
    fn an_answer_has_one_spelling_in_records() {
        for spelling in ["ANSWER", "ANSWERED", " answer ", "Answered"] {
            assert_eq!(record_status(spelling), ANSWERED);
        }
        for other in ["NOANSWER", "NO ANSWER", "ANSWERX", "CANCEL"] {
            assert_eq!(record_status(other), other);
        }
    }

    #[test]
    fn talk_time_is_floored() {
        assert_eq!(whole_seconds(0, 1_999_999), 1);
        assert_eq!(whole_seconds(5, 0), 0);
        assert_eq!(whole_seconds(i64::MIN, i64::MAX), i32::MAX);
    }

    #[test]
    fn no_talk_is_made_up_for_a_call_whose_end_is_not_told() {
        const SECOND: i64 = 1_000_000;
        let end = |started, answered, duration, billsec, known: Option<i64>| {
            let times = Times {
                started_at: started,
                answered_at: answered,
                duration_seconds: duration,
                billsec_seconds: billsec,
            };
            end_untold(times, known)
        };
        assert_eq!(end(None, None, None, None, None), None);
        assert_eq!(end(Some(5), None, None, None, None), Some(5));
        assert_eq!(end(Some(5), Some(9), None, None, None), Some(9));
        assert_eq!(end(Some(5), Some(9), None, None, Some(20)), Some(20));
        assert_eq!(end(Some(5), Some(9), None, None, Some(7)), Some(9));
        assert_eq!(
            end(Some(0), Some(SECOND), Some(9), None, Some(1)),
            Some(9 * SECOND)
        );
        assert_eq!(end(Some(0), Some(SECOND), None, Some(9), None), Some(10 * SECOND));
        assert_eq!(end(Some(0), None, Some(3), Some(9), None), Some(9 * SECOND));
        assert_eq!(end(None, Some(0), Some(3), None, None), Some(3 * SECOND));
        assert_eq!(end(None, None, Some(3), None, Some(8)), Some(8));
        assert_eq!(end(Some(i64::MAX - 1), None, Some(3), None, None), Some(i64::MAX));
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
