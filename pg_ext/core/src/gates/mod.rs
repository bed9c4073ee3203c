//! The gates that a call passes before a link takes it, those of one kind in one file, in the order in which a reason
//! is told: those of the call, then those of each link. `route_call`, `next_target` and all that foretell them walk this one list.

use crate::facts::{Campaign, Dialled, Link};
use crate::gate::{Asked, Figures, Gate, Rule, Told, Verdict};

mod already_tried;
pub mod callers;
mod campaign_inactive;
pub mod caps;
mod client_inactive;
mod closed;
mod concurrency_cap;
mod did_inactive;
mod kept_back;
mod link_inactive;
mod no_campaign;
mod no_contact;
pub mod opening;
mod owner_inactive;
mod paused;
pub mod seats;
pub mod spacing;
mod total_cap;

/// Of a call, before any link is looked at.
pub static OF_CALLS: [&Gate; 29] = [
    &did_inactive::GATE,
    &owner_inactive::GATE,
    &no_campaign::GATE,
    &campaign_inactive::GATE,
    &paused::CAMPAIGN,
    &closed::DID,
    &closed::CAMPAIGN,
    &callers::BLOCKED,
    &callers::ANONYMOUS,
    &callers::DUPLICATE,
    &callers::REDIAL,
    // What holds longest is told first.
    &caps::SELLER_TOTAL,
    &caps::CAMPAIGN_TOTAL,
    &caps::DID_TOTAL,
    &caps::SELLER_MONTH,
    &caps::CAMPAIGN_MONTH,
    &caps::DID_MONTH,
    &caps::SELLER_WEEK,
    &caps::CAMPAIGN_WEEK,
    &caps::DID_WEEK,
    &caps::SELLER_DAY,
    &caps::CAMPAIGN_DAY,
    &caps::DID_DAY,
    &caps::SELLER_HOUR,
    &caps::CAMPAIGN_HOUR,
    &caps::DID_HOUR,
    &caps::SELLER_CONCURRENT,
    &caps::CAMPAIGN_CONCURRENT,
    &caps::DID_CONCURRENT,
];

pub static OF_LINKS: [&Gate; 32] = [
    &kept_back::GATE,
    &already_tried::GATE,
    &link_inactive::GATE,
    &client_inactive::GATE,
    &paused::LINK,
    &paused::CLIENT,
    &closed::CLIENT,
    &closed::LINK,
    &no_contact::GATE,
    &seats::STALE,
    &callers::CLIENT,
    &callers::LINK,
    &callers::CLIENT_DUPLICATE,
    &callers::LINK_DUPLICATE,
    &callers::SAME_CLIENT_ONLY,
    // As above; over one window the client's before the link's.
    &caps::CLIENT_TOTAL,
    &total_cap::GATE,
    &caps::LINK_TOTAL,
    &caps::CLIENT_MONTH,
    &caps::LINK_MONTH,
    &caps::CLIENT_WEEK,
    &caps::LINK_WEEK,
    &caps::CLIENT_DAY,
    &caps::LINK_DAY,
    &caps::CLIENT_HOUR,
    &caps::LINK_HOUR,
    &caps::CLIENT_CONCURRENT,
    &seats::FULL,
    &concurrency_cap::GATE,
    &caps::LINK_CONCURRENT,
    &spacing::CLIENT,
    &spacing::LINK,
];

/// The campaign whose links may be asked, or the first gate that stops the call.
pub fn admit<'a>(dialled: &'a Dialled, asked: &Asked<'_>) -> Result<&'a Campaign, &'static Gate> {
    let stopped = OF_CALLS
        .into_iter()
        .find(|gate| matches!(gate.rule, Rule::Call { stops, .. } if stops(dialled, asked)));
    match (stopped, &dialled.campaign) {
        (None, Some(campaign)) => Ok(campaign),
        (stopped, _) => Err(stopped.unwrap_or(&campaign_inactive::GATE)),
    }
}

/// The first gate that stops the link, or `Eligible`.
pub fn judge(link: &Link, asked: &Asked<'_>) -> Verdict {
    OF_LINKS
        .into_iter()
        .find(|gate| matches!(gate.rule, Rule::Link { stops, .. } if stops(link, asked)))
        .map_or(Verdict::Eligible, Verdict::Stopped)
}

/// Where a gate stands in the list.
pub fn place(gate: &Gate) -> usize {
    let all = OF_CALLS.iter().chain(&OF_LINKS);
    all.take_while(|other| **other != gate).count()
}

/// A gate that was asked, and what it goes by.
pub struct Step {
    pub gate: &'static Gate,
    pub stops: bool,
    pub figures: Figures,
}

/// The gates that a call is asked at, up to the one that stops it.
pub fn walk_call(dialled: &Dialled, asked: &Asked<'_>) -> Vec<Step> {
    walk(&OF_CALLS, |gate| match gate.rule {
        Rule::Call { stops, figures } => Some((stops(dialled, asked), figures(dialled, asked))),
        Rule::Link { .. } => None,
    })
}

/// The gates that a link is asked at, up to the one that stops it.
pub fn walk_link(link: &Link, asked: &Asked<'_>) -> Vec<Step> {
    walk(&OF_LINKS, |gate| match gate.rule {
        Rule::Call { .. } => None,
        Rule::Link { stops, figures } => Some((stops(link, asked), figures(link, asked))),
    })
}

fn walk(gates: &[&'static Gate], ask: impl Fn(&Gate) -> Option<(bool, Figures)>) -> Vec<Step> {
    let mut steps = Vec::new();
    for gate in gates {
        if let Some((stops, figures)) = ask(gate)
            && (gate.is_told == Told::Always || !figures.is_empty())
        {
            steps.push(Step { gate, stops, figures });
            if stops {
                break;
            }
        }
    }
    steps
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::facts::Contact;
    use crate::facts::tests::{dialled, link};
    use crate::pause::tests::pause;
    use crate::reason::Reject;

    /// Whether this gate of links stops this one.
    pub(crate) fn stops(gate: &Gate, link: &Link, asked: &Asked<'_>) -> bool {
        match gate.rule {
            Rule::Link { stops, .. } => stops(link, asked),
            Rule::Call { .. } => panic!("{gate:?} judges no link"),
        }
    }

    pub(crate) fn figures(gate: &Gate, link: &Link, asked: &Asked<'_>) -> Figures {
        match gate.rule {
            Rule::Link { figures, .. } => figures(link, asked),
            Rule::Call { .. } => panic!("{gate:?} judges no link"),
        }
    }

    /// The gate of that name: tests elsewhere ask for a verdict by it.
    pub(crate) fn stopped(name: &str) -> Verdict {
        let found = OF_CALLS
            .into_iter()
            .chain(OF_LINKS)
            .find(|gate| gate.name == name);
        Verdict::Stopped(found.unwrap_or_else(|| panic!("no gate {name}")))
    }

    #[test]
    fn each_gate_has_a_name_of_its_own_in_the_list_of_its_kind() {
        let all = OF_CALLS.into_iter().chain(OF_LINKS);
        let mut names: Vec<&str> = all.map(|gate| gate.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OF_CALLS.len() + OF_LINKS.len());
        let of_link = |gate: &&Gate| matches!(gate.rule, Rule::Link { .. });
        assert!(OF_LINKS.iter().all(of_link) && !OF_CALLS.iter().any(of_link));
        assert!(
            OF_CALLS
                .iter()
                .all(|gate| Reject::all().any(|says| says == gate.says))
        );
    }

    #[test]
    fn a_call_is_told_the_first_gate_that_stops_it() {
        let asked = Asked::default();
        let stopped = |dialled: &Dialled| admit(dialled, &asked).err().map(|gate| (gate.name, gate.says));
        let mut facts = dialled();
        assert_eq!(stopped(&facts), None);
        assert_eq!(admit(&facts, &asked).unwrap().id, 1);
        facts.campaign.as_mut().unwrap().pause = Some(pause(1));
        assert_eq!(stopped(&facts), Some(("campaign_paused", Reject::CampaignPaused)));
        facts.campaign = None;
        assert_eq!(
            stopped(&facts),
            Some(("campaign_inactive", Reject::NoActiveCampaignForDid))
        );
        facts.campaigns = 0;
        assert_eq!(
            stopped(&facts),
            Some(("no_campaign", Reject::NoActiveCampaignForDid))
        );
        facts.owner_active = false;
        assert_eq!(stopped(&facts), Some(("owner_inactive", Reject::OwnerInactive)));
        facts.did_active = false;
        assert_eq!(stopped(&facts), Some(("did_inactive", Reject::DidInactive)));
    }

    #[test]
    fn a_link_is_told_the_first_gate_that_stops_it() {
        let asked = Asked::default();
        type Open = fn(&mut Link);
        // Each of these opens a gate more, in the order of the list.
        let opened: [(&str, Open); 11] = [
            ("already_tried", |link| link.already_tried = false),
            ("link_inactive", |link| link.link_active = true),
            ("client_inactive", |link| link.client_active = true),
            ("link_paused", |link| link.pause = None),
            ("client_paused", |link| link.client_pause = None),
            ("no_contact", |link| link.contact = Contact::Fixed),
            ("total_cap", |link| link.total_calls_allowed = None),
            ("concurrency_cap", |link| link.active = 0),
            ("client_spacing", |link| link.client_min_seconds_between = None),
            ("spacing", |link| link.min_seconds_between = None),
            ("eligible", |_| ()),
        ];
        let mut shut = Link {
            already_tried: true,
            link_active: false,
            client_active: false,
            pause: Some(pause(1)),
            client_pause: Some(pause(1)),
            contact: Contact::None,
            total_calls_allowed: Some(0),
            active: 2,
            min_seconds_between: Some(1),
            reserved_at: Some(0),
            client_min_seconds_between: Some(1),
            client_reserved_at: Some(0),
            ..link(1)
        };
        for (name, open) in opened {
            assert_eq!(judge(&shut, &asked).token(), name);
            open(&mut shut);
        }
    }

    #[test]
    fn a_walk_ends_where_it_is_stopped() {
        let asked = Asked::default();
        let told = |steps: Vec<Step>| -> Vec<(&str, bool)> {
            steps.iter().map(|step| (step.gate.name, step.stops)).collect()
        };
        let inactive = Dialled {
            owner_active: false,
            ..dialled()
        };
        assert_eq!(
            told(walk_call(&inactive, &asked)),
            [("did_inactive", false), ("owner_inactive", true)]
        );
        let spaced = Link {
            min_seconds_between: Some(1),
            reserved_at: Some(0),
            ..link(1)
        };
        let whole = told(walk_link(&spaced, &asked));
        assert_eq!(whole.last(), Some(&("spacing", true)));
        let always = |gates: &[&Gate]| gates.iter().filter(|gate| gate.is_told == Told::Always).count();
        assert_eq!(whole.len(), always(&OF_LINKS));
        assert_eq!(walk_call(&dialled(), &asked).len(), always(&OF_CALLS));
    }
}
