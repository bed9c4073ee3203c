//! A pause counts from its commit on: whoever decides later gives the link no call, however many ask at that moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, drain, together};
use crate::sql::support::{run, value};

/// What is paused, and how.
const PAUSED: [(&str, &str); 3] = [
    (
        "campaign_client_settings",
        "paused_until = UNTIL, pause_reason = 'x'",
    ),
    (
        "clients",
        "platform_paused_until = UNTIL, platform_pause_reason = 'x'",
    ),
    (
        "campaigns",
        "platform_paused_until = UNTIL, platform_pause_reason = 'x'",
    ),
];

/// Reservations of a link from one instant up to another, of calls that moved there, too, or of first attempts alone.
async fn reserved(admin: &Client, link: i64, last_attempt: i32, from: &str, until: &str) -> i64 {
    let sql = format!(
        "select count(*) from (select started_at as at, link_id, attempt from call_attempts
                               union all select attempt_at, link_id, attempt from live_calls where holds_slot
                               union all select reserved_at, link_id, attempts from call_logs) r
          where link_id = {link} and attempt <= {last_attempt} and at > '{from}' and at < '{until}'"
    );
    value(admin, &sql).await
}

/// Twenty-four connections ask all the time, and half of their calls move on, while the first of two links is paused and opened again.
#[tokio::test]
async fn no_call_passes_once_a_pause_is_committed_nor_before_it_ends() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(1000), Link::cap(1000)]).await;
        let over = Arc::new(AtomicBool::new(false));
        let (did, ending) = (scenario.did.clone(), over.clone());
        let calling = tokio::spawn(together(crew(&db, 24).await, move |worker, switch| {
            let (did, over) = (did.clone(), ending.clone());
            async move {
                let mut rejected = 0;
                for call in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = format!("{worker}-{call}");
                    let answer = switch.route(&did, &id).await.expect("an answer");
                    if answer.is_ok() {
                        if worker % 2 == 0 {
                            switch.next(&id, 1, "BUSY").await.expect("an answer");
                        }
                        switch.log(&id, &did, "BUSY").await.expect("a record");
                    } else {
                        assert_eq!(answer.reject_reason(), "campaign_paused");
                        rejected += 1;
                    }
                }
                rejected
            }
        }));
        let link = scenario.link_ids[0];
        let mut seen = 0;
        for (table, set) in PAUSED {
            let (id, last_attempt) = match table {
                // Calls that it took before move on.
                "campaigns" => (scenario.campaign_id, 1),
                "clients" => (scenario.client_ids[0], 2),
                _ => (link, 2),
            };
            // It opens by itself while all are asking.
            let pause = set.replace("UNTIL", "clock_timestamp() + interval '700 milliseconds'");
            run(&admin, &format!("update {table} set {pause} where id = {id}")).await;
            let committed: String = value(&admin, "select clock_timestamp()::text").await;
            let column = set.split(' ').next().expect("a column");
            let ends: String = value(
                &admin,
                &format!("select {column}::text from {table} where id = {id}"),
            )
            .await;
            tokio::time::sleep(Duration::from_millis(1100)).await;
            assert_eq!(
                reserved(&admin, link, last_attempt, &committed, &ends).await,
                0,
                "{strategy:?}: {table} from {committed} to {ends}"
            );
            seen += reserved(&admin, link, last_attempt, &ends, "infinity").await;
        }
        over.store(true, Ordering::Relaxed);
        let rejected: i32 = calling.await.expect("every call got an answer").into_iter().sum();
        assert!(
            seen > 0 && rejected > 0,
            "{seen} after pauses, {rejected} rejected"
        );
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}
