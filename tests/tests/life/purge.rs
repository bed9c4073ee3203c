//! `capconduit purge` and `purge_call_logs`: old records go in batches, totals stay, calls go on.

use std::process::Stdio;
use std::time::Duration;

use capconduit_tests::{
    ADMIN, Calls, ClusterOptions, Link, Record, Scenario, Strategy, TestDb, Watch, assert_consistent,
    assert_invariants,
};
use jiff::Timestamp;
use tokio_postgres::Client;

use super::Traffic;
use crate::concurrency::assert_no_deadlock;
use crate::migrate::{Run, capconduit, command};
use crate::sql::support::{run, value, values};

/// So many records of these links, a thousand on each day, the newest of them half a day older than said; two of three
/// were answered and count, every tenth had an attempt that failed.
pub async fn history(db: &Client, links: &[i64], name: &str, records: i64, newest_days: i32) {
    db.execute(
        "with made as (
             insert into call_logs (asterisk_uniqueid, link_id, incoming_did_number, timestamp_start, timestamp_end,
                                    call_status, counted)
             select $1 || '-' || n, ($2::bigint[])[1 + n % cardinality($2::bigint[])], '+15550000', at, at,
                    case when n % 3 > 0 then 'ANSWERED' else 'BUSY' end, n % 3 > 0
               from (select n, now() - make_interval(days => $4::integer, hours => 12) - ($3::bigint - n) / 1000 * interval '1 day'
                       from generate_series(1, $3::bigint) n) s (n, at)
             returning asterisk_uniqueid, link_id, counted
         ), failed as (
             insert into call_attempts (uniqueid, attempt, link_id, client_id, dial_status, started_at, ended_at)
             select asterisk_uniqueid, 1, link_id, 1, 'BUSY', now(), now() from made where asterisk_uniqueid like '%0'
         )
         update link_counters n set total = n.total + m.calls
           from (select link_id, count(*) as calls from made where counted group by link_id) m
          where m.link_id = n.link_id",
        &[&name, &links, &records, &newest_days],
    )
    .await
    .expect("a history");
}

pub async fn busy(db: &TestDb) -> Scenario {
    let links: Vec<Link> = (0..4).map(|_| Link::cap(50)).collect();
    Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await
}

pub async fn purge(db: &TestDb, arguments: &[&str]) -> Run {
    capconduit(&db.url(ADMIN), &[&["purge"], arguments].concat()).await
}

const TOTALS: &str = "select concat_ws(' ', link_id, total - base) from link_counters order by link_id";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_records_go_and_totals_stay_while_calls_go_on() {
    let db = TestDb::new().await;
    let (admin, scenario) = (db.admin().await, busy(&db).await);
    let superuser = db.superuser().await;
    history(&superuser, &scenario.link_ids, "old", 20_000, 31).await;
    history(&superuser, &scenario.link_ids, "kept", 3_000, 10).await;
    // One that came late: its id is among the new ones.
    history(&superuser, &scenario.link_ids, "late", 7, 40).await;
    history(&superuser, &scenario.link_ids, "new", 500, 1).await;
    let total = "select sum(total)::bigint from link_counters";
    let counted: i64 = value(&admin, total).await;

    let watch = Watch::start(&db, Duration::from_millis(20)).await;
    let traffic = Traffic::start(&db, &scenario, "call", 3).await;
    let done = purge(&db, &["--before", "30d", "--batch", "250"]).await.ok();
    let worked = traffic.end().await;
    let samples = watch.finish().await;
    println!("{} calls and {samples} samples beside the purge", worked.calls);

    assert!(done.out.contains("found       20007 records"), "{done:?}");
    assert!(
        done.out
            .contains("finished    20007 of 20007 records, 2000 attempts"),
        "{done:?}"
    );
    let left: Vec<String> = values(
        &admin,
        "select split_part(asterisk_uniqueid, '-', 1) || ' ' || count(*) from call_logs group by split_part(asterisk_uniqueid, '-', 1) order by 1",
    )
    .await;
    let calls = format!("call {}", worked.calls);
    assert_eq!(left, [calls.as_str(), "kept 3000", "new 500"]);
    let attempts = "select count(*) from call_attempts where uniqueid like $1";
    for (name, expected) in [("old-%", 0_i64), ("late-%", 0), ("kept-%", 300)] {
        let found: i64 = admin.query_one(attempts, &[&name]).await.unwrap().get(0);
        assert_eq!(found, expected, "attempts of {name}");
    }
    assert_eq!(value::<i64>(&admin, total).await, counted + worked.calls);
    let base: i64 = value(&admin, "select sum(base)::bigint from link_counters").await;
    assert_eq!(base, 13_334 + 5, "what counted of the old records");
    let audit: String = value(
        &admin,
        "select concat_ws(' ', db_role, before ->> 'records') from audit_log
          where action = 'delete' and object_type = 'call_logs'",
    )
    .await;
    assert_eq!(audit, "capconduit_admin 20007");
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;

    let again = purge(&db, &["--before", "30d"]).await.ok();
    assert!(again.out.contains("found       0 records"), "{again:?}");
}

/// The index of days forgets the purged records: who asks for an old day reads no block that new records have taken.
#[tokio::test]
async fn room_that_is_used_again_is_not_read_for_days_long_gone() {
    // Only this test makes summaries, and nobody's open transaction keeps purged rows in them.
    let db = TestDb::on_own_server(ClusterOptions {
        settings: vec!["autovacuum = off".to_owned()],
        ..ClusterOptions::default()
    })
    .await;
    let (superuser, scenario) = (db.superuser().await, busy(&db).await);
    history(&superuser, &scenario.link_ids, "old", 30_000, 100).await;
    history(&superuser, &scenario.link_ids, "kept", 10_000, 10).await;
    run(&superuser, "vacuum call_logs").await;
    purge(&db, &["--before", "90d"]).await.ok();
    run(&superuser, "vacuum call_logs").await;
    history(&superuser, &scenario.link_ids, "new", 20_000, 0).await;
    run(&superuser, "set enable_seqscan = off; set enable_indexscan = off").await;
    let plan: Vec<String> = values(
        &superuser,
        "explain (analyze, costs off, timing off, summary off)
         select count(*) from call_logs where timestamp_start < now() - interval '110 days'",
    )
    .await;
    let plan = plan.join("\n");
    assert!(plan.contains("call_logs_timestamp_start_idx"), "{plan}");
    // The newest range has no summary yet, and is always read.
    let read = plan.split_once("lossy=").map_or(0, |(_, rest)| {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        number.parse::<u32>().expect("a number of blocks")
    });
    assert!(read < 128, "{read} blocks were read: {plan}");
}

#[tokio::test]
async fn a_purge_stops_when_told_and_goes_on_where_it_was() {
    let db = TestDb::new().await;
    let (admin, scenario) = (db.admin().await, busy(&db).await);
    history(&db.superuser().await, &scenario.link_ids, "old", 5_000, 31).await;
    let count = "select count(*) from call_logs";
    for signal in ["TERM", "INT"] {
        let before: i64 = value(&admin, count).await;
        // It rests for a minute behind its first batch.
        let arguments = ["purge", "--before", "30d", "--batch", "100", "--pause", "60000"];
        let first = command(&db.url(ADMIN), &arguments, &[])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be run");
        let mut tries = 0..1200;
        while value::<i64>(&admin, count).await == before {
            assert!(tries.next().is_some(), "the first batch goes");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        purge(&db, &["--before", "30d"])
            .await
            .refused("another purge is at work");
        crate::node::support::signal(signal, first.id().expect("it runs"));
        let ended = tokio::time::timeout(Duration::from_secs(50), first.wait_with_output()).await;
        let ended = ended.expect("it ends within its pause").expect("it ends");
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert_eq!(ended.status.code(), Some(3), "{said}");
        assert!(said.contains("interrupted 100 of"), "{said}");
        assert_eq!(value::<i64>(&admin, count).await, before - 100);
        assert_invariants(&db).await;
    }
    let rest = purge(&db, &["--before", "30d"]).await.ok();
    assert!(rest.out.contains("finished    4800 of 4800"), "{rest:?}");
    assert_eq!(value::<i64>(&admin, count).await, 0);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_long_purge_says_where_it_is() {
    let db = TestDb::new().await;
    let (admin, scenario) = (db.admin().await, busy(&db).await);
    history(&db.superuser().await, &scenario.link_ids, "old", 150, 31).await;
    let arguments = ["purge", "--before", "30d", "--batch", "10", "--pause", "450"];
    let purge = command(&db.url(ADMIN), &arguments, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let shown = "select count(*) from pg_stat_activity where datname = current_database()
                    and application_name ~ '^capconduit purge: [1-9][0-9]* of 150 records$'";
    let mut tries = 0..200;
    while value::<i64>(&admin, shown).await == 0 {
        assert!(tries.next().is_some(), "it shows where it is");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = purge.wait_with_output().await.expect("it ends");
    let (out, err) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(
        ended.status.success() && out.contains("finished    150 of 150 records"),
        "{out}{err}"
    );
    assert!(err.lines().count() == 1 && err.starts_with("purged "), "{err}");
}

/// Where the process is killed or the server dies, each batch is there whole or not at all.
#[tokio::test]
async fn a_purge_that_is_killed_leaves_whole_batches() {
    let db = TestDb::new().await;
    let (admin, scenario) = (db.admin().await, busy(&db).await);
    history(&db.superuser().await, &scenario.link_ids, "old", 20_000, 31).await;
    let totals: Vec<String> = values(&admin, "select total::text from link_counters order by link_id").await;
    let count = "select count(*) from call_logs";
    for backend in [false, true, false] {
        let before: i64 = value(&admin, count).await;
        let mut purge = command(
            &db.url(ADMIN),
            &["purge", "--before", "30d", "--batch", "100", "--pause", "5"],
            &[],
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be run");
        let mut tries = 0..6000;
        while value::<i64>(&admin, count).await > before - 1000 {
            assert!(tries.next().is_some(), "it purges");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if backend {
            let end = "select pg_terminate_backend(pid) from pg_stat_activity
                        where application_name like 'capconduit purge%' and datname = current_database()";
            assert!(value::<bool>(&db.superuser().await, end).await);
            let ended = purge.wait().await.expect("it ends");
            assert_eq!(ended.code(), Some(1));
        } else {
            purge.kill().await.expect("it is killed");
        }
        assert_consistent(&db).await;
    }
    let rest = purge(&db, &["--before", "30d"]).await;
    // The server may still be ending the session of the one that was killed.
    if !rest.err.contains("another purge") {
        rest.ok();
    }
    assert_consistent(&db).await;
    let after: Vec<String> = values(&admin, "select total::text from link_counters order by link_id").await;
    assert_eq!(after, totals);
}

/// A record that comes again after its call was purged has no reservation and no record to name its link.
#[tokio::test]
async fn a_record_replayed_after_the_purge_counts_no_second_time() {
    let db = TestDb::new().await;
    let (admin, scenario) = (db.admin().await, busy(&db).await);
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let at = |days: i64| Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let record = |uniqueid: &str| Record {
        started_at: Some(at(20)),
        answered_at: Some(at(20)),
        ended_at: Some(at(20)),
        ..Record::new(uniqueid, &scenario.did, "ANSWERED")
    };
    for uniqueid in ["known", "lost"] {
        switch.route(&scenario.did, uniqueid).await.unwrap().link();
        switch.answered(uniqueid).await.unwrap();
    }
    switch.log_record(&record("known")).await.unwrap();
    superuser.release("lost", "test").await.unwrap();
    run(
        &superuser,
        "update call_logs set timestamp_start = now() - interval '20 days' where asterisk_uniqueid = 'lost'",
    )
    .await;
    let total = "select sum(total)::bigint from link_counters";
    assert_eq!(value::<i64>(&admin, total).await, 2, "both count");
    purge(&db, &["--before", "10d"]).await.ok();
    for uniqueid in ["known", "lost"] {
        let replayed = switch.log_record(&record(uniqueid)).await.unwrap();
        assert_eq!(replayed.status, "logged", "{uniqueid}");
    }
    let stored: Vec<String> = values(
        &admin,
        "select concat_ws(' ', asterisk_uniqueid, user_id, link_id, counted) from call_logs order by 1",
    )
    .await;
    let expected = ["known", "lost"].map(|call| format!("{call} {} f", scenario.user_id));
    assert_eq!(stored, expected);
    assert_eq!(value::<i64>(&admin, total).await, 2);
    assert_invariants(&db).await;
}

/// The true record waits for the purge, which has its LOST record in hand.
#[tokio::test]
async fn a_correction_that_a_purge_overtakes_counts_no_second_time() {
    let db = TestDb::new().await;
    let (admin, scenario) = (db.admin().await, busy(&db).await);
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for (uniqueid, answered) in [("talked", true), ("rang", false)] {
        switch.route(&scenario.did, uniqueid).await.unwrap().link();
        if answered {
            switch.answered(uniqueid).await.unwrap();
        }
        superuser.release(uniqueid, "test").await.unwrap();
    }
    run(
        &superuser,
        "update call_logs set timestamp_start = now() - interval '20 days'",
    )
    .await;
    let purge = "begin; select capconduit.purge_call_logs(now() - interval '10 days')";
    run(&admin, purge).await;
    let mut waiting = Vec::new();
    // The other outcome each time: what counted would not, and the other way round.
    for (uniqueid, status) in [("talked", "BUSY"), ("rang", "ANSWERED")] {
        let (switch, did) = (db.asterisk().await, scenario.did.clone());
        waiting.push(tokio::spawn(
            async move { switch.log(uniqueid, &did, status).await },
        ));
    }
    let blocked = "select count(*) = 2 from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock'";
    let mut tries = 0..1000;
    while !value::<bool>(&superuser, blocked).await {
        assert!(tries.next().is_some(), "both wait for the purge");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run(&admin, "commit").await;
    for record in waiting {
        let logged = record.await.unwrap().expect("an answer");
        assert_eq!(logged.status, "logged");
    }
    let totals: Vec<String> = values(&admin, TOTALS).await;
    assert!(
        totals.iter().all(|line| line.ends_with(" 0")),
        "nothing but the base: {totals:?}"
    );
    assert_invariants(&db).await;
}
