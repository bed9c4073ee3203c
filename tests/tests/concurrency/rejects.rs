//! No good call is refused: not because a row is locked, not because another link is full, not because counters
//! move while a call is being judged.

use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants, rounds};

use super::{assert_no_deadlock, crew, crowd, drain, together};

#[tokio::test]
async fn room_on_the_second_link_is_always_found() {
    for strategy in Strategy::ALL {
        for callers in [16, 64] {
            let _crowd = crowd(callers).await;
            let db = TestDb::new().await;
            // The first is nearly always full, and changes all the time; the second has room for everybody.
            let links = [Link::cap(1), Link::cap(callers as i32).priority(1)];
            let scenario = Scenario::new(&db.admin().await, strategy, &links).await;
            let did = scenario.did.clone();
            let calls = rounds(2000, 40_000) / callers;
            together(crew(&db, callers).await, move |number, switch| {
                let did = did.clone();
                async move {
                    for call in 0..calls {
                        let id = format!("{number}-{call}");
                        switch.route(&did, &id).await.unwrap().link();
                        assert_eq!(switch.log(&id, &did, "ANSWERED").await.unwrap().status, "logged");
                    }
                }
            })
            .await;
            assert_invariants(&db).await;
            drain(&db).await;
            assert_no_deadlock(&db).await;
        }
    }
}

#[tokio::test]
async fn a_locked_row_is_waited_for() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let scenario = Scenario::new(&db.admin().await, strategy, &[Link::cap(2), Link::cap(3)]).await;
        let mut holder = db.superuser().await;
        let lock = holder.transaction().await.unwrap();
        lock.execute("select from link_counters for update", &[])
            .await
            .unwrap();
        let did = scenario.did.clone();
        let callers = crew(&db, 8).await;
        let routing = tokio::spawn(together(callers, move |number, switch| {
            let did = did.clone();
            async move { switch.route(&did, &format!("call-{number}")).await.unwrap() }
        }));
        // Somebody holds the rows for as long as a switch would put up with.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!routing.is_finished(), "an answer was given without the rows");
        lock.rollback().await.unwrap();
        let answers = routing.await.unwrap();
        let routed = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(
            routed, 5,
            "{strategy:?}: all the room there was, and no more: {answers:#?}"
        );
        assert_invariants(&db).await;
    }
}

/// Rows of links that a call does not need may be locked for ever: it goes elsewhere or comes back, as priority says.
#[tokio::test]
async fn a_locked_full_link_does_not_hold_anybody_up() {
    let db = TestDb::new().await;
    let links = [Link::cap(1), Link::cap(10).priority(1)];
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &links).await;
    let switch = db.asterisk().await;
    assert_eq!(
        switch.route(&scenario.did, "first").await.unwrap().link(),
        scenario.link_ids[0]
    );
    let mut holder = db.superuser().await;
    let lock = holder.transaction().await.unwrap();
    let sql = "select from link_counters where link_id = $1 for update";
    lock.execute(sql, &[&scenario.link_ids[0]]).await.unwrap();
    for call in 0..5 {
        let target = switch
            .route(&scenario.did, &format!("call-{call}"))
            .await
            .unwrap();
        assert_eq!(target.link(), scenario.link_ids[1]);
    }
    lock.rollback().await.unwrap();
    assert_invariants(&db).await;
}

/// Choosing happens on a snapshot, taking on the newest row: a link that filled up in between is judged anew.
#[tokio::test]
async fn a_link_that_fills_up_meanwhile_sends_the_call_on() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let scenario = Scenario::new(&db.admin().await, strategy, &[Link::cap(1), Link::cap(1)]).await;
        let mut first = db.asterisk().await;
        let taking = first.transaction().await.unwrap();
        let taken = taking.route(&scenario.did, "call-1").await.unwrap().link();
        let did = scenario.did.clone();
        let second = db.asterisk().await;
        // It may choose the same link, and then waits for its row.
        let routing = tokio::spawn(async move { second.route(&did, "call-2").await.unwrap() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        taking.commit().await.unwrap();
        let other = routing.await.unwrap().link();
        assert_ne!(other, taken, "{strategy:?}");
        let third = db.asterisk().await.route(&scenario.did, "call-3").await.unwrap();
        assert_eq!(third.reject_reason(), "no_eligible_clients_available");
        assert_invariants(&db).await;
    }
}
