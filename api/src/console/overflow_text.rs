//! Where a campaign's calls overflow to as lines that people write, and as the list of the API: `all closed: campaign 7`. What the words may be
//! is the API's rule.

use serde_json::{Value, json};

use super::rules_text::read_lines;

pub fn read(text: &str) -> Result<Value, String> {
    read_lines(text, "all closed: campaign 7", one)
}

fn one(line: &str) -> Option<Value> {
    let (exit, to) = line.split_once(':')?;
    let exit: Vec<&str> = exit.split_whitespace().collect();
    let mut words = to.split_whitespace();
    let kind = words.next().filter(|kind| ["campaign", "link"].contains(kind))?;
    let id: i64 = words.next()?.parse().ok()?;
    let exit = json!({"exit": exit.join("_"), kind: id});
    words.next().is_none().then_some(exit)
}

pub fn write(overflow: &Value) -> String {
    let lines = overflow.as_array().into_iter().flatten().map(|exit| {
        let name = exit["exit"].as_str().unwrap_or_default().replace('_', " ");
        let to = ["campaign", "link"]
            .into_iter()
            .find_map(|kind| Some(format!("{kind} {}", exit[kind].as_i64()?)));
        format!("{name}: {}", to.unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_written_as_they_are_read() {
        let text = "all closed: campaign 7\nno more targets: link 3";
        let overflow = json!([{"exit": "all_closed", "campaign": 7}, {"exit": "no_more_targets", "link": 3}]);
        assert_eq!(read(text), Ok(overflow.clone()));
        assert_eq!(write(&overflow), text);
        assert_eq!(
            read(" All  closed : Campaign 7.\n\n"),
            read("all closed: campaign 7")
        );
        assert_eq!((read(""), write(&json!([]))), (Ok(json!([])), String::new()));
    }

    #[test]
    fn what_is_no_exit_says_which_line_it_is() {
        for line in [
            "all closed",
            "all closed: 7",
            "all closed: campaign",
            "all closed: campaign seven",
            "all closed: client 7",
            "all closed: campaign 7 or 8",
        ] {
            let fault = read(&format!("all capped: link 1\n{line}")).unwrap_err();
            assert!(fault.starts_with(&format!("Line 2: '{line}'")), "{fault}");
        }
    }
}
