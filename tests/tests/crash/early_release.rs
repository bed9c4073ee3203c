//! Early lock release: while one call's commit waits for the disk, the next call gets the link's row. None of them
//! is answered before its commit is on disk.

use capconduit_tests::{Calls, Link, Scenario, Strategy, assert_invariants};

use super::{Crashable, ask, row_is_free, soon, until};

#[tokio::test]
async fn rows_are_free_while_commits_wait() {
    let server = Crashable::start(&[]).await;
    the_next_call_gets_the_row(&server).await;
    sixteen_calls_share_a_flush(&server).await;
    without_it_the_row_is_held(&server).await;
}

async fn the_next_call_gets_the_row(server: &Crashable) {
    let db = server.database().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(2)]).await;
    let link = scenario.link_ids[0];
    let (first, second, third) = (db.asterisk().await, db.asterisk().await, db.asterisk().await);
    let (did, other) = (scenario.did.clone(), scenario.did.clone());
    let stall = server.stall(&db).await;
    let mut first = ask(async move { first.route(&did, "call-1").await.unwrap() }).await;
    assert!(row_is_free(&db, link).await, "the link takes one call per flush");
    let mut second = ask(async move { second.route(&other, "call-2").await.unwrap() }).await;
    assert!(row_is_free(&db, link).await, "the link takes one call per flush");
    first.is_silent().await;
    second.is_silent().await;
    // Both slots are taken as far as others are concerned. This caller is refused at once: that promises nothing.
    let refused = soon(third.route(&scenario.did, "call-3")).await.unwrap();
    assert_eq!(refused.reject_reason(), "no_eligible_clients_available");
    drop(stall);
    assert_eq!(
        (first.answer().await.link(), second.answer().await.link()),
        (link, link)
    );
    assert_invariants(&db).await;
}

/// A busy link takes many calls in one flush: that is what all this is for.
async fn sixteen_calls_share_a_flush(server: &Crashable) {
    let db = server.database().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(99)]).await;
    let mut switches = Vec::new();
    for _ in 0..16 {
        switches.push(db.asterisk().await);
    }
    let stall = server.stall(&db).await;
    let asked: Vec<_> = switches
        .into_iter()
        .enumerate()
        .map(|(number, switch)| {
            let did = scenario.did.clone();
            tokio::spawn(async move { switch.route(&did, &format!("call-{number}")).await.unwrap() })
        })
        .collect();
    until(&db, "select active = 16 from link_counters").await;
    assert!(
        asked.iter().all(|asked| !asked.is_finished()),
        "answered before it was durable"
    );
    drop(stall);
    for asked in asked {
        soon(asked).await.unwrap().link();
    }
    assert_invariants(&db).await;
}

async fn without_it_the_row_is_held(server: &Crashable) {
    let db = server.database().await;
    let off = format!(
        "alter database {} set capconduit.early_lock_release = off",
        db.name()
    );
    db.superuser().await.batch_execute(&off).await.unwrap();
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(2)]).await;
    let switch = db.asterisk().await;
    let did = scenario.did.clone();
    let stall = server.stall(&db).await;
    let asked = ask(async move { switch.route(&did, "call-1").await.unwrap() }).await;
    assert!(!row_is_free(&db, scenario.link_ids[0]).await);
    drop(stall);
    asked.answer().await.link();
    assert_invariants(&db).await;
}
