//! The dates of an import, out of CSV or of a calendar. Of a calendar only the days of its all-day events and their names are needed, three
//! properties in all: a library for it would bring times, zones and repetitions that are refused here anyway.

use std::collections::BTreeMap;

use capconduit_core::schedule_json;
use csv::{ReaderBuilder, Trim};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::error::{ApiError, ApiResult};
use crate::http::text::Text;

const COLUMNS: [&str; 4] = ["date", "name", "opens", "closes"];
const NAME: Text = Text::title(1, 100);
/// An event that is longer is no holiday.
const MOST_DAYS: usize = 60;

/// By date: its name, and when it is open.
type Dates = BTreeMap<Date, (String, Vec<Value>)>;

/// Faults by line.
#[derive(Default)]
struct Faults(Map<String, Value>);

impl Faults {
    fn note(&mut self, line: u64, text: impl Into<String>) {
        self.0.insert(line.to_string(), json!([text.into()]));
    }
}

/// Exceptions in the order of their dates; every fault is told.
pub fn read(bytes: &[u8], is_csv: bool) -> ApiResult<Vec<Value>> {
    let text = std::str::from_utf8(bytes).map_err(|_| ApiError::field(&["lines"], "Not UTF-8."))?;
    // As spreadsheets write it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut faults = Faults::default();
    let dates = if is_csv {
        of_csv(text, &mut faults)?
    } else {
        of_calendar(text, &mut faults)
    };
    if !faults.0.is_empty() {
        return Err(ApiError::fields(Map::from_iter([(
            "lines".to_owned(),
            faults.0.into(),
        )])));
    }
    if dates.is_empty() {
        return Err(ApiError::field(&["lines"], "There is no date."));
    }
    let exceptions = dates.into_iter().map(
        |(date, (name, intervals))| json!({"date": date.to_string(), "name": name, "intervals": intervals}),
    );
    Ok(exceptions.collect())
}

/// `date,name`, and `opens` and `closes` if wanted: a line for each interval, one without times for a date that is closed.
fn of_csv(text: &str, faults: &mut Faults) -> ApiResult<Dates> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    let place = |name: &str| header.iter().position(|given| given == name);
    let (Some(date), Some(name)) = (place("date"), place("name")) else {
        return Err(ApiError::field(&["lines"], EXPECTED));
    };
    if header.iter().any(|given| !COLUMNS.contains(&given)) {
        return Err(ApiError::field(&["lines"], EXPECTED));
    }
    let (opens, closes) = (place("opens"), place("closes"));
    let mut dates = Dates::new();
    for record in reader.into_records().flatten() {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).unwrap_or_default();
        let Some(date) = schedule_json::date(cell(Some(date))) else {
            faults.note(line, "date: A day such as 2026-12-25 is expected.");
            continue;
        };
        let interval = match (cell(opens), cell(closes)) {
            ("", "") => None,
            (opens, closes) => Some(json!({"opens": opens, "closes": closes})),
        };
        add(&mut dates, date, cell(Some(name)), interval, line, faults);
    }
    Ok(dates)
}

const EXPECTED: &str = "The first line must name the columns: date and name, and opens and closes if wanted, with commas between.";

fn add(dates: &mut Dates, date: Date, name: &str, interval: Option<Value>, line: u64, faults: &mut Faults) {
    match NAME.apply(name) {
        Ok(name) => dates
            .entry(date)
            .or_insert_with(|| (name, Vec::new()))
            .1
            .extend(interval),
        Err(fault) => faults.note(line, format!("name: {fault}")),
    }
}

/// An event that is read.
#[derive(Default)]
struct Event {
    line: u64,
    from: Option<Date>,
    /// The day after its last.
    until: Option<Date>,
    name: String,
    fault: Option<&'static str>,
    is_cancelled: bool,
}

/// All-day events: closed.
fn of_calendar(text: &str, faults: &mut Faults) -> Dates {
    let mut dates = Dates::new();
    let mut event: Option<Event> = None;
    for (line, text) in unfolded(text) {
        let (property, value) = text.split_once(':').unwrap_or((&text, ""));
        let name = property
            .split(';')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match (name.as_str(), value.trim()) {
            ("BEGIN", "VEVENT") => {
                event = Some(Event {
                    line,
                    ..Event::default()
                });
            }
            ("END", "VEVENT") => {
                if let Some(event) = event.take() {
                    event.close(&mut dates, faults);
                }
            }
            (name, value) => {
                if let Some(event) = &mut event {
                    event.read(name, value);
                }
            }
        }
    }
    dates
}

impl Event {
    fn read(&mut self, name: &str, value: &str) {
        match name {
            "DTSTART" | "DTEND" => {
                let day = day(value);
                if day.is_none() {
                    self.fault = Some("Only events of whole days can be taken over.");
                }
                if name == "DTSTART" {
                    self.from = day;
                } else {
                    self.until = day;
                }
            }
            "SUMMARY" => self.name = unescaped(value),
            "RRULE" | "RDATE" => {
                self.fault = Some("An event that is repeated cannot be taken over: export each of its days.");
            }
            "STATUS" => self.is_cancelled = value.eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
    }

    fn close(self, dates: &mut Dates, faults: &mut Faults) {
        if self.is_cancelled {
            return;
        }
        let (None, Some(from)) = (self.fault, self.from) else {
            faults.note(self.line, self.fault.unwrap_or("The event has no DTSTART."));
            return;
        };
        let until = self.until.filter(|until| *until > from);
        let until = until.unwrap_or_else(|| from.tomorrow().unwrap_or(from));
        let days = from.series(1.day()).take_while(|day| *day < until);
        let days: Vec<Date> = days.take(MOST_DAYS + 1).collect();
        if days.len() > MOST_DAYS {
            faults.note(self.line, format!("The event has more than {MOST_DAYS} days."));
            return;
        }
        let name = if self.name.is_empty() {
            "Closed"
        } else {
            &self.name
        };
        for day in days {
            add(dates, day, name, None, self.line, faults);
        }
    }
}

/// 20261225.
fn day(value: &str) -> Option<Date> {
    let is_shaped = value.len() == 8 && value.bytes().all(|byte| byte.is_ascii_digit());
    let value = is_shaped.then(|| format!("{}-{}-{}", &value[..4], &value[4..6], &value[6..]))?;
    schedule_json::date(&value)
}

/// Lines with their numbers; one that begins with a blank goes on with the one before.
fn unfolded(text: &str) -> Vec<(u64, String)> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                // A name has one line.
                Some('n' | 'N') => text.push(' '),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &str, is_csv: bool) -> Value {
        match read(bytes.as_bytes(), is_csv) {
            Ok(dates) => json!(dates),
            Err(error) => json!(error.0.errors),
        }
    }

    #[test]
    fn csv_has_a_line_for_each_interval() {
        assert_eq!(
            told(
                "date,name,opens,closes\r\n2026-12-25,Christmas,,\n2026-12-24, Christmas Eve ,09:00,12:00\n\
                 2026-12-24,Christmas Eve,13:00,15:00\n",
                true
            ),
            json!([
                {"date": "2026-12-24", "name": "Christmas Eve",
                 "intervals": [{"opens": "09:00", "closes": "12:00"}, {"opens": "13:00", "closes": "15:00"}]},
                {"date": "2026-12-25", "name": "Christmas", "intervals": []},
            ])
        );
        assert_eq!(
            told("name,date\n\"New Year's, again\",2027-01-01\n", true)[0]["name"],
            "New Year's, again"
        );
        assert_eq!(
            told("date,name\n2026-02-30,x\n2026-12-25,\n", true),
            json!({"lines": {"2": ["date: A day such as 2026-12-25 is expected."], "3": ["name: Must not be empty."]}})
        );
        for bad in ["", "date\n2026-12-25\n", "date,name,note\n", "date,name\n"] {
            assert!(told(bad, true)["lines"][0].is_string(), "{bad}");
        }
    }

    #[test]
    fn a_calendar_s_all_day_events_are_closed_days() {
        let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\n\
            DTEND;VALUE=DATE:20261227\r\nSUMMARY:Christmas\\, and\r\n  Boxing Day\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\n\
            DTSTART:20270101\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20270102\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(
            told(calendar, false),
            json!([
                {"date": "2026-12-25", "name": "Christmas, and Boxing Day", "intervals": []},
                {"date": "2026-12-26", "name": "Christmas, and Boxing Day", "intervals": []},
                {"date": "2027-01-01", "name": "Closed", "intervals": []},
            ])
        );
        let event = |lines: &str| told(&format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n"), false);
        for (lines, fault) in [
            ("SUMMARY:x", "The event has no DTSTART."),
            ("DTSTART:20261225T090000Z", "Only events of whole days"),
            ("DTSTART:20261225\nRRULE:FREQ=YEARLY", "An event that is repeated"),
            (
                "DTSTART:20261225\nDTEND:20280101",
                "The event has more than 60 days.",
            ),
            ("DTSTART:20261225\nSUMMARY:\u{202e}x", "name: Invisible"),
        ] {
            let told = event(lines);
            let text = told["lines"]["1"][0].as_str().unwrap();
            assert!(text.starts_with(fault), "{lines}: {told}");
        }
        assert_eq!(told("<html>", false), json!({"lines": ["There is no date."]}));
    }
}
