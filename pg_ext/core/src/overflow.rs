//! Where a campaign's calls go that it has nobody for, as it is written down in the database's column as in REST:
//! `[{"exit": "all_closed", "campaign": 7}, {"exit": "no_more_targets", "link": 3}]`.

use serde_json::{Map, Value};

use crate::reason::Reject;

/// Why a campaign has nobody for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    AllClosed,
    /// They have had their calls, or are busy.
    AllCapped,
    /// Each was tried, or there is nobody to try.
    NoMoreTargets,
}

impl Exit {
    pub const ALL: [Exit; 3] = [Exit::AllClosed, Exit::AllCapped, Exit::NoMoreTargets];

    pub fn name(self) -> &'static str {
        match self {
            Exit::AllClosed => "all_closed",
            Exit::AllCapped => "all_capped",
            Exit::NoMoreTargets => "no_more_targets",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.name() == name)
    }

    /// None: no link was asked, or nothing is left to be asked with.
    pub fn of(reject: Reject) -> Option<Self> {
        match reject {
            Reject::AllClosed => Some(Exit::AllClosed),
            Reject::AllCapped | Reject::NoEligibleClientsAvailable => Some(Exit::AllCapped),
            Reject::NoActiveClientsInCampaign | Reject::NoMoreTargets { .. } => Some(Exit::NoMoreTargets),
            Reject::InvalidDidInput
            | Reject::DidNotFound
            | Reject::DidInactive
            | Reject::OwnerInactive
            | Reject::NoActiveCampaignForDid
            | Reject::CampaignPaused
            | Reject::Closed
            | Reject::CallerBlocked
            | Reject::AnonymousCaller
            | Reject::DuplicateCaller
            | Reject::RedialTooSoon
            | Reject::RingBudgetSpent
            | Reject::CallEnded
            | Reject::Capped(_) => None,
        }
    }
}

/// Who is asked then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Another campaign of the same seller.
    Campaign(i64),
    /// A link of its own, which is asked for nothing else.
    Link(i64),
}

/// One for each exit at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overflow(Vec<(Exit, To)>);

impl Overflow {
    pub fn to(&self, exit: Exit) -> Option<To> {
        let found = self.0.iter().find(|(of, _)| *of == exit);
        found.map(|(_, to)| *to)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the link waits until there is nobody else.
    pub fn keeps_back(&self, link_id: i64) -> bool {
        self.0.iter().any(|(_, to)| *to == To::Link(link_id))
    }

    /// What is wrong, where it is none.
    pub fn read(written: &Value) -> Result<Self, String> {
        let exits = written.as_array().ok_or("a list is expected")?;
        let mut read: Vec<(Exit, To)> = Vec::new();
        for (place, exit) in exits.iter().enumerate() {
            let numbered = |fault: String| format!("{}: {fault}", place + 1);
            let object = exit.as_object().ok_or("an object is expected".to_owned());
            let (exit, to) = object.and_then(one).map_err(numbered)?;
            if read.iter().any(|(other, _)| *other == exit) {
                return Err(numbered(format!("there is another one for {}", exit.name())));
            }
            read.push((exit, to));
        }
        Ok(Overflow(read))
    }
}

fn one(written: &Map<String, Value>) -> Result<(Exit, To), String> {
    let keys = ["exit", "campaign", "link"];
    if let Some(key) = written.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(format!("{key} is unknown"));
    }
    let exit = written.get("exit").and_then(Value::as_str).and_then(Exit::parse);
    let exit =
        exit.ok_or_else(|| format!("exit must be one of: {}", Exit::ALL.map(Exit::name).join(", ")))?;
    let id = |key: &str| match written.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(id) => match id.as_i64() {
            Some(id) if id > 0 => Ok(Some(id)),
            _ => Err(format!("{key} must be the id of one")),
        },
    };
    match (id("campaign")?, id("link")?) {
        (Some(id), None) => Ok((exit, To::Campaign(id))),
        (None, Some(id)) => Ok((exit, To::Link(id))),
        _ => Err("either a campaign or a link is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_exit_leads_to_one() {
        let read = Overflow::read(&json!([
            {"exit": "all_closed", "campaign": 7},
            {"exit": "no_more_targets", "link": 3, "campaign": null},
        ]))
        .unwrap();
        assert_eq!(read.to(Exit::AllClosed), Some(To::Campaign(7)));
        assert_eq!(read.to(Exit::AllCapped), None);
        assert_eq!(read.to(Exit::NoMoreTargets), Some(To::Link(3)));
        assert!(read.keeps_back(3) && !read.keeps_back(7));
        assert_eq!(Overflow::read(&json!([])), Ok(Overflow::default()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let faults = [
            (json!({}), "a list is expected"),
            (json!([1]), "1: an object is expected"),
            (
                json!([{"exit": "all_closed", "campaign": 7}, {"exit": "all_closed", "link": 1}]),
                "2: there is another one for all_closed",
            ),
            (
                json!([{"exit": "closed", "campaign": 7}]),
                "1: exit must be one of: all_closed, all_capped, no_more_targets",
            ),
            (
                json!([{"exit": "all_closed"}]),
                "1: either a campaign or a link is expected",
            ),
            (
                json!([{"exit": "all_closed", "link": 1, "campaign": 7}]),
                "1: either a campaign or a link is expected",
            ),
            (
                json!([{"exit": "all_closed", "link": 0}]),
                "1: link must be the id of one",
            ),
            (
                json!([{"exit": "all_closed", "campaign": "7"}]),
                "1: campaign must be the id of one",
            ),
            (json!([{"exit": "all_closed", "to": 7}]), "1: to is unknown"),
        ];
        for (written, fault) in faults {
            assert_eq!(Overflow::read(&written), Err(fault.to_owned()), "{written}");
        }
    }

    #[test]
    fn a_reject_by_links_is_an_exit() {
        let exits = Reject::all().filter_map(|reject| Some((reject.token(), Exit::of(reject)?.name())));
        assert_eq!(
            exits.collect::<Vec<_>>(),
            [
                ("all_closed", "all_closed"),
                ("no_active_clients_in_campaign", "no_more_targets"),
                ("all_capped", "all_capped"),
                ("no_eligible_clients_available", "all_capped"),
                ("no_more_targets", "no_more_targets"),
            ]
        );
    }
}
