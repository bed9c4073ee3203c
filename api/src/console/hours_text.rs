//! Hours as lines that people write, and as the lists of the API: `monday 08:00-12:00, 13:00-17:00` of a week, `2026-12-24 09:00-13:00
//! Christmas Eve` and `2026-12-25 closed Christmas` of dates. What the words may be is the API's rule.

use std::fmt::Write;

use capconduit_core::schedule::DAYS;
use serde_json::{Value, json};

const CLOSED: &str = "closed";

/// `08:00-12:00,13:00-17:00`; closed is no interval.
fn intervals(text: &str) -> Result<Vec<(&str, &str)>, String> {
    if text == CLOSED || text.is_empty() {
        return Ok(Vec::new());
    }
    let parts = text.split(',').map(str::trim);
    parts
        .map(|part| {
            let pair = part.split_once(['-', '–']);
            let (opens, closes) = pair.ok_or_else(|| format!("'{part}' is not like 08:00-17:00"))?;
            Ok((opens.trim(), closes.trim()))
        })
        .collect()
}

/// Each line by itself; a fault says which one it is in.
fn each(text: &str, read: impl Fn(&str) -> Result<Vec<Value>, String>) -> Result<Value, String> {
    let mut all = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let read = read(line.trim()).map_err(|fault| format!("Line {}: {fault}.", place + 1));
        all.extend(read?);
    }
    Ok(Value::Array(all))
}

pub fn read_week(text: &str) -> Result<Value, String> {
    each(text, |line| {
        let (day, hours) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let day = day.trim_end_matches(':').to_ascii_lowercase();
        let hours = intervals(hours.trim())?.into_iter();
        Ok(hours
            .map(|(opens, closes)| json!({"day": day, "opens": opens, "closes": closes}))
            .collect())
    })
}

pub fn read_dates(text: &str) -> Result<Value, String> {
    each(text, |line| {
        if line.is_empty() {
            return Ok(Vec::new());
        }
        let mut words = line.splitn(3, char::is_whitespace);
        let (date, hours, name) = (words.next(), words.next(), words.next());
        let (Some(date), Some(hours), Some(name)) = (date, hours, name) else {
            return Err("a date, its hours or closed, and a name are expected".into());
        };
        let hours = intervals(hours)?.into_iter();
        let hours: Vec<Value> = hours
            .map(|(opens, closes)| json!({"opens": opens, "closes": closes}))
            .collect();
        Ok(vec![
            json!({"date": date, "name": name.trim(), "intervals": hours}),
        ])
    })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `08:00-12:00, 13:00-17:00`, or closed.
fn hours<'a>(intervals: impl Iterator<Item = &'a Value>, between: &str) -> String {
    let all: Vec<String> = intervals
        .map(|one| format!("{}-{}", text(one, "opens"), text(one, "closes")))
        .collect();
    if all.is_empty() {
        CLOSED.into()
    } else {
        all.join(between)
    }
}

/// Every day of the week with its hours.
pub fn week(weekly: &Value) -> Vec<(&'static str, String)> {
    let of = |day| {
        let all = weekly.as_array().into_iter().flatten();
        hours(all.filter(|one| text(one, "day") == day), ", ")
    };
    DAYS.into_iter().map(|day| (day, of(day))).collect()
}

/// Every date with its hours and its name.
pub fn dates(exceptions: &Value) -> Vec<(String, String, String)> {
    let all = exceptions.as_array().into_iter().flatten();
    all.map(|one| {
        let intervals = one["intervals"].as_array().into_iter().flatten();
        (
            text(one, "date").to_owned(),
            hours(intervals, ","),
            text(one, "name").to_owned(),
        )
    })
    .collect()
}

pub fn write_week(weekly: &Value) -> String {
    week(weekly)
        .iter()
        .fold(String::new(), |mut lines, (day, hours)| {
            let _ = writeln!(lines, "{day} {hours}");
            lines
        })
}

pub fn write_dates(exceptions: &Value) -> String {
    dates(exceptions)
        .iter()
        .fold(String::new(), |mut lines, (date, hours, name)| {
            let _ = writeln!(lines, "{date} {hours} {name}");
            lines
        })
}

#[cfg(test)]
mod tests {
    use capconduit_core::schedule_json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let weekly = json!([
            {"day": "monday", "opens": "08:00", "closes": "12:00"},
            {"day": "monday", "opens": "13:00", "closes": "17:00"},
            {"day": "saturday", "opens": "20:00", "closes": "02:00"},
        ]);
        let exceptions = json!([
            {"date": "2026-12-24", "name": "Christmas Eve", "intervals": [{"opens": "09:00", "closes": "13:00"},
                                                                          {"opens": "14:00", "closes": "15:00"}]},
            {"date": "2026-12-25", "name": "Christmas", "intervals": []},
        ]);
        let lines = write_week(&weekly);
        assert!(
            lines.starts_with("monday 08:00-12:00, 13:00-17:00\ntuesday closed\n"),
            "{lines}"
        );
        assert_eq!(read_week(&lines), Ok(weekly.clone()));
        let lines = write_dates(&exceptions);
        assert_eq!(
            lines,
            "2026-12-24 09:00-13:00,14:00-15:00 Christmas Eve\n2026-12-25 closed Christmas\n"
        );
        assert_eq!(read_dates(&lines), Ok(exceptions.clone()));
        assert!(schedule_json::read("UTC", &weekly, &exceptions).is_ok());
    }

    #[test]
    fn a_fault_says_where_it_is() {
        for (text, fault) in [
            ("monday 8 to 5", "Line 1: '8 to 5' is not like 08:00-17:00."),
            ("monday closed\ntuesday 9", "Line 2: '9' is not like 08:00-17:00."),
        ] {
            assert_eq!(read_week(text), Err(fault.into()));
        }
        let fault = "Line 1: a date, its hours or closed, and a name are expected.";
        assert_eq!(read_dates("2026-12-25"), Err(fault.into()));
        assert_eq!(
            read_week("Monday: 08:00 – 17:00"),
            read_week("monday 08:00-17:00")
        );
        assert_eq!(read_dates("\n"), Ok(json!([])));
    }
}
