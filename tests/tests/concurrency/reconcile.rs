//! Counters are mended beside calls: nobody waits for it longer than a moment, whatever it waits for itself, and the result is exact.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capconduit_tests::{ADMIN, Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::{AsyncMessage, NoTls};

use super::{assert_no_deadlock, crew, drain, together};
use crate::node::support::eventually;
use crate::sql::support::{run, sqlstate, value, values};

/// What the tests' hands moved. Windows that began meanwhile are mended and told of with it.
const RECONCILE: &str = "select concat_ws(' ', link_id, counter, stored - actual) from reconcile_counters() \
                         where counter in ('active', 'total') order by 1";

/// What a switch's connection takes for a call that something else holds up.
const BOUNDED: Duration = Duration::from_millis(1500);

/// What maintenance locks for long: a vacuum and every build of an index `concurrently`; a plain build; a rewrite; a held link.
const IN_THE_WAY: [&str; 5] = [
    "lock table call_logs in share update exclusive mode",
    "lock table call_logs in share mode",
    "lock table audit_log in exclusive mode",
    "lock table link_counters in share update exclusive mode",
    "select from link_counters where link_id = (select min(link_id) from link_counters) for share",
];

#[tokio::test]
async fn calls_go_on_while_counters_are_mended_and_something_is_in_the_way() {
    for obstacle in IN_THE_WAY {
        let db = TestDb::new().await;
        let (admin, superuser, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
        let scenario = Scenario::new(
            &admin,
            Strategy::Priority,
            &[Link::cap(9), Link::cap(9).priority(1)],
        )
        .await;
        let [first, second] = scenario.link_ids[..] else {
            unreachable!()
        };
        run(
            &superuser,
            &format!("update link_counters set active = 2, total = 5 where link_id in ({first}, {second})"),
        )
        .await;
        let holder = db.superuser().await;
        run(&holder, &format!("begin; {obstacle}")).await;
        let waits_for_held_row = obstacle.contains("for share");
        let mender = db.admin().await;
        let mending = tokio::spawn(async move { values::<String>(&mender, RECONCILE).await });
        // It comes back for what it needs until it gets it; calls have their ordinary time meanwhile.
        for call in 0..5 {
            let id = format!("call-{call}");
            let began = Instant::now();
            assert!(
                switch.route(&scenario.did, &id).await.unwrap().is_ok(),
                "{obstacle}"
            );
            if !waits_for_held_row && !obstacle.contains("share mode") {
                assert_eq!(
                    switch.log(&id, &scenario.did, "ANSWERED").await.unwrap().status,
                    "logged"
                );
            }
            assert!(began.elapsed() < BOUNDED, "{obstacle}: {:?}", began.elapsed());
        }
        run(&holder, "rollback").await;
        let expected = [first, second].map(|link| [format!("{link} active 2"), format!("{link} total 5")]);
        assert_eq!(mending.await.unwrap(), expected.concat(), "{obstacle}");
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

#[tokio::test]
async fn what_is_mended_under_traffic_is_exact() {
    let db = TestDb::new().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    let scenario = Scenario::new(&admin, Strategy::Weighted, &[Link::cap(900); 3]).await;
    let over = Arc::new(AtomicBool::new(false));
    let (did, until) = (scenario.did.clone(), over.clone());
    let traffic = tokio::spawn(together(crew(&db, 6).await, move |number, switch| {
        let (did, until) = (did.clone(), until.clone());
        async move {
            let mut call = 0;
            while !until.load(Ordering::Relaxed) {
                let id = format!("{number}-{call}");
                assert!(switch.route(&did, &id).await.unwrap().is_ok());
                if call % 3 == 0 {
                    switch.next(&id, 1, "BUSY").await.unwrap();
                }
                switch.log(&id, &did, "ANSWERED").await.unwrap();
                call += 1;
            }
        }
    }));
    for turn in 0..20 {
        // Upwards: a counter that is too low would be refused below nothing.
        let link = scenario.link_ids[turn % 3];
        run(
            &superuser,
            &format!(
                "update link_counters set active = active + 3, total = total + 7 where link_id = {link}"
            ),
        )
        .await;
        // Two at once take away one difference.
        let other = db.admin().await;
        let mend = tokio::spawn(async move { values::<String>(&other, RECONCILE).await });
        let mut told = values::<String>(&admin, RECONCILE).await;
        told.extend(mend.await.unwrap());
        told.sort();
        assert_eq!(
            told,
            [format!("{link} active 3"), format!("{link} total 7")],
            "turn {turn}"
        );
    }
    over.store(true, Ordering::Relaxed);
    traffic.await.unwrap();
    drain(&db).await;
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}

#[tokio::test]
async fn one_link_is_mended_alone() {
    let db = TestDb::new().await;
    let (admin, superuser, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
    let scenario = Scenario::new(
        &admin,
        Strategy::Priority,
        &[Link::cap(9), Link::cap(9).priority(1)],
    )
    .await;
    let [first, second] = scenario.link_ids[..] else {
        unreachable!()
    };
    run(&superuser, "update link_counters set active = active + 1").await;
    let mend =
        format!("select concat_ws(' ', link_id, counter, stored, actual) from reconcile_counters({first})");
    run(&admin, "begin").await;
    assert_eq!(
        values::<String>(&admin, &mend).await,
        [format!("{first} active 1 0")]
    );
    // Only that link's calls wait for the end of the repair.
    assert_eq!(
        switch.route(&scenario.did, "beside").await.unwrap().link(),
        second
    );
    run(&admin, "commit").await;
    assert_eq!(
        value::<i64>(
            &admin,
            "select count(*) from verify_counters() where counter = 'active'"
        )
        .await,
        1
    );
    assert_eq!(values::<String>(&admin, &mend).await, [""; 0]);
    assert_eq!(
        sqlstate(admin.query("select * from reconcile_counters(-1)", &[]).await),
        "P0002"
    );
    assert_eq!(
        values::<String>(&admin, RECONCILE).await,
        [format!("{second} active 1")]
    );
    drain(&db).await;
    assert_invariants(&db).await;
}

/// Somebody who keeps a link's counters for good gets an end of it, not a repair that waits for ever.
#[tokio::test]
async fn a_repair_that_cannot_be_made_says_so_and_leaves_nothing_locked() {
    let db = TestDb::new().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9); 2]).await;
    run(&superuser, "update link_counters set active = active + 1").await;
    let holder = db.superuser().await;
    run(
        &holder,
        &format!(
            "begin; select from link_counters where link_id = {} for update",
            scenario.link_ids[1]
        ),
    )
    .await;
    let (mender, mut connection) = tokio_postgres::connect(&db.url(ADMIN), NoTls)
        .await
        .expect("a connection");
    let (told, mut notices) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message {
                told.send(notice.message().to_owned()).expect("somebody listens");
            }
        }
    });
    let mending = tokio::spawn(async move { sqlstate(mender.query(RECONCILE, &[]).await) });
    let notice = notices.recv().await.expect("it says that it waits");
    assert!(notice.ends_with("it is tried again for 15 seconds"), "{notice}");
    let waits = "select exists (select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database())";
    eventually("the repair has stepped back", async || {
        value::<bool>(&superuser, waits).await
    })
    .await;
    // The first link's row is free in between.
    run(
        &superuser,
        &format!(
            "update link_counters set active = active where link_id = {}",
            scenario.link_ids[0]
        ),
    )
    .await;
    assert_eq!(mending.await.unwrap(), "55P03");
    assert!(notices.recv().await.is_none(), "it says so once");
    run(&holder, "rollback").await;
    assert_eq!(values::<String>(&admin, RECONCILE).await.len(), 2);
    assert_invariants(&db).await;
}
