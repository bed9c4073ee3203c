//! A schedule as it is written down, in the database's columns as in REST:
//! `[{"day": "monday", "opens": "09:00", "closes": "17:00"}]`, and exceptions such as
//! `[{"date": "2026-12-25", "name": "Christmas", "intervals": []}]`.

use serde_json::{Map, Value};

use crate::names;
use crate::schedule::{DAYS, Exception, Interval, Schedule};
use crate::zone;

pub const MOST_WEEKLY: usize = 100;
/// Some twenty years of holidays.
pub const MOST_EXCEPTIONS: usize = 1_000;
const MOST_OF_A_DATE: usize = 20;
const NAME_LENGTH: usize = 100;

/// What is wrong, and with which of the two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub list: &'static str,
    pub text: String,
}

pub const WEEKLY: &str = "weekly";
pub const EXCEPTIONS: &str = "exceptions";

pub fn read(zone_name: &str, weekly: &Value, exceptions: &Value) -> Result<Schedule, Fault> {
    let zone = zone::parse(zone_name).ok_or_else(|| Fault {
        list: "time_zone",
        text: format!("{} is not accepted: {}", zone_name, zone::EXPECTED),
    })?;
    let weekly = each(WEEKLY, weekly, MOST_WEEKLY, |object| {
        let day = text(object, "day")?;
        let day = DAYS.iter().position(|name| *name == day);
        let day = day.ok_or_else(|| format!("day must be one of: {}", DAYS.join(", ")))?;
        Ok((day, interval(object, &["day", "opens", "closes"])?))
    })?;
    let exceptions = each(EXCEPTIONS, exceptions, MOST_EXCEPTIONS, exception)?;
    Schedule::new(zone, &weekly, exceptions).map_err(|overlap| Fault {
        list: if overlap.of_weekly { WEEKLY } else { EXCEPTIONS },
        text: overlap.text,
    })
}

/// Of a list of objects; a fault says which of them it is.
fn each<T>(
    list: &'static str,
    values: &Value,
    most: usize,
    read: impl Fn(&Map<String, Value>) -> Result<T, String>,
) -> Result<Vec<T>, Fault> {
    let fault = |text: String| Fault { list, text };
    let values = values
        .as_array()
        .ok_or_else(|| fault("a list is expected".to_owned()))?;
    if values.len() > most {
        return Err(fault(format!(
            "{} of them, where {most} are the most",
            values.len()
        )));
    }
    let read = |(place, value): (usize, &Value)| {
        let object = value
            .as_object()
            .ok_or_else(|| "an object is expected".to_owned());
        object
            .and_then(&read)
            .map_err(|text| fault(format!("{}: {text}", place + 1)))
    };
    values.iter().enumerate().map(read).collect()
}

fn exception(object: &Map<String, Value>) -> Result<Exception, String> {
    known(object, &["date", "name", "intervals"])?;
    let date = date(text(object, "date")?).ok_or("date must be a day such as 2026-12-25")?;
    let name = text(object, "name")?;
    names::check(name, false).map_err(|fault| format!("name: {fault}"))?;
    if name.chars().count() > NAME_LENGTH {
        return Err(format!("name has more than {NAME_LENGTH} characters"));
    }
    let intervals = object.get("intervals").and_then(Value::as_array);
    let intervals = intervals.ok_or("intervals must be a list, empty where it is closed")?;
    if intervals.len() > MOST_OF_A_DATE {
        return Err(format!("more than {MOST_OF_A_DATE} intervals"));
    }
    let intervals = intervals.iter().map(|value| {
        let object = value.as_object().ok_or("an interval must be an object")?;
        interval(object, &["opens", "closes"])
    });
    Ok(Exception::new(date, intervals.collect::<Result<_, String>>()?))
}

/// YYYY-MM-DD and nothing else, of a year that calls can come in.
pub fn date(text: &str) -> Option<jiff::civil::Date> {
    let is_shaped = text.len() == 10
        && text.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date: jiff::civil::Date = is_shaped.then(|| text.parse().ok()).flatten()?;
    (1970..=2200).contains(&date.year()).then_some(date)
}

fn interval(object: &Map<String, Value>, keys: &[&str]) -> Result<Interval, String> {
    known(object, keys)?;
    let (opens, closes) = (text(object, "opens")?, text(object, "closes")?);
    Interval::parse(opens, closes)
        .ok_or_else(|| "opens must be a time such as 09:00, and closes one up to 24:00".to_owned())
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    let value = object.get(key).and_then(Value::as_str);
    value.ok_or_else(|| format!("{key} must be a text"))
}

fn known(object: &Map<String, Value>, keys: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("{key} is unknown")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let monday = json!({"day": "monday", "opens": "09:00", "closes": "17:00"});
        let christmas = json!({"date": "2026-12-25", "name": "Christmas", "intervals": []});
        assert!(read("Europe/Berlin", &json!([monday]), &json!([christmas])).is_ok());
        for (weekly, exceptions, list, text) in [
            (json!({}), json!([]), WEEKLY, "a list is expected"),
            (json!([monday, 7]), json!([]), WEEKLY, "2: an object is expected"),
            (
                json!([{"day": "mon"}]),
                json!([]),
                WEEKLY,
                "1: day must be one of: monday,",
            ),
            (
                json!([{"day": "monday", "opens": "9:00", "closes": "17:00"}]),
                json!([]),
                WEEKLY,
                "1: opens must be a time such as 09:00",
            ),
            (
                json!([{"day": "monday", "opens": "09:00", "closes": "17:00", "note": 1}]),
                json!([]),
                WEEKLY,
                "1: note is unknown",
            ),
            (
                json!([monday, monday]),
                json!([]),
                WEEKLY,
                "monday 09:00–17:00 and monday",
            ),
            (
                json!([]),
                json!([{"date": "2026-02-29", "name": "x", "intervals": []}]),
                EXCEPTIONS,
                "1: date must be a day",
            ),
            (
                json!([]),
                json!([{"date": "2026-12-25", "intervals": []}]),
                EXCEPTIONS,
                "1: name must be a text",
            ),
            (
                json!([]),
                json!([{"date": "2026-12-25", "name": "\u{202e}x", "intervals": []}]),
                EXCEPTIONS,
                "1: name: Invisible",
            ),
            (
                json!([]),
                json!([{"date": "2026-12-25", "name": "x"}]),
                EXCEPTIONS,
                "1: intervals must be",
            ),
            (
                json!([]),
                json!([christmas, christmas]),
                EXCEPTIONS,
                "2026-12-25 has two exceptions",
            ),
        ] {
            let fault = read("UTC", &weekly, &exceptions).unwrap_err();
            assert_eq!(fault.list, list, "{fault:?}");
            assert!(fault.text.starts_with(text), "{fault:?}");
        }
        let many = Value::from(vec![monday; MOST_WEEKLY + 1]);
        assert!(read("UTC", &many, &json!([])).is_err());
        assert_eq!(read("CET", &json!([]), &json!([])).unwrap_err().list, "time_zone");
    }
}
