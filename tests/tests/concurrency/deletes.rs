//! Links, clients, campaigns and sellers are deleted while calls want them: either the call or the delete wins. No
//! slot stays on a link that is gone, and neither of them ends in a deadlock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capconduit_tests::{Link, Random, Scenario, Strategy, TestDb, Watch, assert_consistent, rounds};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::admin::one_call;
use super::{assert_no_deadlock, crew, drain, together};

#[tokio::test]
async fn links_go_under_calls() {
    delete_under_calls("campaign_client_settings", |scenario| scenario.link_ids.clone()).await;
}

#[tokio::test]
async fn clients_go_under_calls() {
    delete_under_calls("clients", |scenario| scenario.client_ids.clone()).await;
}

#[tokio::test]
async fn campaigns_go_under_calls() {
    delete_under_calls("campaigns", |scenario| vec![scenario.campaign_id]).await;
}

#[tokio::test]
async fn sellers_go_under_calls() {
    delete_under_calls("users", |scenario| vec![scenario.user_id]).await;
}

async fn delete_under_calls(table: &'static str, ids: fn(&Scenario) -> Vec<i64>) {
    let mut random = Random::seeded();
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Arc::new(Mutex::new(fresh(&admin).await));
    let over = Arc::new(AtomicBool::new(false));
    let watch = Watch::start_consistent(&db, Duration::from_millis(100)).await;
    let workers = crew(&db, 4)
        .await
        .into_iter()
        .map(|switch| (switch, random.fork()))
        .collect();
    let (present, ending) = (scenario.clone(), over.clone());
    let calling = tokio::spawn(together(workers, move |number, (switch, mut random)| {
        let (scenario, over) = (present.clone(), ending.clone());
        async move {
            let (mut calls, mut routed) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                let did = scenario.lock().unwrap().did.clone();
                let id = format!("{number}-{calls}");
                routed += usize::from(one_call(&switch, &mut random, &did, &id).await);
                calls += 1;
                // Calls leave gaps, in which a delete finds nothing in flight.
                tokio::time::sleep(Duration::from_millis(random.below(10) as u64)).await;
            }
            routed
        }
    }));
    let mut refused = 0;
    for _ in 0..rounds(25, 500) {
        let doomed = scenario.lock().unwrap().clone();
        for id in ids(&doomed) {
            refused += delete_when_idle(&admin, table, id).await;
        }
        *scenario.lock().unwrap() = fresh(&admin).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    over.store(true, Ordering::Relaxed);
    let routed: usize = calling.await.unwrap().iter().sum();
    println!("{table}: {refused} deletes were refused, {routed} calls were routed");
    assert!(
        routed > 0 && refused > 0,
        "deletes and calls did not meet: {refused}, {routed}"
    );
    watch.finish().await;
    drain(&db).await;
    assert_consistent(&db).await;
    assert_no_deadlock(&db).await;
}

/// Deletes as soon as no call is in flight there; how often it was refused until then.
pub async fn delete_when_idle(admin: &Client, table: &str, id: i64) -> usize {
    let sql = format!("delete from capconduit.{table} where id = $1");
    for refused in 0..10_000 {
        match admin.execute(&sql, &[&id]).await {
            Ok(_) => return refused,
            Err(error) => {
                let error = error.as_db_error().expect("the server answers");
                assert_eq!(error.code(), &SqlState::RESTRICT_VIOLATION, "{error:?}");
                assert_eq!(error.constraint(), Some("link_counters_calls_in_flight"));
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{table} {id} was never idle");
}

/// Links whose rows lie in the table in another order than their ids say, as they do after edits.
async fn fresh(admin: &Client) -> Scenario {
    let scenario = Scenario::new(admin, Strategy::RoundRobin, &[Link::cap(2); 4]).await;
    for link_id in scenario.link_ids.iter().rev() {
        let sql = "update capconduit.campaign_client_settings set weight = weight + 1 where id = $1";
        admin.execute(sql, &[link_id]).await.unwrap();
    }
    scenario
}
