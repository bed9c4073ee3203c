//! The cap on a link's calls for life: what room is left under it, and what lies beyond it.

/// Whether one more call may be routed. Every call in flight may still be answered and counted, so it takes room as if it
/// were. `allowed`: `None` is no limit, 0 is closed.
pub fn has_room(counted: i64, active: i32, allowed: Option<i64>) -> bool {
    allowed.is_none_or(|allowed| taken(counted, active) < allowed)
}

/// Calls that are counted, and those in flight.
pub fn taken(counted: i64, active: i32) -> i64 {
    counted.saturating_add(i64::from(active))
}

/// How many of these calls are more than allowed.
pub fn beyond(calls: i64, allowed: Option<i64>) -> i64 {
    allowed.map_or(0, |allowed| calls.saturating_sub(allowed).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_limit_is_never_passed() {
        assert!(has_room(i64::MAX, i32::MAX, None));
        assert_eq!(beyond(i64::MAX, None), 0);
        assert!(!has_room(0, 0, Some(0)));
    }

    proptest! {
        #[test]
        fn a_call_that_had_room_is_not_beyond(counted in 0..100_i64, active in 0..10, allowed in 0..100_i64) {
            let is_beyond = beyond(taken(counted, active) + 1, Some(allowed)) > 0;
            prop_assert_eq!(has_room(counted, active, Some(allowed)), !is_beyond);
        }
    }
}
