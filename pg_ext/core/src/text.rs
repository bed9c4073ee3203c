//! Texts that a switch or a person sends with a call: '' is nothing, and what only describes is cut, since it is never a
//! reason to lose a record. How long each may be stands here alone.

/// A call's own id, in characters; a longer one is refused. `linkedid` is cut to it.
pub const UNIQUEID: usize = 150;
/// A switch's name (Asterisk's systemname), in bytes.
pub const NODE: usize = 24;
/// What one run of a switch's agent calls itself.
pub const INSTANCE: usize = 150;
/// A caller's number, and what was dialled.
pub const NUMBER: usize = 50;
pub const CALLER_NAME: usize = 100;
pub const SIP_CALL_ID: usize = 255;
/// A record's status, and an attempt's.
pub const STATUS: usize = 50;
/// Why a call ended: the cause as text, or the reason of whoever released it.
pub const REASON: usize = 50;

/// Empty text is NULL: func_odbc cannot send anything else for a variable that is not set.
pub fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

/// Text that only describes, cut to at most `most` characters.
pub fn described(value: Option<&str>, most: usize) -> Option<&str> {
    given(value).map(|text| cut(text, most))
}

pub fn cut(text: &str, most: usize) -> &str {
    text.char_indices()
        .nth(most)
        .map_or(text, |(end, _)| &text[..end])
}

/// Whether heartbeats can carry the name of a switch.
pub fn is_node(name: &str) -> bool {
    (1..=NODE).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_characters() {
        assert_eq!(cut("añb", 2), "añ");
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(described(Some("añb"), 2), Some("añ"));
    }

    #[test]
    fn empty_text_is_nothing() {
        assert_eq!(described(Some(""), 2), None);
        assert_eq!(given(None), None);
    }

    #[test]
    fn a_node_is_a_systemname() {
        for good in ["pbx1", "a", "A-b_9", &"x".repeat(NODE)] {
            assert!(is_node(good), "{good}");
        }
        for bad in ["", "pbx 1", "pbx.1", "pbxé", &"x".repeat(NODE + 1)] {
            assert!(!is_node(bad), "{bad}");
        }
    }
}
