//! Instructions of a call, counted in a backend alone: the same however busy the machine is, to a percent or two. So they show what times
//! hide, and what became dearer since the release before (`-- --include-ignored --show-output` prints both; docs/BENCHMARKS.md has it).

use std::sync::Arc;

use capconduit_tests::{ClusterOptions, Cost, Counted, StopMode, Strategy, TestCluster, TestDb};

use super::{FULL, hold_the_full_campaign, load, number, platform_on};
use crate::life::old_release::database_of;

/// Links of a campaign.
const SIZES: [usize; 3] = [1, 5, 20];

/// Enough for each link to have begun its windows, and for a connection to know its way.
const WARM: usize = 100;
const CALLS: usize = 30;

const PREPARED: [&str; 7] = [
    "set search_path = capconduit",
    "prepare preview(text) as select * from preview_route($1)",
    "prepare explain(text) as select * from explain_route($1)",
    "prepare route(text, text) as select * from route_call($1, $2)",
    "prepare next(text, integer, text, integer) as select * from next_target($1, $2, $3, $4)",
    "prepare log(text, text, text) as select * from log_call($1, $2, $3)",
    "prepare nothing as select 1",
];

/// One number and one campaign of each strategy and size.
async fn campaigns(db: &TestDb) {
    let client = db.superuser().await;
    for strategy in Strategy::ALL {
        for links in SIZES {
            let sql = format!(
                "with campaign as (
                     insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
                     select min(id), 'counted {number}', '{strategy}', 30 from users where username like 'bench\\_%'
                     returning id, user_id),
                 did as (insert into dids (user_id, number) select user_id, '{number}' from campaign returning id),
                 assigned as (insert into campaign_dids (campaign_id, did_id) select c.id, d.id from campaign c, did d)
                 insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
                 select c.id, k.id, 1000, 0
                   from campaign c, (select id from clients where client_identifier like 'bench\\_%' order by id limit {links}) k",
                strategy = strategy.as_str(),
                number = counted_number(strategy, links),
            );
            client.batch_execute(&sql).await.expect("a campaign");
        }
    }
    client.batch_execute("vacuum analyze").await.expect("statistics");
}

fn counted_number(strategy: Strategy, links: usize) -> String {
    format!("+1778{}{links:06}", strategy as usize)
}

/// What is counted, each after as many as warm the connection up.
fn calls() -> Vec<Counted> {
    let of = |name: String, call: &dyn Fn(usize) -> String| Counted {
        name,
        before: (0..WARM).map(call).collect(),
        statements: (WARM..WARM + CALLS).map(call).collect(),
    };
    let known = number(0);
    let mut all = vec![
        of("nothing".to_owned(), &|_| "execute nothing".to_owned()),
        of("preview_route".to_owned(), &|call| {
            format!("execute preview('{}')", number(call))
        }),
        of("preview_route again".to_owned(), &|_| {
            format!("execute preview('{known}')")
        }),
        of("explain_route".to_owned(), &|_| {
            format!("execute explain('{known}')")
        }),
        of("reject".to_owned(), &|call| {
            format!("execute route('{FULL}', 'full-{call}')")
        }),
    ];
    for strategy in Strategy::ALL {
        for links in SIZES {
            let number = counted_number(strategy, links);
            let what = format!("{}, {links}", strategy.as_str());
            let route = |call: usize| format!("execute route('{number}', '{what}-{call}')");
            let log = |call: usize| format!("execute log('{what}-{call}', '{number}', 'ANSWERED')");
            all.push(of(format!("route_call, {what}"), &route));
            all.push(of(format!("log_call, {what}"), &log));
        }
    }
    let number = counted_number(Strategy::Priority, 5);
    all.push(of("route_call before next_target".to_owned(), &|call| {
        format!("execute route('{number}', 'over-{call}')")
    }));
    all.push(of("next_target".to_owned(), &|call| {
        format!("execute next('over-{call}', 1, 'BUSY', 17)")
    }));
    all.push(of("next_target again".to_owned(), &|call| {
        format!("execute next('over-{call}', 2, 'NOANSWER', 19)")
    }));
    all
}

/// Of the calls on this database, whose server ends with it.
async fn count(db: &TestDb) -> Vec<Cost> {
    hold_the_full_campaign(db).await;
    campaigns(db).await;
    db.cluster().stop(StopMode::Fast).await;
    db.cluster().count(db.name(), &PREPARED, &calls()).await
}

async fn own_server() -> Arc<TestCluster> {
    TestCluster::start_with(ClusterOptions::default()).await
}

/// Thousands of instructions that each may cost: what was measured and some eight in a hundred.
const BOUNDS: [(&str, f64); 14] = [
    ("preview_route", 191.0),
    ("preview_route again", 175.0),
    ("explain_route", 383.0),
    ("reject", 250.0),
    ("route_call, priority, 1", 300.0),
    ("route_call, priority, 5", 355.0),
    ("route_call, priority, 20", 560.0),
    // A first look at all links costs a tenth more with 20 of them.
    ("route_call, round_robin, 1", 420.0),
    ("route_call, round_robin, 5", 500.0),
    ("route_call, round_robin, 20", 820.0),
    ("route_call, weighted, 20", 590.0),
    ("log_call, priority, 5", 270.0),
    // A statement that reads the call's row costs a third more.
    ("next_target", 400.0),
    ("next_target again", 410.0),
];

#[tokio::test]
async fn a_call_executes_no_more_instructions_than_it_must() {
    let db = platform_on(own_server().await).await;
    let costs = count(&db).await;
    let named: Vec<(String, Cost)> = calls()
        .into_iter()
        .map(|counted| counted.name)
        .zip(costs)
        .collect();
    for (name, cost) in &named {
        println!(
            "{name:32} {:8.1} thousand, {:6.0} bytes",
            cost.instructions / 1000.0,
            cost.log_bytes
        );
    }
    for (name, thousands) in BOUNDS {
        let (_, cost) = named.iter().find(|(of, _)| of == name).expect("it was counted");
        let is_within = cost.instructions <= 1000.0 * thousands;
        assert!(
            is_within,
            "{name}: {cost:?}, {thousands} thousand are allowed: is the extension built for release?"
        );
    }
}

/// Calls over all links, each ended before the next one: the way of most of them. The versions that calls leave are taken off a page together
/// when it is short of room; each by the next call, they cost 50 bytes more.
#[tokio::test]
async fn a_call_writes_no_more_of_the_log_than_it_must() {
    let db = platform_on(own_server().await).await;
    db.cluster().stop(StopMode::Fast).await;
    let calls = |from: usize| -> Vec<String> {
        let call = |call| {
            let number = number(call);
            [
                format!("execute route('{number}', 'whole-{call}')"),
                format!("execute log('whole-{call}', '{number}', 'ANSWERED')"),
            ]
        };
        (from..from + 300).flat_map(call).collect()
    };
    let counted = [Counted {
        name: String::new(),
        before: calls(0),
        statements: calls(300),
    }];
    let costs = db.cluster().count(db.name(), &PREPARED, &counted).await;
    println!("{:?}", costs[0]);
    // Of each of the two.
    assert!(costs[0].log_bytes <= 790.0, "{:?}", costs[0]);
}

/// The profile beside the release before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: builds the release"]
async fn a_call_beside_0_2_0() {
    let today = count(&platform_on(own_server().await).await).await;
    let (release, db) = database_of("0.2.0").await;
    load(&db, &release.join("source/bench/data.sql")).await;
    let before = count(&db).await;
    println!("| thousands of instructions | 0.2.0 | today | × | bytes of the log | today |");
    for ((counted, before), today) in calls().iter().zip(&before).zip(&today) {
        println!(
            "| {} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            counted.name,
            before.instructions / 1000.0,
            today.instructions / 1000.0,
            today.instructions / before.instructions,
            before.log_bytes,
            today.log_bytes
        );
        // The dearest is the decision alone, of which there was a copy then.
        assert!(today.instructions < 1.4 * before.instructions, "{}", counted.name);
    }
}

/// How many times as much an explanation may cost with ten caps, of the seller, the campaign, the number, a link and its client, beside one of a
/// seller who never had any. Measured: 2.65 and 2.86. A third of what they add is the JSON, which each link's row tells whole; the rest are two
/// look-ups for each of the five, its windows and its caps, and the gates that go by them.
const BOUND_WITH_TEN_CAPS: f64 = 3.0;

/// To three links, and to one.
const EXPLAINED: [&str; 2] = ["+17770000001", "+17779000000"];

const TEN_CAPS: &str = "
    with called as (
        select d.user_id, d.id as did_id, l.campaign_id, l.id as link_id, l.client_id
          from capconduit.dids d
          join capconduit.campaign_dids a on a.did_id = d.id
          join capconduit.campaign_client_settings l on l.campaign_id = a.campaign_id
         where d.number = '{number}'
         order by l.forwarding_priority
         limit 1)
    insert into capconduit.caps (user_id, campaign_id, did_id, link_id, client_id, counts, span, set_by, max_calls)
    select case of when 'seller' then user_id end, case of when 'campaign' then campaign_id end,
           case of when 'did' then did_id end, case of when 'link' then link_id end,
           case of when 'client' then client_id end, counts, span, 'platform', 1000
      from called, (values ('seller', 'answered', 'day'), ('campaign', 'answered', 'day'), ('campaign', 'offered', 'hour'),
                           ('did', 'answered', 'month'), ('link', 'answered', 'hour'), ('link', 'qualified', 'day'),
                           ('link', 'answered', 'month'), ('client', 'answered', 'hour'), ('client', 'qualified', 'day'),
                           ('client', 'offered', 'concurrent')) v (of, counts, span)";

#[tokio::test]
async fn an_explanation_with_ten_caps_costs_no_more_than_it_must() {
    for number in EXPLAINED {
        let db = platform_on(own_server().await).await;
        db.cluster().stop(StopMode::Fast).await;
        let explained = |before: &[String]| {
            let explain = format!("execute explained('{number}')");
            Counted {
                name: String::new(),
                before: before
                    .iter()
                    .cloned()
                    .chain(vec![explain.clone(); WARM])
                    .collect(),
                statements: vec![explain; CALLS],
            }
        };
        // Windows begin with a call.
        let capped = [
            TEN_CAPS.replace("{number}", number),
            format!("select capconduit.route_call('{number}', 'capped')"),
            format!("select capconduit.log_call('capped', '{number}', 'ANSWERED')"),
        ];
        let prepared = ["prepare explained(text) as select count(*) from capconduit.explain_call($1)"];
        let counted = [explained(&[]), explained(&capped)];
        let costs = db.cluster().count(db.name(), &prepared, &counted).await;
        let ratio = costs[1].instructions / costs[0].instructions;
        println!("{number}: {costs:?}, {ratio:.2}");
        assert!(
            ratio <= BOUND_WITH_TEN_CAPS,
            "{number}: with ten caps {ratio:.2} times as much as without"
        );
    }
}
