//! Pages looked at and records written to the log, as EXPLAIN counts them in the function's own backend: the same on
//! every machine, however busy. An index that is gone, a statement more or a row written twice shows here.

use tokio_postgres::Client;

use super::{FULL, hold_the_full_campaign, number, platform};

#[derive(Debug)]
struct Cost {
    pages: u64,
    log_records: u64,
}

async fn cost(client: &Client, call: &str) -> Cost {
    let sql =
        format!("explain (analyze, buffers, wal, costs off, timing off, format json) select * from {call}");
    let explained: serde_json::Value = client
        .query_one(&sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
        .get(0);
    let plan = &explained[0]["Plan"];
    let count = |name: &str| plan[name].as_u64().unwrap_or_else(|| panic!("no {name}: {plan}"));
    Cost {
        pages: count("Shared Hit Blocks") + count("Shared Read Blocks"),
        log_records: count("WAL Records"),
    }
}

const CALLS: usize = 60;

/// What the cheapest of many calls costs. Others pay besides for a new page, for an old one to be tidied, for the first
/// change of a page after a checkpoint: that is chance, and other tests' doing.
async fn cheapest(client: &Client, call: impl Fn(usize) -> String) -> Cost {
    let mut cheapest = Cost {
        pages: u64::MAX,
        log_records: u64::MAX,
    };
    for number in 0..CALLS {
        let cost = cost(client, &call(number)).await;
        cheapest.pages = cheapest.pages.min(cost.pages);
        cheapest.log_records = cheapest.log_records.min(cost.log_records);
    }
    cheapest
}

/// What vacuums beside, and pages that are to be tidied, cost besides is chance: a further database has other luck. A statement or an index
/// more costs the same in each.
#[tokio::test]
async fn a_call_touches_no_more_pages_than_it_must() {
    let mut over = Vec::new();
    for _ in 0..3 {
        let seen = seen().await;
        println!("{seen:?}");
        over = seen
            .into_iter()
            .filter(|(_, (pages, log_records), cost)| cost.pages > *pages || cost.log_records > *log_records)
            .collect();
        if over.is_empty() {
            return;
        }
    }
    panic!("more than is allowed, in each of three databases: {over:?}");
}

/// Each function with what it may cost and what it does.
async fn seen() -> Vec<(&'static str, (u64, u64), Cost)> {
    let db = platform().await;
    hold_the_full_campaign(&db).await;
    let switch = db.asterisk().await;
    let people = db.superuser().await;
    let again = |call: usize| format!("pbx1-1.{call}");
    let later = |call: usize| format!("pbx1-3.{call}");
    vec![
        (
            "preview_route",
            (18, 0),
            cheapest(&people, |call| format!("preview_route('{}')", number(call))).await,
        ),
        (
            "explain_route",
            (20, 0),
            cheapest(&people, |call| format!("explain_route('{}')", number(call))).await,
        ),
        (
            "reject",
            (19, 0),
            cheapest(&switch, |call| format!("route_call('{FULL}', 'pbx1-2.{call}')")).await,
        ),
        (
            "route_call",
            // The first call of its link: with four rows of windows, and their places in the index.
            (51, 12),
            cheapest(&switch, |call| {
                format!("route_call('{}', '{}')", number(call), again(call))
            })
            .await,
        ),
        (
            "next_target",
            // Here, too. And a page says what the campaign calls a good call.
            (43, 14),
            cheapest(&switch, |call| {
                format!("next_target('{}', 1, 'BUSY', 17)", again(call))
            })
            .await,
        ),
        (
            "log_call",
            // One record and two pages are the index of changes.
            (26, 9),
            cheapest(&switch, |call| {
                format!("log_call('{}', '{}', 'ANSWERED')", again(call), number(call))
            })
            .await,
        ),
        // In windows that have begun. Calls before have left dead rows; most calls find room beside them, and tidy nothing.
        (
            "route_call again",
            (30, 4),
            cheapest(&switch, |call| {
                format!("route_call('{}', '{}')", number(call), later(call))
            })
            .await,
        ),
        (
            "next_target again",
            (29, 6),
            cheapest(&switch, |call| {
                format!("next_target('{}', 1, 'BUSY', 17)", later(call))
            })
            .await,
        ),
        (
            "log_call again",
            (26, 9),
            cheapest(&switch, |call| {
                format!("log_call('{}', '{}', 'ANSWERED')", later(call), number(call))
            })
            .await,
        ),
    ]
}

/// Marks of so many other callers; the indexes that no decision looks at are made behind them.
fn marks(callers: usize) -> String {
    format!(
        "set maintenance_work_mem = '512MB';
         create temporary table again as
         select indexname, indexdef from pg_indexes
          where schemaname = 'capconduit' and tablename = 'caller_marks'
            and indexname not in (select conname from pg_constraint where conrelid = 'caller_marks'::regclass);
         do $$ declare name text; begin
             for name in select indexname from again loop execute format('drop index capconduit.%I', name); end loop;
         end $$;
         insert into caller_marks (campaign_id, caller, kind, after, source, created_by)
         select 1 + n % 100, '+4930' || 1000000 + n, 'seen', 'answered', 'call', null from generate_series(1, {callers}) n;
         do $$ declare definition text; begin
             for definition in select indexdef from again loop execute definition; end loop;
         end $$"
    )
}

/// A rule costs a decision what the look for one key in two indexes does, however many callers are remembered.
#[tokio::test]
async fn a_rule_for_callers_costs_a_decision_less_than_a_third_more_pages() {
    let (without, with) = look_among(200_000).await;
    assert!(with * 10 <= without * 13, "{without} pages without, {with} with");
}

#[tokio::test]
#[ignore = "long: ten million marks"]
async fn a_rule_for_callers_costs_six_pages_among_ten_million() {
    // The two indexes are deeper.
    let (without, with) = look_among(10_000_000).await;
    assert!(with <= without + 6, "{without} pages without, {with} with");
}

async fn look_among(callers: usize) -> (u64, u64) {
    let db = platform().await;
    let people = db.superuser().await;
    let asked = |call| format!("preview_call('{}', '+493011')", number(call));
    let without = cheapest(&people, asked).await;
    people.batch_execute(&marks(callers)).await.unwrap();
    let set = r#"update campaigns set caller_rules = '[{"after": "answered", "action": "reject"}]'"#;
    people.batch_execute(set).await.unwrap();
    people.batch_execute("vacuum analyze").await.unwrap();
    let with = cheapest(&people, asked).await;
    println!("{} pages without, {} with", without.pages, with.pages);
    assert!(with.pages > without.pages, "the rule is looked at");
    assert_eq!(with.log_records, 0);
    (without.pages, with.pages)
}
