//! What follows from the gates that stopped links: why a call is rejected, and where its route looks for expired leases.

use crate::facts::Link;
use crate::gate::{Asked, Gate, Verdict};
use crate::gates::{self, caps, seats};
use crate::overflow::Exit;
use crate::reason::Reject;
use crate::strategy::Strategy;
use crate::subject::Subject;

/// Why a campaign has nobody for a new call: what the gate says that opens soonest. Of those that are freed alike the later one in the
/// list: what holds longest is told first there.
pub fn reject_reason<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Reject {
    verdicts
        .into_iter()
        .filter_map(|verdict| verdict.stopped_by())
        .max_by_key(|gate| (gate.freed_by, gates::place(gate)))
        .map_or(Reject::NoActiveClientsInCampaign, |gate| gate.says)
}

/// By which exit a new call leaves a campaign that has nobody for it. Links that pass over its caller say nothing of the others: where there are
/// no others, nobody is left to be asked.
pub fn exit<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Option<Exit> {
    let is_by_caller = |gate: &Gate| matches!(gate.says, Reject::CallerBlocked | Reject::DuplicateCaller);
    let others = verdicts
        .into_iter()
        .filter(|verdict| !verdict.stopped_by().is_some_and(is_by_caller));
    Exit::of(reject_reason(others))
}

/// A link that would take the call as soon as one of these calls ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    pub link_id: i64,
    pub calls_of: Subject,
}

impl Full {
    fn of(link: &Link, verdict: Verdict) -> Self {
        let of_client = [&caps::CLIENT_CONCURRENT, &seats::FULL];
        let calls_of = if verdict.stopped_by().is_some_and(|gate| of_client.contains(&gate)) {
            Subject::Client(link.client_id)
        } else {
            Subject::Link(link.id)
        };
        Full {
            link_id: link.id,
            calls_of,
        }
    }
}

/// Full links that would have been chosen before `chosen` had they had room, best first: a route looks for expired
/// leases on these. Weighted has no such order, but for who had the caller: else only a call that would be rejected looks, at every full link.
pub fn full_ahead_of(
    strategy: Strategy,
    links: &[Link],
    verdicts: &[Verdict],
    asked: &Asked<'_>,
    chosen: Option<usize>,
) -> Vec<Full> {
    // Only who had the caller has a place there.
    let is_drawn = strategy == Strategy::Weighted && chosen.is_some();
    let limit = chosen.map(|index| strategy.rank(&links[index], asked));
    let mut ahead: Vec<(&Link, Full)> = links
        .iter()
        .zip(verdicts)
        .filter(|(link, verdict)| {
            verdict.is_freed_by_a_call()
                && limit.is_none_or(|limit| strategy.rank(link, asked) < limit)
                && (!is_drawn || asked.is_former(link.client_id))
        })
        .map(|(link, verdict)| (link, Full::of(link, *verdict)))
        .filter(|(link, full)| link.active > 0 || full.calls_of != Subject::Link(link.id))
        .collect();
    ahead.sort_by_key(|(link, _)| strategy.rank(link, asked));
    ahead.into_iter().map(|(_, full)| full).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callers::Former;
    use crate::cap::tests::{cap, meter};
    use crate::cap::{Counted, Over};
    use crate::facts::Contact;
    use crate::facts::tests::link;
    use crate::gates::tests::stopped;
    use crate::select::judge_all;

    #[test]
    fn a_link_that_passes_over_the_caller_keeps_no_call_from_leaving() {
        let callers = [
            "client_blocks_caller",
            "link_blocks_caller",
            "client_duplicate_caller",
            "link_duplicate_caller",
            "same_client_only",
        ];
        for passed_over in callers {
            for (other, leaves_by) in [
                ("link_closed", Exit::AllClosed),
                ("client_day_cap", Exit::AllCapped),
                ("concurrency_cap", Exit::AllCapped),
                ("link_inactive", Exit::NoMoreTargets),
                ("kept_back", Exit::NoMoreTargets),
                (passed_over, Exit::NoMoreTargets),
            ] {
                let verdicts = [stopped(other), stopped(passed_over)];
                assert_eq!(exit(&verdicts), Some(leaves_by), "{passed_over}, {other}");
            }
        }
    }

    #[test]
    fn full_beats_inactive_in_the_reject() {
        for cap in ["concurrency_cap", "total_cap"] {
            for verdicts in [
                [stopped("link_inactive"), stopped(cap)],
                [stopped(cap), stopped("no_contact")],
                [stopped(cap), stopped("client_paused")],
                [stopped("link_closed"), stopped(cap)],
            ] {
                assert_eq!(reject_reason(&verdicts), Reject::NoEligibleClientsAvailable);
            }
        }
        for name in [
            "link_inactive",
            "client_inactive",
            "link_paused",
            "client_paused",
            "no_contact",
        ] {
            assert_eq!(reject_reason(&[stopped(name)]), Reject::NoActiveClientsInCampaign);
        }
        for others in ["link_inactive", "link_paused", "no_contact", "link_closed"] {
            for verdicts in [
                [stopped("client_closed"), stopped(others)],
                [stopped(others), stopped("client_closed")],
            ] {
                assert_eq!(reject_reason(&verdicts), Reject::AllClosed);
            }
        }
        for capped in ["client_day_cap", "link_total_cap"] {
            for others in ["link_inactive", "link_closed", "link_month_cap"] {
                assert_eq!(
                    reject_reason(&[stopped(capped), stopped(others)]),
                    Reject::AllCapped
                );
            }
            for sooner in [
                "concurrency_cap",
                "client_concurrent_cap",
                "client_seats",
                "spacing",
            ] {
                assert_eq!(
                    reject_reason(&[stopped(sooner), stopped(capped)]),
                    Reject::NoEligibleClientsAvailable
                );
            }
        }
        assert_eq!(reject_reason(&[]), Reject::NoActiveClientsInCampaign);
    }

    #[test]
    fn only_links_that_a_call_s_end_opens_are_looked_at_for_expired_leases() {
        let busy = |id| Link {
            active: 2,
            ..link(id)
        };
        let links = [
            busy(1),
            Link {
                total_calls_allowed: Some(2),
                max_concurrency: 9,
                ..busy(2)
            },
            Link {
                link_active: false,
                ..busy(3)
            },
            Link {
                contact: Contact::None,
                ..busy(4)
            },
            Link {
                total_calls_allowed: Some(0),
                ..link(5)
            },
        ];
        let verdicts = judge_all(&links, &Asked::default());
        for strategy in Strategy::ALL {
            assert_eq!(
                ids(full_ahead_of(
                    strategy,
                    &links,
                    &verdicts,
                    &Asked::default(),
                    None
                )),
                [1, 2]
            );
        }
    }

    /// By weight it is drawn; but who had the caller comes before all others.
    #[test]
    fn where_chance_decides_only_who_had_the_caller_is_ahead() {
        let busy = |id| Link {
            active: 2,
            ..link(id)
        };
        let links = [busy(1), busy(2), link(3)];
        for (former, expected) in [(None, vec![]), (Some(2), vec![2]), (Some(3), vec![])] {
            let former = former.map(|client_id| Former {
                client_id,
                only: false,
            });
            let asked = Asked {
                former,
                ..Asked::default()
            };
            let verdicts = judge_all(&links, &asked);
            let ahead = full_ahead_of(Strategy::Weighted, &links, &verdicts, &asked, Some(2));
            assert_eq!(ids(ahead), expected, "{former:?}");
        }
    }

    fn ids(full: Vec<Full>) -> Vec<i64> {
        full.iter().map(|full| full.link_id).collect()
    }

    /// Its calls may all be on other links.
    #[test]
    fn where_a_client_is_full_calls_of_all_its_links_are_looked_at() {
        let mut meter = meter();
        meter.life.active = 3;
        let links = [Link {
            client_id: 7,
            client_caps: vec![cap(Counted::Offered, Over::Concurrent, 3)],
            client_meter: Some(Box::new(meter)),
            ..link(1)
        }];
        let verdicts = judge_all(&links, &Asked::default());
        let full = Full {
            link_id: 1,
            calls_of: Subject::Client(7),
        };
        assert_eq!(
            full_ahead_of(Strategy::Priority, &links, &verdicts, &Asked::default(), None),
            [full]
        );
    }

    #[test]
    fn only_links_ahead_of_the_chosen_one_are_looked_at() {
        let full = |id, last_seq| Link {
            active: 2,
            last_seq,
            ..link(id)
        };
        let links = [
            full(1, 1),
            Link {
                last_seq: 2,
                ..link(2)
            },
            full(3, 3),
        ];
        let verdicts = judge_all(&links, &Asked::default());
        let ahead = |strategy| {
            ids(full_ahead_of(
                strategy,
                &links,
                &verdicts,
                &Asked::default(),
                Some(1),
            ))
        };
        assert_eq!(ahead(Strategy::RoundRobin), [1]);
        assert_eq!(ahead(Strategy::Priority), [1]);
        assert!(ahead(Strategy::Weighted).is_empty());
    }
}
