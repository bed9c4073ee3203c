//! What counts as a dialled number: E.164, with or without the plus.

/// Whether this is a number in the canonical form `+<country><number>`, as numbers are stored.
pub fn is_canonical(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(is_number)
}

/// Country and number, without the plus.
fn is_number(digits: &str) -> bool {
    (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The canonical form `+<country><number>` of what the switch or a person gave, or `None` where it is no E.164
/// number. National prefixes and `00` are the dialplan's business: only it knows the trunk's country.
pub fn normalize(input: &str) -> Option<String> {
    let trimmed = input.trim_matches(' ');
    let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
    is_number(digits).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::{is_canonical, normalize};
    use proptest::prelude::*;

    #[test]
    fn plus_is_optional_and_blanks_around_are_dropped() {
        for input in ["+18005550101", "18005550101", " +18005550101 "] {
            assert_eq!(normalize(input).as_deref(), Some("+18005550101"));
            assert_eq!(is_canonical(input), input == "+18005550101", "{input:?}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_none() {
        for input in [
            "",
            "+",
            "1",
            "+0123",
            "0018005550101",
            "+1 800",
            "+1234567890123456",
            "١٢٣",
            "++12",
            "a\u{0}",
        ] {
            assert_eq!(normalize(input), None, "{input:?}");
            assert!(!is_canonical(input), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(input in ".{0,20}") {
            if let Some(once) = normalize(&input) {
                prop_assert_eq!(normalize(&once), Some(once.clone()));
                prop_assert!(once.len() <= 16 && is_canonical(&once));
            }
        }
    }
}
