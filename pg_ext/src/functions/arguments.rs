//! What the functions make of their arguments: '' is NULL, descriptive text is cut, identifiers are checked.

use capconduit_core::outcome::cut;
use pgrx::datum::TimestampWithTimeZone;

use crate::postgres::error::invalid;

const MAX_ID: usize = 150;
const MAX_NODE: usize = 24;

/// Empty text is NULL: func_odbc cannot send anything else for a variable that is not set.
pub fn text(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

/// Text that only describes: too long is cut.
pub fn described(value: Option<&str>, most: usize) -> Option<&str> {
    text(value).map(|text| cut(text, most))
}

/// The call's id, without which nothing can be promised.
pub fn uniqueid(value: Option<&str>) -> &str {
    match text(value) {
        Some(id) if id.chars().nth(MAX_ID).is_none() => id,
        Some(_) => invalid(format!("uniqueid is longer than {MAX_ID} characters")),
        None => invalid("uniqueid is empty"),
    }
}

pub fn linkedid(value: Option<&str>) -> Option<&str> {
    described(value, MAX_ID)
}

/// A node is Asterisk's systemname. A name that heartbeats could not carry is refused at once.
pub fn node(value: Option<&str>) -> Option<&str> {
    text(value).inspect(|name| {
        let well_formed = name.len() <= MAX_NODE
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !well_formed {
            invalid(format!(
                "node must be 1 to {MAX_NODE} letters, digits, '_' or '-' (Asterisk's systemname)"
            ));
        }
    })
}

pub fn required_node(value: Option<&str>) -> &str {
    node(value).unwrap_or_else(|| invalid("node is empty"))
}

/// A timestamp in microseconds, as PostgreSQL counts them; infinity is no time of a call.
pub fn instant(name: &str, value: Option<TimestampWithTimeZone>) -> Option<i64> {
    value.map(|time| {
        let micros: i64 = time.into();
        if micros == i64::MAX || micros == i64::MIN {
            invalid(format!("{name} must be finite"));
        }
        micros
    })
}

/// A count of seconds or a code that cannot be negative.
pub fn not_negative(name: &str, value: Option<i32>) -> Option<i32> {
    value.inspect(|number| {
        if *number < 0 {
            invalid(format!("{name} must not be negative"));
        }
    })
}
