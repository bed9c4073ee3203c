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

/// The first calls of a backend load the library and plan.
const FIRST: usize = 20;
const CALLS: usize = 60;

/// The median of many calls: now and then one pays for a new page, or tidies an old one.
async fn typical(client: &Client, call: impl Fn(usize) -> String) -> Cost {
    let (mut pages, mut log_records) = (Vec::new(), Vec::new());
    for number in 0..CALLS {
        let cost = cost(client, &call(number)).await;
        if number >= FIRST {
            pages.push(cost.pages);
            log_records.push(cost.log_records);
        }
    }
    pages.sort_unstable();
    log_records.sort_unstable();
    let middle = (CALLS - FIRST) / 2;
    Cost {
        pages: pages[middle],
        log_records: log_records[middle],
    }
}

#[tokio::test]
async fn a_call_touches_no_more_pages_than_it_must() {
    let db = platform().await;
    hold_the_full_campaign(&db).await;
    let switch = db.asterisk().await;
    let people = db.superuser().await;
    let again = |call: usize| format!("pbx1-1.{call}");
    let seen = [
        (
            "explain_route",
            (34, 0),
            typical(&people, |call| format!("explain_route('{}')", number(call))).await,
        ),
        (
            "reject",
            (32, 0),
            typical(&switch, |call| format!("route_call('{FULL}', 'pbx1-2.{call}')")).await,
        ),
        (
            "route_call",
            (46, 5),
            typical(&switch, |call| {
                format!("route_call('{}', '{}')", number(call), again(call))
            })
            .await,
        ),
        (
            "next_target",
            (48, 8),
            typical(&switch, |call| {
                format!("next_target('{}', 1, 'BUSY', 17)", again(call))
            })
            .await,
        ),
        (
            "log_call",
            (28, 10),
            typical(&switch, |call| {
                format!("log_call('{}', '{}', 'ANSWERED')", again(call), number(call))
            })
            .await,
        ),
    ];
    println!("{seen:?}");
    for (name, (pages, log_records), cost) in seen {
        assert!(
            cost.pages <= pages && cost.log_records <= log_records,
            "{name}: {cost:?}, at most {pages} pages and {log_records} records are allowed"
        );
    }
}
