//! Random worlds and steps. Small numbers, so that calls, links and limits meet; weights, so that most steps make
//! sense and all of them happen.

use proptest::prelude::*;
use proptest::sample::select;

use super::callers::{Fact, Kept, Rule, Scope};
use super::caps::{self, COUNTS, Cap, Capped};
use super::change::{Change, OVER};
use super::meters::Subject;
use super::overflow::{EXITS, To};
use super::rows::Rows;
use super::seats::Told;
use super::step::{CALLS, Failed, Fate, Step, Times};
use super::world::{Campaign, Client, Contact, Did, Link, World};

const STRATEGIES: [&str; 3] = ["priority", "round_robin", "weighted"];

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        160 => Just(Fate::Heard),
        24 => Just(Fate::AskedAgain),
        16 => Just(Fate::RolledBack),
        1 => Just(Fate::CutBeforeCommit),
        2 => Just(Fate::CutAtCommit),
        1 => Just(Fate::Terminated),
    ]
}

/// Mostly the first; 4 is nobody's.
fn any_did() -> impl Strategy<Value = u8> {
    prop_oneof![12 => Just(1u8), 4 => Just(2u8), 1 => Just(4u8)]
}

fn any_times() -> impl Strategy<Value = Times> {
    let maybe = |most: i64| proptest::option::of(0..most);
    (maybe(300), proptest::option::weighted(0.3, 0..200i64), maybe(5)).prop_map(
        |(started, answered, ended)| Times {
            started,
            answered,
            ended,
        },
    )
}

fn any_allowed() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 1 => (0..5i64).prop_map(Some)]
}

/// So long that only a clock that moves ends it: no step comes near it by itself.
fn any_spacing() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![12 => Just(None), 1 => Just(Some(15_000i64)), 1 => Just(Some(86_400))]
}

fn any_link() -> impl Strategy<Value = Link> {
    let qualify = select(vec![None, None, Some(100)]);
    let numbers = (1..4i32, any_allowed(), 0..3i32, 1..4i32, any_spacing(), qualify);
    (
        prop_oneof![3 => Just(1i64), 1 => Just(2), 1 => Just(3)],
        1..5i64,
        numbers,
    )
        .prop_map(
            |(campaign, client, (max_concurrency, allowed, priority, weight, spacing, qualify))| Link {
                campaign,
                client,
                active: true,
                max_concurrency,
                allowed,
                priority,
                weight,
                spacing,
                qualify,
            },
        )
}

fn any_contact() -> impl Strategy<Value = Contact> {
    prop_oneof![
        6 => Just(Contact::Static),
        2 => Just(Contact::Registered),
        1 => Just(Contact::Expired),
        1 => Just(Contact::Missing),
    ]
}

/// What comes in a telephone network: the four functions of a call, in any order and state.
pub fn call_step(calls: u8) -> impl Strategy<Value = Step> {
    let statuses = select(vec![
        "ANSWERED",
        "ANSWERED",
        "ANSWERED",
        "NOANSWER",
        "BUSY",
        "LOST",
        "REJECTED_NO_MORE_TARGETS",
    ]);
    let failures = prop_oneof![
        8 => Just(Failed::Present),
        2 => Just(Failed::Before),
        1 => (0..4i32).prop_map(Failed::Number),
    ];
    let links = prop_oneof![10 => Just(None), 1 => (1..8i64).prop_map(Some)];
    prop_oneof![
        8 => (0..calls, any_did(), 0..3u8, any_caller(), fates())
            .prop_map(|(call, did, node, caller, fate)| Step::Route { call, did, node, caller, fate }),
        5 => (0..calls, failures, select(vec!["BUSY", "NOANSWER", ""]), proptest::option::of(1..30i32), fates())
            .prop_map(|(call, failed, status, cause, fate)| Step::Next { call, failed, status, cause, fate }),
        3 => (0..calls, fates()).prop_map(|(call, fate)| Step::Answered { call, fate }),
        5 => (0..calls, any_did(), statuses, 0..3u8, links, (any_caller(), any_times()), fates()).prop_map(
            |(call, did, status, node, link, (caller, times), fate)| Step::Log { call, did, status, node, link, caller, times, fate }),
    ]
}

/// What the machines around it do.
pub fn upkeep_step(calls: u8) -> impl Strategy<Value = Step> {
    let offsets = || prop_oneof![8 => -2..60i64, 1 => Just(-60i64), 1 => 60..500i64];
    prop_oneof![
        1 => (0..calls, fates()).prop_map(|(call, fate)| Step::Release { call, fate }),
        2 => (select(vec![1, 2, 100]), fates()).prop_map(|(max, fate)| Step::ReleaseExpired { max, fate }),
        6 => (1..3u8, prop_oneof![5 => Just(1u8), 1 => Just(2u8)], offsets(), 0..32u8, fates()).prop_map(
            |(node, instance, taken, listed, fate)| Step::Heartbeat { node, instance, taken, listed, fate }),
        1 => (1..3u8, 0..3u8, offsets(), fates())
            .prop_map(|(node, instance, booted, fate)| Step::Started { node, instance, booted, fate }),
        2 => any_did().prop_map(|did| Step::Explain { did }),
        2 => (any_did(), any_caller()).prop_map(|(did, caller)| Step::Foretell { did, caller }),
        1 => (1..8i64, -2..3i64).prop_map(|(link, delta)| Step::Adjust { link, delta }),
        1 => (0..32u8).prop_map(|calls| Step::Purge { calls }),
        2 => (0..calls).prop_map(|call| Step::LeaseEnds { call }),
        // Seconds, an hour and more, a day, eight days, two months; and back.
        4 => select(vec![1, 4, 10, 40, 100, 4_000, 20_000, 90_000, 700_000, 5_000_000, -1, -30])
            .prop_map(|seconds| Step::Change(Change::ClockMoves(seconds))),
    ]
}

/// One of two, the first written in two ways; or without a number.
fn any_caller() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        4 => Just(Some("+4930123456")),
        2 => Just(Some("4930123456")),
        2 => Just(Some("+4930999999")),
        1 => Just(Some("anonymous")),
        2 => Just(None),
    ]
}

/// How long something holds. No step comes near the end of one that lasts by itself; a race ends before any.
fn any_time(lasting: bool) -> impl Strategy<Value = Kept> {
    let some = if lasting {
        vec![15_000]
    } else {
        vec![30, 2_000, 15_000]
    };
    proptest::option::weighted(0.6, select(some))
}

/// Mostly where most calls come: the first seller's, in its first campaign.
fn any_scope() -> impl Strategy<Value = Scope> {
    let mostly_first = |others: std::ops::Range<i64>| prop_oneof![5 => Just(1), 1 => others];
    prop_oneof![
        3 => prop_oneof![4 => 1..4i64, 1 => 4..8i64].prop_map(Scope::Link),
        3 => (1..5i64).prop_map(Scope::Client),
        4 => mostly_first(2..4).prop_map(Scope::Campaign),
        2 => mostly_first(2..3).prop_map(Scope::Seller),
    ]
}

/// `lasting`: no rule whose outcome is a matter of which of two calls came later.
fn any_rules(lasting: bool) -> impl Strategy<Value = Change> {
    let facts = [Fact::Offered, Fact::Answered, Fact::Qualified];
    let rule = (any_time(lasting), 0..3usize);
    let rules = proptest::collection::vec(proptest::option::weighted(0.5, rule), 3);
    (any_scope(), rules).prop_map(move |(scope, rules)| {
        let of_call = matches!(scope, Scope::Campaign(_) | Scope::Seller(_));
        let rules = facts.into_iter().zip(rules).filter_map(|(after, rule)| {
            let (seconds, action) = rule?;
            let action = match (of_call, after, action) {
                (false, ..) => "skip",
                (_, Fact::Answered | Fact::Qualified, 1) if !lasting => "same_client",
                (_, Fact::Answered | Fact::Qualified, 2) if !lasting => "same_client_only",
                _ => "reject",
            };
            Some(Rule {
                after,
                seconds,
                action,
            })
        });
        Change::Rules(scope, rules.collect())
    })
}

fn any_mark(lasting: bool) -> impl Strategy<Value = Change> {
    let scope = prop_oneof![1 => Just(Scope::Platform), 5 => any_scope()];
    let caller = select(vec!["+4930123456", "+4930999999"]);
    let fact = select(vec![Fact::Allowed, Fact::Blocked]);
    let kept = proptest::option::weighted(0.7, any_time(lasting));
    (scope, caller, fact, kept)
        .prop_map(|(scope, caller, fact, kept)| Change::Mark(scope, caller.to_owned(), fact, kept))
}

/// What is set about callers.
pub fn any_of_callers(lasting: bool) -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => any_rules(lasting),
        2 => any_mark(lasting),
        1 => (1..4i64, any::<bool>()).prop_map(|(id, rejects)| Change::Anonymous(id, rejects)),
        1 => (1..4i64, proptest::option::weighted(0.7, Just(15_000)))
            .prop_map(|(id, seconds)| Change::Redial(id, seconds)),
    ]
}

/// `lasting`: told for so long that a race ends before.
pub fn any_seats(lasting: bool) -> impl Strategy<Value = Step> {
    let ttl = if lasting {
        vec![86_400]
    } else {
        vec![7, 60, 3_000, 86_400]
    };
    let sequence = proptest::option::of(1..5i64);
    let told =
        (0..4i32, select(ttl), any::<bool>(), sequence).prop_map(|(seats, ttl, closes, sequence)| Told {
            seats,
            ttl,
            closes,
            sequence,
        });
    (1..6i64, proptest::option::weighted(0.9, told), fates()).prop_map(|(client, told, fate)| Step::Seats {
        client,
        told,
        fate,
    })
}

/// As often none as one: else most calls would find nobody.
fn any_pause() -> impl Strategy<Value = Change> {
    let rows = prop_oneof![
        3 => (1..8i64).prop_map(|id| ("campaign_client_settings", id)),
        2 => (1..5i64).prop_map(|id| ("clients", id)),
        1 => (1..4i64).prop_map(|id| ("campaigns", id)),
    ];
    let until = select(vec![
        None,
        None,
        Some(OVER),
        Some("2100-01-01 00:00:00Z"),
        Some("infinity"),
    ]);
    (rows, select(vec!["platform", "seller"]), until).prop_map(|((table, id), by, until)| {
        let by = if table == "clients" { "platform" } else { by };
        Change::Pause(table, id, by, until)
    })
}

fn any_hours() -> impl Strategy<Value = Change> {
    let rows = prop_oneof![
        3 => (1..8i64).prop_map(|id| ("campaign_client_settings", id)),
        2 => (1..5i64).prop_map(|id| ("clients", id)),
        1 => (1..4i64).prop_map(|id| ("campaigns", id)),
        1 => (1..4i64).prop_map(|id| ("dids", id)),
    ];
    let closed = select(vec![None, None, Some(false), Some(true)]);
    (rows, closed).prop_map(|((table, id), closed)| Change::Hours(table, id, closed))
}

/// Over one of these windows.
pub fn any_cap(over: &'static [&'static str]) -> impl Strategy<Value = Change> {
    let subject = prop_oneof![
        2 => (1..8i64).prop_map(Subject::Link),
        3 => (1..5i64).prop_map(Subject::Client),
        2 => prop_oneof![4 => Just(1), 1 => 2..4i64].prop_map(Subject::Did),
        2 => (1..4i64).prop_map(Subject::Campaign),
        2 => (1..3i64).prop_map(Subject::Seller),
    ];
    let cap = (0..5i64, proptest::bool::weighted(0.9)).prop_map(|(most, enforce)| Cap { most, enforce });
    let cap = proptest::option::weighted(0.8, cap);
    (subject, select(over), select(&COUNTS[..]), any::<bool>(), cap).prop_map(
        |(subject, over, counts, by_seller, cap)| {
            let capped = Capped {
                subject,
                counts: if over == "concurrent" { "offered" } else { counts },
                over,
                // A client's are the platform's.
                by: if by_seller && !matches!(subject, Subject::Client(_)) {
                    "seller"
                } else {
                    "platform"
                },
            };
            Change::Cap(capped, cap)
        },
    )
}

/// Mostly of the campaign where most calls come.
pub fn any_overflow() -> impl Strategy<Value = Change> {
    let to = || {
        prop_oneof![
            4 => (2..4i64).prop_map(To::Campaign),
            1 => Just(To::Campaign(1)),
            3 => (1..8i64).prop_map(To::Link),
        ]
    };
    let exits = proptest::collection::vec(proptest::option::weighted(0.7, to()), EXITS.len());
    (prop_oneof![5 => Just(1i64), 1 => 2..4i64], exits).prop_map(|(campaign, to)| {
        let exits = EXITS.into_iter().zip(to);
        Change::Overflow(
            campaign,
            exits.filter_map(|(exit, to)| Some((exit, to?))).collect(),
        )
    })
}

fn any_zone() -> impl Strategy<Value = Change> {
    let whose = prop_oneof![
        (1..5i64).prop_map(Subject::Client),
        (1..3i64).prop_map(Subject::Seller)
    ];
    (whose, 0..2usize).prop_map(|(whose, zone)| Change::Zone(whose, zone))
}

fn any_change(over: &'static [&'static str], lasting: bool) -> impl Strategy<Value = Change> {
    let link = || 1..8i64;
    prop_oneof![
        1 => (1..3i64, any::<bool>()).prop_map(|(id, on)| Change::UserActive(id, on)),
        1 => (1..5i64, any::<bool>()).prop_map(|(id, on)| Change::ClientActive(id, on)),
        1 => (1..5i64, any_contact()).prop_map(|(id, contact)| Change::ClientContact(id, contact)),
        1 => (1..4i64, any::<bool>()).prop_map(|(id, on)| Change::DidActive(id, on)),
        1 => (1..4i64, select(vec!["active", "active", "paused"])).prop_map(|(id, s)| Change::CampaignStatus(id, s)),
        1 => (1..4i64, select(STRATEGIES.to_vec())).prop_map(|(id, s)| Change::CampaignStrategy(id, s)),
        2 => (link(), any::<bool>()).prop_map(|(id, on)| Change::LinkActive(id, on)),
        3 => (link(), 1..4i32).prop_map(|(id, most)| Change::LinkConcurrency(id, most)),
        3 => (link(), any_allowed()).prop_map(|(id, allowed)| Change::LinkAllowed(id, allowed)),
        1 => (link(), 0..3i32).prop_map(|(id, priority)| Change::LinkPriority(id, priority)),
        2 => (link(), any_spacing()).prop_map(|(id, seconds)| Change::LinkSpacing(id, seconds)),
        1 => (1..5i64, any_spacing()).prop_map(|(id, seconds)| Change::ClientSpacing(id, seconds)),
        6 => any_cap(over),
        5 => any_of_callers(lasting),
        3 => any_overflow(),
        1 => Just(Change::Sweep),
        1 => any_zone(),
        2 => any_pause(),
        2 => any_hours(),
        2 => any_link().prop_map(Change::AddLink),
        2 => link().prop_map(Change::DeleteLink),
        1 => (1..4i64).prop_map(Change::DeleteCampaign),
        1 => (1..5i64).prop_map(Change::DeleteClient),
        1 => (1..4i64).prop_map(Change::DeleteDid),
        1 => (1..4i64, 1..4i64).prop_map(|(campaign, did)| Change::Attach(campaign, did)),
        1 => (1..4i64, 1..4i64).prop_map(|(campaign, did)| Change::Detach(campaign, did)),
    ]
}

pub fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => call_step(CALLS),
        3 => upkeep_step(CALLS),
        1 => any_change(&caps::OVER, false).prop_map(Step::Change),
        1 => any_seats(false),
    ]
}

/// Over what caps of races are: which window a record belongs to is a matter of the clock.
const LASTING: [&str; 2] = ["total", "concurrent"];

/// What may run at the same time as others: not what moves clocks or is a matter of several statements.
pub fn lane_step(calls: u8) -> impl Strategy<Value = Step> {
    let several = |step: &Step| match step {
        Step::Purge { .. } | Step::LeaseEnds { .. } => true,
        Step::Change(change) => {
            matches!(
                change,
                Change::ClockMoves(_) | Change::ClientContact(..) | Change::Sweep
            )
        }
        _ => false,
    };
    prop_oneof![
        12 => call_step(calls),
        2 => upkeep_step(calls),
        1 => any_change(&LASTING, true).prop_map(Step::Change),
        1 => any_seats(true),
    ]
    .prop_filter("a statement of its own", move |step| !several(step))
}

/// What there is of rules, marks and seats when calls come: nothing in half of the histories.
pub fn any_beginning(lasting: bool) -> impl Strategy<Value = Vec<Step>> {
    let some = prop_oneof![
        4 => any_of_callers(lasting).prop_map(Step::Change),
        1 => any_seats(lasting),
    ];
    prop_oneof![Just(Vec::new()), proptest::collection::vec(some, 3..10)]
}

/// Sellers 1 and 2, DIDs 1 and 3 of the first and 2 of the second, three campaigns, four clients.
pub fn any_world() -> impl Strategy<Value = World> {
    let campaign = (
        select(vec![1i64, 1, 2]),
        select(STRATEGIES.to_vec()),
        select(vec![3, 20, 200]),
        select(vec![None, Some(10), Some(60)]),
    )
        .prop_map(|(user, strategy, dial_timeout, max_ring)| Campaign {
            user,
            status: "active",
            strategy,
            dial_timeout,
            max_ring,
        });
    let campaigns = proptest::collection::vec(campaign, 3);
    let contacts = proptest::collection::vec(any_contact(), 4);
    let links = proptest::collection::vec(any_link(), 1..7);
    (campaigns, contacts, links, 0..64u8).prop_map(|(campaigns, contacts, links, attached)| {
        let mut world = World::default();
        world.users.extend([(1, true), (2, true)]);
        world
            .dids
            .extend([(1, 1), (2, 2), (3, 1)].map(|(id, user)| (id, Did { user, active: true })));
        for (id, mut campaign) in (1..).zip(campaigns) {
            // Calls come to the first DID mostly, so the first campaign is its owner's.
            campaign.user = if id == 1 { 1 } else { campaign.user };
            world.campaigns.insert(id, campaign);
        }
        for (id, contact) in (1..).zip(contacts) {
            world.clients.insert(
                id,
                Client {
                    active: true,
                    contact,
                    spacing: None,
                },
            );
        }
        world.campaign_dids.extend([(1, 1), (2, 2)]);
        let others = [(2, 1), (3, 1), (3, 2), (1, 3), (2, 3), (3, 3)];
        let chosen = others
            .iter()
            .enumerate()
            .filter(|(bit, _)| attached & (1 << bit) != 0);
        world.campaign_dids.extend(chosen.map(|(_, pair)| *pair));
        for link in links {
            let taken = |other: &Link| other.campaign == link.campaign && other.client == link.client;
            if !world.links.values().any(taken) {
                world.insert_link(link);
            }
        }
        world
    })
}

/// One of these where calls find somebody: three clients that can be reached, with room.
pub fn any_open_world() -> impl Strategy<Value = World> {
    any_world().prop_map(|mut world| {
        for client in world.clients.values_mut() {
            client.contact = Contact::Static;
        }
        world.links.clear();
        world.rows = Rows::default();
        world.next_link = 0;
        for client in 1..4 {
            world.insert_link(Link {
                campaign: 1,
                client,
                active: true,
                max_concurrency: 3,
                allowed: None,
                priority: 0,
                weight: 1,
                spacing: None,
                qualify: None,
            });
        }
        world
    })
}

pub fn any_step_of_callers() -> impl Strategy<Value = Step> {
    prop_oneof![
        14 => call_step(CALLS),
        2 => upkeep_step(CALLS),
        2 => any_of_callers(false).prop_map(Step::Change),
        1 => any_seats(false),
    ]
}

/// One seller with two clients on its first campaign and with three on its second; the second one's first is on both.
pub fn any_world_of_one_seller() -> impl Strategy<Value = World> {
    let numbers = proptest::collection::vec((1..3i32, any_allowed(), 0..3i32), 5);
    (any_open_world(), numbers).prop_map(|(mut world, numbers)| {
        for campaign in world.campaigns.values_mut() {
            campaign.user = 1;
        }
        world.campaign_dids = [(1, 1), (2, 3)].into();
        world.links.clear();
        world.rows = Rows::default();
        world.next_link = 0;
        let places = [(1, 1), (1, 2), (2, 2), (2, 3), (2, 4)];
        for ((campaign, client), (max_concurrency, allowed, priority)) in places.into_iter().zip(numbers) {
            world.insert_link(Link {
                campaign,
                client,
                active: true,
                max_concurrency,
                allowed,
                priority,
                weight: 1,
                spacing: None,
                qualify: None,
            });
        }
        world
    })
}

/// What is set about it, and what makes a campaign have nobody.
pub fn any_of_overflow() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => any_overflow(),
        3 => (1..3i64, any::<bool>()).prop_map(|(id, closed)| Change::Hours("campaign_client_settings", id, Some(closed))),
        1 => any_hours(),
        1 => any_pause(),
        3 => any_cap_of_overflow(),
        1 => any_cap(&caps::OVER),
        2 => (1..6i64).prop_map(passes_over_its_callers),
        1 => any_of_callers(false),
        1 => (1..4i64, select(STRATEGIES.to_vec())).prop_map(|(id, s)| Change::CampaignStrategy(id, s)),
    ]
}

/// Of what counts a call that overflows, with room for some.
fn any_cap_of_overflow() -> impl Strategy<Value = Change> {
    let subjects = [
        Subject::Campaign(1),
        Subject::Campaign(2),
        Subject::Did(1),
        Subject::Seller(1),
    ];
    (
        select(subjects.to_vec()),
        select(&caps::OVER[..]),
        0..COUNTS.len(),
        2..7i64,
    )
        .prop_map(|(subject, over, counts, most)| {
            let capped = Capped {
                subject,
                counts: if over == "concurrent" {
                    "offered"
                } else {
                    COUNTS[counts]
                },
                over,
                by: "seller",
            };
            Change::Cap(capped, Some(Cap { most, enforce: true }))
        })
}

fn passes_over_its_callers(link: i64) -> Change {
    let rule = Rule {
        after: Fact::Offered,
        seconds: None,
        action: "skip",
    };
    Change::Rules(Scope::Link(link), vec![rule])
}

pub fn any_step_of_overflow() -> impl Strategy<Value = Step> {
    prop_oneof![
        14 => call_step(CALLS),
        3 => upkeep_step(CALLS),
        3 => any_of_overflow().prop_map(Step::Change),
        1 => any_change(&caps::OVER, false).prop_map(Step::Change),
    ]
}
