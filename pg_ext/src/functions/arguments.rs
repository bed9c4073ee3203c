//! What the functions make of their arguments: '' is NULL, descriptive text is cut, identifiers are checked.

use capconduit_core::Asked;
use capconduit_core::text::{self, cut};
use pgrx::datum::TimestampWithTimeZone;

use crate::functions::arguments;
use crate::postgres::error;
use crate::postgres::error::invalid;
use crate::postgres::transaction::now;

/// The call's id, without which nothing can be promised.
pub fn uniqueid(value: Option<&str>) -> &str {
    match text::given(value) {
        Some(id) if cut(id, text::UNIQUEID) == id => id,
        Some(_) => invalid(format!("uniqueid is longer than {} characters", text::UNIQUEID)),
        None => invalid("uniqueid is empty"),
    }
}

pub fn linkedid(value: Option<&str>) -> Option<&str> {
    text::described(value, text::UNIQUEID)
}

/// A node is Asterisk's systemname. A name that heartbeats could not carry is refused at once.
pub fn node(value: Option<&str>) -> Option<&str> {
    text::given(value).inspect(|name| {
        if !text::is_node(name) {
            invalid(format!(
                "node must be 1 to {} letters, digits, '_' or '-' (Asterisk's systemname)",
                text::NODE
            ));
        }
    })
}

pub fn required_node(value: Option<&str>) -> &str {
    node(value).unwrap_or_else(|| invalid("node is empty"))
}

/// A timestamp in microseconds, as PostgreSQL counts them; infinity is no time of a call.
pub fn time(name: &str, value: Option<TimestampWithTimeZone>) -> Option<i64> {
    value.map(|time| {
        let micros: i64 = time.into();
        if micros == i64::MAX || micros == i64::MIN {
            invalid(format!("{name} must be finite"));
        }
        micros
    })
}

/// What a call is foretold for; without an instant, for now.
pub fn asked<'a>(
    caller: Option<&'a str>,
    at: Option<TimestampWithTimeZone>,
    node: Option<&'a str>,
) -> Asked<'a> {
    Asked {
        at: time("at", at).unwrap_or_else(now),
        caller: text::described(caller, text::NUMBER),
        knows_caller: caller.is_some(),
        node: arguments::node(node),
        former: None,
    }
}

/// A count of seconds or a code that cannot be negative.
pub fn not_negative(name: &str, value: Option<i32>) -> Option<i32> {
    value.inspect(|number| {
        if *number < 0 {
            invalid(format!("{name} must not be negative"));
        }
    })
}

/// Clocks of the database itself differ by nothing, so a list from the future is a mistake.
const FUTURE_TOLERANCE_MICROS: i64 = 5_000_000;

/// A time that a switch tells.
pub fn required_instant(name: &str, value: Option<TimestampWithTimeZone>) -> i64 {
    let Some(micros) = arguments::time(name, value) else {
        error::invalid(format!("{name} is NULL"))
    };
    if micros > now() + FUTURE_TOLERANCE_MICROS {
        error::invalid(format!("{name} lies in the future: give database time"));
    }
    micros
}

/// One run of a switch's agent.
pub fn instance(value: Option<&str>) -> Option<&str> {
    text::described(value, text::INSTANCE)
}

pub fn required_instance(value: Option<&str>) -> &str {
    instance(value).unwrap_or_else(|| invalid("instance is empty"))
}

/// Why somebody releases by hand.
pub fn reason<'a>(function: &str, value: Option<&'a str>) -> &'a str {
    text::described(value, text::REASON).unwrap_or_else(|| invalid(format!("{function} needs a reason")))
}
