//! Callers: those without a number, those that are blocked, those that have called before, and those that call again too soon. What is
//! allowed beats what is blocked, and what is blocked all else, of the same side: a seller lifts no block of the platform's, nor the
//! platform a seller's. A link and a client judge by their own marks.

use crate::caller_rules::{Action, CallerRule};
use crate::callers::{Former, Marked, Repeat, Scope};
use crate::facts::{Campaign, Dialled};
use crate::gate::{Asked, Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::gates::spacing::Spacing;
use crate::reason::Reject;

pub static ANONYMOUS: Gate = Gate {
    name: "anonymous_caller",
    says: Reject::AnonymousCaller,
    freed_by: FreedBy::Change,
    is_told: Told::WhereSet,
    rule: Rule::Call {
        stops: |dialled, asked| rejects_anonymous(dialled) && asked.is_anonymous(),
        figures: |dialled, asked| {
            if rejects_anonymous(dialled) {
                vec![("anonymous", Figure::Count(asked.is_anonymous().into()))]
            } else {
                Figures::new()
            }
        },
    },
};

/// By the platform, by the seller, or in the campaign.
pub static BLOCKED: Gate = Gate {
    name: "caller_blocked",
    says: Reject::CallerBlocked,
    freed_by: FreedBy::Date,
    is_told: Told::WhereSet,
    rule: Rule::Call {
        stops: |dialled, asked| block(dialled, asked.at).is_some(),
        figures: |dialled, asked| match block(dialled, asked.at) {
            Some((scope, until)) => blocked(scope, until),
            None => Figures::new(),
        },
    },
};

pub static REDIAL: Gate = Gate {
    name: "redial_too_soon",
    says: Reject::RedialTooSoon,
    freed_by: FreedBy::Time,
    is_told: Told::WhereSet,
    rule: Rule::Call {
        stops: |dialled, asked| redial(dialled, asked.at).stops(asked),
        figures: |dialled, asked| redial(dialled, asked.at).figures("min_redial_seconds", "last_call_at"),
    },
};

/// Of its seller, or of the campaign.
pub static DUPLICATE: Gate = Gate {
    name: "duplicate_caller",
    says: Reject::DuplicateCaller,
    freed_by: FreedBy::Date,
    is_told: Told::WhereSet,
    rule: Rule::Call {
        stops: |dialled, asked| refused(dialled, asked.at).is_some(),
        figures: |dialled, asked| match refused(dialled, asked.at) {
            Some((scope, repeat)) => told(scope, repeat),
            None => Figures::new(),
        },
    },
};

/// The caller is another client's.
pub static SAME_CLIENT_ONLY: Gate = Gate {
    name: "same_client_only",
    says: Reject::DuplicateCaller,
    freed_by: FreedBy::Nothing,
    is_told: Told::WhereSet,
    rule: Rule::Link {
        stops: |link, asked| only(asked).is_some_and(|client_id| client_id != link.client_id),
        figures: |_, asked| match only(asked) {
            Some(client_id) => vec![("client_id", Figure::Count(client_id))],
            None => Figures::new(),
        },
    },
};

macro_rules! of_links {
    ($gate:ident, $name:literal, $scope:literal, $marked:ident) => {
        pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::CallerBlocked,
            freed_by: FreedBy::Date,
            is_told: Told::WhereSet,
            rule: Rule::Link {
                stops: |link, asked| own_block(&link.$marked, asked).is_some(),
                figures: |link, asked| match own_block(&link.$marked, asked) {
                    Some(until) => blocked($scope, until),
                    None => Figures::new(),
                },
            },
        };
    };
}

of_links!(CLIENT, "client_blocks_caller", "client", client_marked);
of_links!(LINK, "link_blocks_caller", "link", marked);

macro_rules! repeats_of_links {
    ($gate:ident, $name:literal, $scope:literal, $rules:ident, $marked:ident) => {
        pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::DuplicateCaller,
            freed_by: FreedBy::Date,
            is_told: Told::WhereSet,
            rule: Rule::Link {
                stops: |link, asked| own_repeat(&link.$rules, &link.$marked, asked.at).is_some(),
                figures: |link, asked| match own_repeat(&link.$rules, &link.$marked, asked.at) {
                    Some(repeat) => told($scope, repeat),
                    None => Figures::new(),
                },
            },
        };
    };
}

repeats_of_links!(
    CLIENT_DUPLICATE,
    "client_duplicate_caller",
    "client",
    client_caller_rules,
    client_marked
);
repeats_of_links!(
    LINK_DUPLICATE,
    "link_duplicate_caller",
    "link",
    caller_rules,
    marked
);

fn own_repeat(rules: &[CallerRule], marked: &Marked, at: i64) -> Option<Repeat> {
    if marked.allows(at) {
        return None;
    }
    // Of several, what holds longest is told.
    let repeats = rules.iter().filter_map(|rule| marked.repeats(*rule, at));
    repeats.max_by_key(|repeat| (repeat.until.is_none(), repeat.until))
}

/// What remembers the caller of a call, wherever it may go; nothing does of one that the seller has allowed.
fn repeats(dialled: &Dialled, at: i64) -> impl Iterator<Item = (&'static str, Repeat)> {
    let campaign = dialled.campaign.as_ref();
    let campaign = campaign.filter(|campaign| !is_allowed(dialled, campaign, at));
    campaign.into_iter().flat_map(move |campaign| {
        let of = |scope, rules: &'_ [CallerRule], marked: Marked| -> Vec<(&'static str, Repeat)> {
            let repeats = rules.iter().filter_map(|rule| marked.repeats(*rule, at));
            repeats.map(|repeat| (scope, repeat)).collect()
        };
        let of_seller = of("seller", &dialled.caller_rules, dialled.marked);
        of_seller
            .into_iter()
            .chain(of("campaign", &campaign.caller_rules, campaign.marked))
    })
}

fn refused(dialled: &Dialled, at: i64) -> Option<(&'static str, Repeat)> {
    let mut repeats = repeats(dialled, at);
    repeats.find(|(_, repeat)| repeat.rule.action == Action::Reject)
}

/// Who had the caller, where a rule asks for that one: the last one, and one that is to have it alone before one that is asked first.
pub fn former(dialled: &Dialled, at: i64) -> Option<Former> {
    let asked_for = repeats(dialled, at).filter_map(|(_, repeat)| {
        let only = match repeat.rule.action {
            Action::SameClient => false,
            Action::SameClientOnly => true,
            Action::Skip | Action::Reject => return None,
        };
        let client_id = repeat.of.client_id?;
        Some((only, repeat.of.at, client_id))
    });
    let (only, _, client_id) = asked_for.max()?;
    Some(Former { client_id, only })
}

/// Of those that several campaigns ask for, the one that is to have it alone. Two of them cannot: then nobody has it.
pub fn strictest(former: impl IntoIterator<Item = Option<Former>>) -> Option<Former> {
    const NOBODY: i64 = 0;
    former
        .into_iter()
        .flatten()
        .reduce(|first, then| match (first.only, then.only) {
            (true, true) if first.client_id != then.client_id => Former {
                client_id: NOBODY,
                only: true,
            },
            (false, true) => then,
            _ => first,
        })
}

fn only(asked: &Asked<'_>) -> Option<i64> {
    let former = asked.former.filter(|former| former.only);
    former.map(|former| former.client_id)
}

fn told(scope: &str, repeat: Repeat) -> Figures {
    let mut figures = vec![
        ("scope", Figure::Text(scope.to_owned())),
        ("after", Figure::Text(repeat.rule.after.name().to_owned())),
        ("last_call_at", Figure::Instant(repeat.of.at)),
    ];
    figures.push(match repeat.until {
        Some(until) => ("until", Figure::Instant(until)),
        None => ("in_flight", Figure::Count(1)),
    });
    figures
}

fn rejects_anonymous(dialled: &Dialled) -> bool {
    let campaign = dialled.campaign.as_ref();
    campaign.is_some_and(|campaign| campaign.rejects_anonymous)
}

fn own_block(marked: &Marked, asked: &Asked<'_>) -> Option<i64> {
    marked.blocks(asked.at).filter(|_| !marked.allows(asked.at))
}

/// Whether the seller has allowed the caller, for all its campaigns or for this one.
fn is_allowed(dialled: &Dialled, campaign: &Campaign, at: i64) -> bool {
    dialled.marked.allows(at) || campaign.marked.allows(at)
}

/// Where the caller is blocked, and until when.
fn block(dialled: &Dialled, at: i64) -> Option<(&'static str, i64)> {
    let platform = dialled.platform_marked;
    if let Some(until) = platform.blocks(at).filter(|_| !platform.allows(at)) {
        return Some((Scope::Platform.name(), until));
    }
    let campaign = dialled.campaign.as_ref()?;
    if is_allowed(dialled, campaign, at) {
        return None;
    }
    let of_seller = dialled.marked.blocks(at).map(|until| ("seller", until));
    of_seller.or_else(|| campaign.marked.blocks(at).map(|until| ("campaign", until)))
}

fn blocked(scope: &str, until: i64) -> Figures {
    vec![
        ("scope", Figure::Text(scope.to_owned())),
        ("until", Figure::Instant(until)),
    ]
}

/// The least time between two calls of one caller to the campaign; none for one that the seller has allowed.
fn redial(dialled: &Dialled, at: i64) -> Spacing {
    let campaign = dialled.campaign.as_ref();
    let spaced = campaign.filter(|campaign| !is_allowed(dialled, campaign, at));
    spaced.map_or_else(Spacing::default, |campaign| Spacing {
        seconds: campaign.min_redial_seconds,
        last: campaign.marked.offered.map(|seen| seen.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller_rules::After;
    use crate::callers::Seen;
    use crate::facts::Link;
    use crate::facts::tests::{dialled, link};
    use crate::gates::tests::{figures, stops};

    const SECOND: i64 = 1_000_000;

    fn asked(at: i64) -> Asked<'static> {
        Asked {
            at,
            caller: Some("+4930123456"),
            knows_caller: true,
            ..Asked::default()
        }
    }

    fn stops_call(gate: &Gate, dialled: &Dialled, asked: &Asked<'_>) -> bool {
        match gate.rule {
            Rule::Call { stops, .. } => stops(dialled, asked),
            Rule::Link { .. } => panic!("{gate:?} judges no call"),
        }
    }

    fn marked(allowed: i64, blocked: i64) -> Marked {
        let until = |until: i64| (until > 0).then_some(until);
        Marked {
            allowed_until: until(allowed),
            blocked_until: until(blocked),
            ..Marked::default()
        }
    }

    #[test]
    fn who_is_to_have_the_caller_alone_comes_before_who_is_asked_first() {
        let former = |client_id, only| Some(Former { client_id, only });
        for (asked_for, expected) in [
            ([None, None], None),
            ([former(1, false), former(2, false)], former(1, false)),
            ([former(1, false), former(2, true)], former(2, true)),
            ([former(1, true), former(2, false)], former(1, true)),
            ([former(1, true), former(1, true)], former(1, true)),
            ([former(1, true), former(2, true)], former(0, true)),
        ] {
            assert_eq!(strictest(asked_for), expected, "{asked_for:?}");
        }
    }

    /// Of platform, seller and campaign until when each allows and blocks (0: never); who blocks at 5.
    #[test]
    fn what_is_allowed_beats_what_is_blocked_of_the_same_side() {
        let table = [
            ([(0, 0), (0, 0), (0, 0)], None),
            ([(0, 9), (0, 0), (0, 0)], Some("platform")),
            ([(0, 5), (0, 0), (0, 0)], None),
            ([(0, 6), (0, 0), (0, 0)], Some("platform")),
            ([(9, 9), (0, 0), (0, 0)], None),
            ([(5, 9), (0, 0), (0, 0)], Some("platform")),
            ([(0, 9), (9, 0), (9, 0)], Some("platform")),
            ([(9, 0), (0, 9), (0, 0)], Some("seller")),
            ([(0, 0), (0, 9), (0, 9)], Some("seller")),
            ([(0, 0), (9, 9), (0, 0)], None),
            ([(0, 0), (9, 0), (0, 9)], None),
            ([(0, 0), (0, 9), (9, 0)], None),
            ([(0, 0), (0, 9), (4, 0)], Some("seller")),
            ([(0, 0), (0, 0), (0, 9)], Some("campaign")),
            ([(0, 9), (0, 9), (0, 9)], Some("platform")),
        ];
        for (marks, expected) in table {
            let [platform, seller, campaign] = marks.map(|(allowed, blocked)| marked(allowed, blocked));
            let mut facts = dialled();
            facts.platform_marked = platform;
            facts.marked = seller;
            facts.campaign.as_mut().unwrap().marked = campaign;
            assert_eq!(block(&facts, 5).map(|(scope, _)| scope), expected, "{marks:?}");
            assert_eq!(stops_call(&BLOCKED, &facts, &asked(5)), expected.is_some());
        }
    }

    #[test]
    fn a_link_and_its_client_go_by_their_own_marks() {
        let blocked = Link {
            marked: marked(0, 9),
            client_marked: marked(0, 7),
            ..link(1)
        };
        assert!(stops(&LINK, &blocked, &asked(8)) && !stops(&LINK, &blocked, &asked(9)));
        assert!(stops(&CLIENT, &blocked, &asked(6)) && !stops(&CLIENT, &blocked, &asked(7)));
        assert_eq!(
            figures(&LINK, &blocked, &asked(8)),
            [
                ("scope", Figure::Text("link".to_owned())),
                ("until", Figure::Instant(9))
            ]
        );
        let allowed = Link {
            marked: marked(9, 9),
            ..blocked
        };
        assert!(!stops(&LINK, &allowed, &asked(8)) && figures(&LINK, &allowed, &asked(8)).is_empty());
        assert!(stops(&CLIENT, &allowed, &asked(6)));
    }

    #[test]
    fn callers_without_a_number_are_rejected_where_the_campaign_says_so() {
        let mut facts = dialled();
        let nobody = Asked {
            knows_caller: true,
            ..Asked::default()
        };
        assert!(!stops_call(&ANONYMOUS, &facts, &nobody));
        facts.campaign.as_mut().unwrap().rejects_anonymous = true;
        assert!(stops_call(&ANONYMOUS, &facts, &nobody));
        assert!(!stops_call(&ANONYMOUS, &facts, &asked(0)));
        assert!(!stops_call(&ANONYMOUS, &facts, &Asked::default()), "nobody calls");
        let named = Asked {
            caller: Some("anonymous"),
            ..nobody
        };
        assert!(stops_call(&ANONYMOUS, &facts, &named));
    }

    #[test]
    fn a_redial_waits_its_seconds_to_the_edge() {
        let mut facts = dialled();
        let campaign = facts.campaign.as_mut().unwrap();
        campaign.min_redial_seconds = Some(2);
        assert!(!stops_call(&REDIAL, &facts, &asked(0)), "a first call");
        facts.campaign.as_mut().unwrap().marked.offered = seen(10 * SECOND, None);
        for (at, expected) in [
            (10 * SECOND, true),
            (12 * SECOND - 1, true),
            (12 * SECOND, false),
            // The clock was set back.
            (8 * SECOND, false),
        ] {
            assert_eq!(stops_call(&REDIAL, &facts, &asked(at)), expected, "{at}");
        }
        facts.marked.allowed_until = Some(11 * SECOND);
        assert!(!stops_call(&REDIAL, &facts, &asked(11 * SECOND - 1)));
        assert!(stops_call(&REDIAL, &facts, &asked(11 * SECOND)));
        facts.marked = Marked::default();
        facts.campaign.as_mut().unwrap().min_redial_seconds = None;
        assert!(!stops_call(&REDIAL, &facts, &asked(11 * SECOND)), "off");
    }

    fn seen(at: i64, client_id: Option<i64>) -> Option<Seen> {
        let until = i64::MAX;
        Some(Seen { at, until, client_id })
    }

    fn rule(after: After, seconds: i64, action: Action) -> CallerRule {
        let seconds = Some(seconds);
        CallerRule {
            after,
            seconds,
            action,
        }
    }

    #[test]
    fn a_caller_that_is_remembered_is_refused_or_its_link_passed_over() {
        let mut facts = dialled();
        facts.caller_rules = vec![rule(After::Answered, 10, Action::Reject)];
        assert!(!stops_call(&DUPLICATE, &facts, &asked(0)), "a first call");
        facts.marked.answered = seen(0, Some(7));
        assert!(stops_call(&DUPLICATE, &facts, &asked(10 * SECOND - 1)));
        assert!(!stops_call(&DUPLICATE, &facts, &asked(10 * SECOND)));
        facts.campaign.as_mut().unwrap().marked.allowed_until = Some(9);
        assert!(!stops_call(&DUPLICATE, &facts, &asked(8)) && stops_call(&DUPLICATE, &facts, &asked(9)));
        let campaign = facts.campaign.as_mut().unwrap();
        campaign.caller_rules = vec![rule(After::Qualified, 20, Action::Reject)];
        campaign.marked.in_flight = seen(5 * SECOND, Some(7));
        let Rule::Call { figures, .. } = DUPLICATE.rule else {
            panic!("of calls")
        };
        assert_eq!(
            figures(&facts, &asked(10 * SECOND)),
            [
                ("scope", Figure::Text("campaign".to_owned())),
                ("after", Figure::Text("qualified".to_owned())),
                ("last_call_at", Figure::Instant(5 * SECOND)),
                ("in_flight", Figure::Count(1)),
            ]
        );
        let mut link = Link {
            caller_rules: vec![rule(After::Offered, 10, Action::Skip)],
            client_caller_rules: vec![rule(After::Answered, 10, Action::Skip)],
            ..link(1)
        };
        assert!(!stops(&LINK_DUPLICATE, &link, &asked(1)) && !stops(&CLIENT_DUPLICATE, &link, &asked(1)));
        link.marked.offered = seen(0, None);
        assert!(stops(&LINK_DUPLICATE, &link, &asked(1)) && !stops(&CLIENT_DUPLICATE, &link, &asked(1)));
        link.client_marked.answered = seen(0, None);
        assert!(stops(&CLIENT_DUPLICATE, &link, &asked(1)));
        link.marked.allowed_until = Some(2);
        assert!(!stops(&LINK_DUPLICATE, &link, &asked(1)) && stops(&CLIENT_DUPLICATE, &link, &asked(1)));
    }

    #[test]
    fn who_had_the_caller_is_the_last_and_one_that_is_to_have_it_alone_before_others() {
        let mut facts = dialled();
        assert_eq!(former(&facts, 1), None);
        facts.caller_rules = vec![rule(After::Answered, 10, Action::SameClient)];
        facts.marked.answered = seen(5, Some(7));
        let only = false;
        assert_eq!(former(&facts, 6), Some(Former { client_id: 7, only }));
        let campaign = facts.campaign.as_mut().unwrap();
        campaign.caller_rules = vec![rule(After::Answered, 10, Action::SameClient)];
        campaign.marked.answered = seen(6, Some(8));
        assert_eq!(former(&facts, 6), Some(Former { client_id: 8, only }));
        let campaign = facts.campaign.as_mut().unwrap();
        campaign.caller_rules = vec![rule(After::Qualified, 10, Action::SameClientOnly)];
        campaign.marked.qualified = seen(4, Some(9));
        let former = former(&facts, 6);
        assert_eq!(
            former,
            Some(Former {
                client_id: 9,
                only: true
            })
        );
        let asked = Asked { former, ..asked(6) };
        assert!(stops(&SAME_CLIENT_ONLY, &link(8), &asked) && !stops(&SAME_CLIENT_ONLY, &link(9), &asked));
        assert!(!stops_call(&DUPLICATE, &facts, &asked));
    }
}
