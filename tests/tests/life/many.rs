//! Ten million records purged beside traffic (`make test-full`): how fast, how long calls wait, what it writes and frees.
//! CAPCONDUIT_TEST_RECORDS makes it smaller.

use std::time::{Duration, Instant};

use capconduit_tests::{Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::Traffic;
use super::purge::purge;
use crate::concurrency::assert_no_deadlock;
use crate::sql::support::{run, value};

/// Records over the days before, the last of them now, in ten batches; two of three count.
async fn fill(db: &Client, links: &[i64], records: i64) {
    for part in 0..10 {
        let (first, last) = (part * records / 10 + 1, (part + 1) * records / 10);
        db.execute(
            "insert into call_logs (asterisk_uniqueid, user_id, campaign_id, did_id, client_id, link_id, node,
                 incoming_did_number, caller_id_num, timestamp_start, timestamp_answered, timestamp_end,
                 duration_seconds, billsec_seconds, call_status, hangup_cause_code, counted)
             select 'pbx1-' || n, 3, 1, 1, 1, ($3::bigint[])[1 + n % cardinality($3::bigint[])], 'pbx1', '+15550000',
                    '+1555' || lpad((n % 10000000)::text, 7, '0'), at, at, at + interval '65 seconds', 65, 60,
                    case when n % 3 > 0 then 'ANSWERED' else 'BUSY' end, 16, n % 3 > 0
               from (select n, now() - ($4::bigint - n) * (interval '400 days' / $4::double precision)
                       from generate_series($1::bigint, $2::bigint) n) s (n, at)",
            &[&first, &last, &links, &records],
        )
        .await
        .expect("records");
    }
    for statement in [
        "update link_counters n set total = n.total + g.calls
           from (select link_id, count(*) as calls from call_logs where counted group by link_id) g
          where g.link_id = n.link_id",
        "insert into call_attempts (uniqueid, attempt, link_id, client_id, dial_status, started_at, ended_at)
         select asterisk_uniqueid, 1, link_id, 1, 'BUSY', now(), now() from call_logs where id % 10 = 0",
        "vacuum analyze call_logs",
        "vacuum analyze call_attempts",
        "checkpoint",
    ] {
        run(db, statement).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten million records take many minutes"]
async fn ten_million_records_are_purged_beside_calls() {
    let records: i64 = std::env::var("CAPCONDUIT_TEST_RECORDS")
        .map_or(10_000_000, |text| text.parse().expect("a number of records"));
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let links: Vec<Link> = (0..100).map(|_| Link::cap(50)).collect();
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await;
    let begun = Instant::now();
    for statement in ["set statement_timeout = 0", "set synchronous_commit = off"] {
        run(&superuser, statement).await;
    }
    fill(&superuser, &scenario.link_ids, records).await;
    println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
    let size = "select pg_size_pretty(pg_table_size('call_logs')) || ' + indexes ' || pg_size_pretty(pg_indexes_size('call_logs'))";
    println!("size before: {}", value::<String>(&superuser, size).await);

    // What calls take by themselves, to compare.
    let traffic = Traffic::start(&db, &scenario, "alone", 4).await;
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let alone = traffic.end().await;
    let rate = |calls: i64, since: Instant| calls as f64 / since.elapsed().as_secs_f64();
    println!(
        "calls alone: {:.0}/s, the slowest statement {} ms",
        rate(alone.calls, begun),
        alone.slowest.as_millis()
    );

    let wal = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";
    let written: i64 = value(&superuser, wal).await;
    // Nobody looks at all records meanwhile: a snapshot of minutes would slow the counters down, and measure itself.
    let traffic = Traffic::start(&db, &scenario, "beside", 4).await;
    let begun = Instant::now();
    let done = purge(&db, &["--before", "40d"]).await.ok();
    let beside = traffic.end().await;
    println!("{}", done.out);
    println!(
        "calls beside: {:.0}/s, the slowest statement {} ms; WAL {} MB, calls included",
        rate(beside.calls, begun),
        beside.slowest.as_millis(),
        (value::<i64>(&superuser, wal).await - written) / 1_000_000
    );
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
    let left: i64 = value(
        &superuser,
        "select count(*) from call_logs where timestamp_start < now() - interval '41 days'",
    )
    .await;
    assert_eq!(left, 0);
    let begun = Instant::now();
    run(&superuser, "vacuum call_logs").await;
    println!(
        "size after: {}; a vacuum took {:.0} s",
        value::<String>(&superuser, size).await,
        begun.elapsed().as_secs_f64()
    );
}
