//! Which of the eligible links gets the call, by the campaign's strategy.

use crate::facts::Link;
use crate::gate::{Asked, Verdict};
use crate::gates::judge;
use crate::strategy::Strategy;

impl Strategy {
    /// Where a link stands in the strategy's fixed order, behind who had the caller; weighted has none but the id.
    pub fn rank(self, link: &Link, asked: &Asked<'_>) -> (bool, i64, i64) {
        let place = match self {
            Strategy::Priority => i64::from(link.forwarding_priority),
            Strategy::RoundRobin => link.last_seq,
            Strategy::Weighted => 0,
        };
        (!asked.is_former(link.client_id), place, link.id)
    }
}

/// Every link with its verdict, in the order given.
pub fn judge_all(links: &[Link], asked: &Asked<'_>) -> Vec<Verdict> {
    links.iter().map(|link| judge(link, asked)).collect()
}

/// The same where the counters of some links are held: who waited for those does not wait again. A link that is stopped anyway
/// stays so.
pub fn judge_beside(links: &[Link], held: &[i64], asked: &Asked<'_>) -> Vec<Verdict> {
    let judged = links.iter().map(|link| match judge(link, asked) {
        Verdict::Eligible if held.contains(&link.id) => Verdict::Held,
        verdict => verdict,
    });
    judged.collect()
}

/// The links' indexes in the order in which the strategy asks them; the first eligible one gets the call. `uniform`
/// gives numbers in [0, 1).
///
/// Weighted: the smallest of independent exponential times with the weights as rates is link i with probability
/// w_i / Σw, whatever the number of links, and among those that are eligible just as well. Taking the next smallest
/// after a failure is the same as drawing anew among the rest, so a failover needs no memory of the draw.
pub fn order(
    strategy: Strategy,
    links: &[Link],
    asked: &Asked<'_>,
    uniform: &mut dyn FnMut() -> f64,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..links.len()).collect();
    if strategy == Strategy::Weighted {
        let times: Vec<f64> = links
            .iter()
            .map(|link| -(1.0 - uniform()).ln() / f64::from(link.weight))
            .collect();
        let is_former = |index: usize| asked.is_former(links[index].client_id);
        order.sort_by(|&left, &right| {
            let former_first = is_former(right).cmp(&is_former(left));
            former_first.then_with(|| times[left].total_cmp(&times[right]))
        });
    } else {
        order.sort_by_key(|&index| strategy.rank(&links[index], asked));
    }
    order
}

/// The index of the link that gets the call, or `None` where none is eligible.
pub fn choose(
    strategy: Strategy,
    links: &[Link],
    verdicts: &[Verdict],
    asked: &Asked<'_>,
    uniform: &mut dyn FnMut() -> f64,
) -> Option<usize> {
    order(strategy, links, asked, uniform)
        .into_iter()
        .find(|&index| verdicts[index] == Verdict::Eligible)
}

/// The turn number of the campaign's next reservation, where there are turns. Exact only while the campaign's lock is held.
pub fn next_turn(strategy: Strategy, links: &[Link]) -> Option<i64> {
    let last = || links.iter().map(|link| link.last_seq).max().unwrap_or(0);
    (strategy == Strategy::RoundRobin).then(|| last() + 1)
}

/// For explain: each eligible link's place in the order of the next call (priority, round robin), or its share of
/// the offers (weighted).
pub fn places(
    strategy: Strategy,
    links: &[Link],
    verdicts: &[Verdict],
    asked: &Asked<'_>,
) -> Vec<(Option<i32>, Option<f64>)> {
    let mut order: Vec<usize> = (0..links.len())
        .filter(|&index| verdicts[index] == Verdict::Eligible)
        .collect();
    order.sort_by_key(|&index| strategy.rank(&links[index], asked));
    // Where one of them had the caller, the others get nothing.
    let is_drawn = |index: usize| asked.is_former(links[index].client_id);
    let any_former = order.iter().any(|&index| is_drawn(index));
    let weight = |index: usize| {
        if any_former && !is_drawn(index) {
            0.0
        } else {
            f64::from(links[index].weight)
        }
    };
    let weights: f64 = order.iter().map(|&index| weight(index)).sum();
    let mut places = vec![(None, None); links.len()];
    for (place, &index) in order.iter().enumerate() {
        places[index] = match strategy {
            Strategy::Weighted => (None, Some(weight(index) / weights)),
            _ => (Some(place as i32 + 1), None),
        };
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callers::Former;
    use crate::facts::Contact;
    use crate::facts::tests::link;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_compose, proptest};
    use proptest::strategy::Strategy as _;

    fn pick(strategy: Strategy, links: &[Link], uniform: &mut dyn FnMut() -> f64) -> Option<i64> {
        let asked = Asked::default();
        choose(strategy, links, &judge_all(links, &asked), &asked, uniform).map(|index| links[index].id)
    }

    #[test]
    fn priority_takes_the_lowest_then_the_lower_id() {
        let links = [
            Link {
                forwarding_priority: 1,
                ..link(1)
            },
            Link {
                forwarding_priority: 0,
                ..link(3)
            },
            Link {
                forwarding_priority: 0,
                ..link(2)
            },
        ];
        assert_eq!(pick(Strategy::Priority, &links, &mut || 0.0), Some(2));
    }

    #[test]
    fn a_full_link_keeps_its_place_in_the_round() {
        let mut links = [
            Link {
                last_seq: 1,
                active: 2,
                ..link(1)
            },
            Link {
                last_seq: 2,
                ..link(2)
            },
            Link {
                last_seq: 3,
                ..link(3)
            },
        ];
        assert_eq!(pick(Strategy::RoundRobin, &links, &mut || 0.0), Some(2));
        links[0].active = 1;
        assert_eq!(pick(Strategy::RoundRobin, &links, &mut || 0.0), Some(1));
        assert_eq!(next_turn(Strategy::RoundRobin, &links), Some(4));
        assert_eq!(next_turn(Strategy::Priority, &links), None);
        assert_eq!(
            judge_beside(&links, &[1, 2], &Asked::default()),
            [Verdict::Held, Verdict::Held, Verdict::Eligible]
        );
    }

    /// Of a weight of one in a hundred, of the last turn, behind the others.
    #[test]
    fn who_had_the_caller_comes_first_if_it_may() {
        let mut links = [
            Link {
                weight: 99,
                ..link(1)
            },
            Link {
                weight: 1,
                last_seq: 9,
                forwarding_priority: 9,
                ..link(2)
            },
        ];
        let asked = Asked {
            former: Some(Former {
                client_id: 2,
                only: false,
            }),
            ..Asked::default()
        };
        for strategy in Strategy::ALL {
            let mut uniform = uniforms(7);
            for (active, expected, share) in [(0, 1, 1.0), (2, 0, 1.0)] {
                links[1].active = active;
                for _ in 0..20 {
                    let verdicts = judge_all(&links, &asked);
                    let chosen = choose(strategy, &links, &verdicts, &asked, &mut uniform);
                    assert_eq!(chosen, Some(expected), "{strategy:?}");
                    let place = places(strategy, &links, &verdicts, &asked)[expected];
                    match strategy {
                        Strategy::Weighted => assert_eq!(place, (None, Some(share))),
                        _ => assert_eq!(place, (Some(1), None)),
                    }
                }
            }
        }
    }

    /// A small generator of its own: the draw itself uses PostgreSQL's, which is not here.
    fn uniforms(mut state: u64) -> impl FnMut() -> f64 {
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    #[test]
    fn weighted_is_proportional() {
        let links = [
            Link {
                weight: 70,
                ..link(1)
            },
            Link {
                weight: 30,
                ..link(2)
            },
            Link {
                weight: 1,
                active: 2,
                ..link(3)
            },
        ];
        let mut uniform = uniforms(7);
        let rounds = 20_000;
        let first = (0..rounds)
            .filter(|_| pick(Strategy::Weighted, &links, &mut uniform) == Some(1))
            .count();
        // 70 % of 20,000 with a standard deviation of 65: five of them.
        assert!((13_675..=14_325).contains(&first), "{first}");
    }

    prop_compose! {
        fn any_link(id: i64)(
            link_active in any::<bool>(), is_reached in any::<bool>(), active in 0..4i32,
            allowed in proptest::option::of(0..6i64), counted in 0..6i64, priority in 0..3i32,
            weight in 1..100i32, last_seq in 0..9i64,
        ) -> Link {
            let contact = if is_reached { Contact::Fixed } else { Contact::None };
            Link { link_active, contact, active, total_calls_allowed: allowed, counted,
                   forwarding_priority: priority, weight, last_seq, ..link(id) }
        }
    }

    fn any_links() -> impl proptest::strategy::Strategy<Value = Vec<Link>> {
        (0..12i64).prop_flat_map(|count| (0..count).map(any_link).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn only_an_eligible_link_is_chosen_and_one_whenever_there_is_one(links in any_links(), seed in any::<u64>()) {
            let verdicts = judge_all(&links, &Asked::default());
            for strategy in Strategy::ALL {
                let mut uniform = uniforms(seed);
                match choose(strategy, &links, &verdicts, &Asked::default(), &mut uniform) {
                    Some(index) => {
                        let chosen = &links[index];
                        prop_assert_eq!(verdicts[index], Verdict::Eligible);
                        prop_assert!(chosen.active < chosen.max_concurrency);
                        prop_assert!(chosen.total_calls_allowed.is_none_or(|most| chosen.counted + i64::from(chosen.active) < most));
                    }
                    None => prop_assert!(!verdicts.contains(&Verdict::Eligible)),
                }
            }
        }

        #[test]
        fn shares_add_up_and_places_count_up(links in any_links()) {
            let verdicts = judge_all(&links, &Asked::default());
            let eligible = verdicts.iter().filter(|verdict| **verdict == Verdict::Eligible).count();
            let shares: f64 = places(Strategy::Weighted, &links, &verdicts, &Asked::default()).iter().filter_map(|place| place.1).sum();
            prop_assert!(eligible == 0 || (shares - 1.0).abs() < 1e-9);
            let mut seen: Vec<i32> = places(Strategy::Priority, &links, &verdicts, &Asked::default()).iter().filter_map(|place| place.0).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (1..=eligible as i32).collect::<Vec<_>>());
        }
    }
}
