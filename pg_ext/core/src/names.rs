//! What a text that people give to things may hold: something that can be seen, and nothing that turns or hides what stands
//! around it in a list, an export or the audit log. The database's `is_plain_text` is the same rule for whoever writes
//! there; a test compares the two at every character.

use std::ops::RangeInclusive;

type Ranges = &'static [RangeInclusive<char>];

/// Not in any such text: marks of direction, invisible characters that join nothing, separators of lines and paragraphs.
const REFUSED: Ranges = &[
    '\u{AD}'..='\u{AD}',
    '\u{34F}'..='\u{34F}',
    '\u{61C}'..='\u{61C}',
    '\u{115F}'..='\u{1160}',
    '\u{17B4}'..='\u{17B5}',
    '\u{180E}'..='\u{180E}',
    '\u{200B}'..='\u{200B}',
    '\u{200E}'..='\u{200F}',
    '\u{2028}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{3164}'..='\u{3164}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFA0}'..='\u{FFA0}',
    '\u{FFF0}'..='\u{FFFB}',
    '\u{1BCA0}'..='\u{1BCA3}',
    '\u{1D173}'..='\u{1D17A}',
    '\u{E0000}'..='\u{E00FF}',
    '\u{E01F0}'..='\u{E0FFF}',
];

/// Part of what stands beside them, and nothing by themselves: joiners and variants of letters and pictures, and a blank
/// that is no space.
const UNSEEN: Ranges = &[
    '\u{180B}'..='\u{180D}',
    '\u{180F}'..='\u{180F}',
    '\u{200C}'..='\u{200D}',
    '\u{2800}'..='\u{2800}',
    '\u{FE00}'..='\u{FE0F}',
    '\u{E0100}'..='\u{E01EF}',
];

/// Whether a reader sees nothing of this character by itself.
pub fn is_invisible(c: char) -> bool {
    is_in(REFUSED, c) || is_in(UNSEEN, c)
}

fn is_in(ranges: Ranges, c: char) -> bool {
    ranges.iter().any(|range| range.contains(&c))
}

/// `lines`: line breaks and tabs are allowed.
pub fn check(text: &str, lines: bool) -> Result<(), String> {
    if text
        .chars()
        .any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t')))
    {
        return Err("Control characters are not allowed.".into());
    }
    if text.chars().any(|c| is_in(REFUSED, c)) {
        return Err("Invisible characters and marks of direction are not allowed.".into());
    }
    let seen = |c: char| !c.is_whitespace() && !c.is_control() && !is_invisible(c);
    if !text.is_empty() && !text.chars().any(seen) {
        return Err("Must hold something that can be seen.".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_taken() {
        for good in [
            "",
            "Sales DE \u{2014} Zürich",
            "سفارش\u{200C}ها",
            "ক্\u{200D}ষ",
            "\u{2764}\u{FE0F} leads",
            "葛\u{E0100}城",
            "a",
        ] {
            assert_eq!(check(good, false), Ok(()), "{good:?}");
        }
        assert_eq!(check("two\nlines\tand a tab", true), Ok(()));
    }

    #[test]
    fn what_hides_or_turns_is_refused() {
        for bad in [
            "\u{200B}",
            "\u{2800}\u{2800}",
            "\u{3164}",
            "\u{200C}\u{FE0F}",
            " \u{A0} ",
            "admin\u{202E}nimda",
            "admin\u{200F}",
            "\u{2066}x\u{2069}",
            "seller\u{AD}_alice",
            "a\u{2028}b",
            "a\nb",
            "\u{E0061}b",
        ] {
            assert!(check(bad, false).is_err(), "{bad:?}");
        }
        assert!(check("two\nlines\u{202E}", true).is_err() && check("a\u{7}", true).is_err());
    }
}
