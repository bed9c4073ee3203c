//! Rules for callers that call again, as they are written down in the database's columns as in REST:
//! `[{"after": "answered", "seconds": 2592000, "action": "skip"}]`; without `seconds`: for ever.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// How long people may have a caller remembered: up to ten years.
pub const SECONDS: RangeInclusive<i64> = 1..=315_360_000;

/// What the call of before must have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Offered,
    Answered,
    Qualified,
}

/// What becomes of the call that is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// This link, or this client, is passed over.
    Skip,
    /// The call is refused.
    Reject,
    /// Who had the caller is asked first.
    SameClient,
    /// And nobody else is.
    SameClientOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerRule {
    pub after: After,
    /// `None`: for ever.
    pub seconds: Option<i64>,
    pub action: Action,
}

/// What a rule may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Links and clients.
    Target,
    /// Campaigns and sellers.
    Call,
}

impl After {
    pub const ALL: [After; 3] = [After::Offered, After::Answered, After::Qualified];

    pub fn name(self) -> &'static str {
        match self {
            After::Offered => "offered",
            After::Answered => "answered",
            After::Qualified => "qualified",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|after| after.name() == name)
    }
}

impl Action {
    pub const ALL: [Action; 4] = [
        Action::Skip,
        Action::Reject,
        Action::SameClient,
        Action::SameClientOnly,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Action::Skip => "skip",
            Action::Reject => "reject",
            Action::SameClient => "same_client",
            Action::SameClientOnly => "same_client_only",
        }
    }

    fn is_of(self, of: Of) -> bool {
        (self == Action::Skip) == (of == Of::Target)
    }

    /// Who had the caller: known of a call that was answered.
    fn asks_who(self) -> bool {
        matches!(self, Action::SameClient | Action::SameClientOnly)
    }
}

impl CallerRule {
    /// Of what came to be then, in microseconds.
    pub fn remembers_until(self, at: i64) -> i64 {
        self.seconds
            .map_or(i64::MAX, |seconds| at.saturating_add(seconds * 1_000_000))
    }
}

/// What is wrong, where it is not a list of rules.
pub fn read(of: Of, rules: &Value) -> Result<Vec<CallerRule>, String> {
    let rules = rules.as_array().ok_or("a list is expected")?;
    let mut read: Vec<CallerRule> = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let numbered = |fault: String| format!("{}: {fault}", place + 1);
        let object = rule.as_object().ok_or("an object is expected".to_owned());
        let rule = object.and_then(|rule| one(of, rule)).map_err(numbered)?;
        if read.iter().any(|other| other.after == rule.after) {
            let fault = format!("there is another rule after {}", rule.after.name());
            return Err(numbered(fault));
        }
        read.push(rule);
    }
    Ok(read)
}

fn one(of: Of, rule: &Map<String, Value>) -> Result<CallerRule, String> {
    let keys = ["after", "seconds", "action"];
    if let Some(key) = rule.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(format!("{key} is unknown"));
    }
    let name = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
    let after = After::parse(name("after"));
    let after =
        after.ok_or_else(|| format!("after must be one of: {}", After::ALL.map(After::name).join(", ")))?;
    let allowed = || Action::ALL.into_iter().filter(|action| action.is_of(of));
    let action = allowed().find(|action| action.name() == name("action"));
    let action = action.ok_or_else(|| {
        let names: Vec<&str> = allowed().map(Action::name).collect();
        format!("action must be one of: {}", names.join(", "))
    })?;
    if action.asks_who() && after == After::Offered {
        return Err(format!("{} needs after answered or qualified", action.name()));
    }
    let seconds = match rule.get("seconds") {
        None | Some(Value::Null) => None,
        Some(seconds) => Some(
            seconds
                .as_i64()
                .filter(|seconds| SECONDS.contains(seconds))
                .ok_or_else(|| {
                    format!(
                        "seconds must be from {} to {}, or null: for ever",
                        SECONDS.start(),
                        SECONDS.end()
                    )
                })?,
        ),
    };
    Ok(CallerRule {
        after,
        seconds,
        action,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_read_as_they_are_written() {
        let rules = json!([{"after": "qualified", "seconds": 60, "action": "reject"},
                           {"after": "answered", "seconds": null, "action": "same_client_only"},
                           {"after": "offered", "action": "reject"}]);
        let read = read(Of::Call, &rules).unwrap();
        let told: Vec<_> = read
            .iter()
            .map(|rule| (rule.after.name(), rule.seconds, rule.action.name()))
            .collect();
        assert_eq!(
            told,
            [
                ("qualified", Some(60), "reject"),
                ("answered", None, "same_client_only"),
                ("offered", None, "reject")
            ]
        );
        assert_eq!(read[0].remembers_until(5), 60_000_005);
        assert_eq!(read[1].remembers_until(5), i64::MAX);
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (of, rules, fault) in [
            (Of::Call, json!({}), "a list is expected"),
            (Of::Call, json!([1]), "1: an object is expected"),
            (
                Of::Call,
                json!([{}]),
                "1: after must be one of: offered, answered, qualified",
            ),
            (
                Of::Call,
                json!([{"after": "never"}]),
                "1: after must be one of: offered, answered, qualified",
            ),
            (
                Of::Call,
                json!([{"after": "offered", "action": "skip"}]),
                "1: action must be one of: reject, same_client, same_client_only",
            ),
            (
                Of::Target,
                json!([{"after": "offered", "action": "reject"}]),
                "1: action must be one of: skip",
            ),
            (
                Of::Call,
                json!([{"after": "offered", "action": "same_client"}]),
                "1: same_client needs after answered or qualified",
            ),
            (
                Of::Target,
                json!([{"after": "offered", "seconds": 0, "action": "skip"}]),
                "1: seconds must be from 1 to 315360000, or null: for ever",
            ),
            (
                Of::Target,
                json!([{"after": "offered", "seconds": 1.5, "action": "skip"}]),
                "1: seconds must be from 1 to 315360000, or null: for ever",
            ),
            (
                Of::Target,
                json!([{"after": "offered", "action": "skip", "days": 3}]),
                "1: days is unknown",
            ),
            (
                Of::Target,
                json!([{"after": "offered", "action": "skip"}, {"after": "offered", "seconds": 2, "action": "skip"}]),
                "2: there is another rule after offered",
            ),
        ] {
            assert_eq!(read(of, &rules), Err(fault.to_owned()), "{rules}");
        }
    }
}
