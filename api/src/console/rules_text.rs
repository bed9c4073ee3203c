//! Rules for callers that call again as lines that people write, and as the list of the API: `reject after answered within 30 days`.
//! What the words may be is the API's rule.

use serde_json::{Map, Value, json};

use super::form::{Field, Kind};

const SECONDS_OF: [(&str, i64); 5] = [
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
    ("sec", 1),
];

/// Rules for calls, as campaigns and sellers have them.
pub fn of_calls(label: &'static str, rules: &Value) -> Field {
    Field::new("callerRules", label, Kind::Written(read, write))
        .help("On each line what becomes of a caller whose call of before was offered, answered or qualified (a good call), such as: reject after answered within 30 days; or same client after answered, same client only after qualified. Without within: for ever.")
        .written(rules)
}

pub fn read(text: &str) -> Result<Value, String> {
    read_lines(text, "reject after answered within 30 days", one)
}

/// A list, each of whose items is a line in small letters. What is none says which line it is, and how one looks.
pub fn read_lines(text: &str, like: &str, one: impl Fn(&str) -> Option<Value>) -> Result<Value, String> {
    let lines = text.lines().map(str::trim).enumerate();
    let items = lines.filter(|(_, line)| !line.is_empty()).map(|(place, line)| {
        let item = one(&line.trim_end_matches('.').to_ascii_lowercase());
        item.ok_or_else(|| format!("Line {}: '{line}' is not like: {like}.", place + 1))
    });
    Ok(Value::Array(items.collect::<Result<_, String>>()?))
}

fn one(line: &str) -> Option<Value> {
    let mut words = line.split_whitespace();
    let action: Vec<&str> = words.by_ref().take_while(|word| *word != "after").collect();
    let mut rule = Map::from_iter([
        ("action".to_owned(), json!(action.join("_"))),
        ("after".to_owned(), json!(words.next()?)),
    ]);
    match words.next() {
        None => {}
        Some("within") => {
            let (count, unit) = (words.next()?.parse::<i64>().ok()?, words.next()?);
            let unit = unit.trim_end_matches('s');
            let (_, seconds) = SECONDS_OF.into_iter().find(|(name, _)| *name == unit)?;
            rule.insert("seconds".to_owned(), json!(count.checked_mul(seconds)?));
        }
        Some(_) => return None,
    }
    words.next().is_none().then_some(Value::Object(rule))
}

pub fn write(rules: &Value) -> String {
    let lines = rules.as_array().into_iter().flatten().map(|rule| {
        let word = |key: &str| rule[key].as_str().unwrap_or_default().replace('_', " ");
        let within = rule["seconds"].as_i64().map(within).unwrap_or_default();
        format!("{} after {}{within}", word("action"), word("after"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// In the longest unit that it is a whole number of.
fn within(seconds: i64) -> String {
    let whole = SECONDS_OF.into_iter().find(|(_, unit)| seconds % unit == 0);
    let (name, unit) = whole.unwrap_or(("second", 1));
    let count = seconds / unit;
    let plural = if count == 1 { "" } else { "s" };
    format!(" within {count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        let text = "reject after qualified within 30 days\nsame client only after answered\nskip after offered within 90 seconds";
        let rules = json!([{"action": "reject", "after": "qualified", "seconds": 2_592_000},
                           {"action": "same_client_only", "after": "answered"},
                           {"action": "skip", "after": "offered", "seconds": 90}]);
        assert_eq!(read(text), Ok(rules.clone()));
        assert_eq!(write(&rules), text);
        assert_eq!(
            read(" Reject  after answered within 1 hour.\n\n"),
            read("reject after answered within 3600 sec")
        );
        assert_eq!(
            write(&json!([{"action": "skip", "after": "answered", "seconds": 3600}])),
            "skip after answered within 1 hour"
        );
        assert_eq!((read(""), write(&json!([]))), (Ok(json!([])), String::new()));
    }

    #[test]
    fn what_is_no_rule_says_which_line_it_is() {
        for line in [
            "reject",
            "reject after",
            "reject after answered 30 days",
            "reject after answered within days",
            "reject after answered within 3 weeks",
            "reject after answered within 9223372036854775807 days",
            "reject after answered within 3 days or so",
        ] {
            let fault = read(&format!("skip after offered\n{line}")).unwrap_err();
            assert!(fault.starts_with(&format!("Line 2: '{line}'")), "{fault}");
        }
    }
}
