//! Seats under load: told again and again while many calls ask, none is one too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants, client, link};

use super::{assert_no_deadlock, crew, crowd, drain, together};
use crate::sql::support::run;

const MOST: i32 = 20;

/// Sixty-four connections ask all the time, by two sellers' numbers; the seats rise one by one. No call ends, so whoever looks sees at most
/// as many as there are seats, and in the end exactly these.
#[tokio::test]
async fn no_call_is_one_too_many_while_seats_are_told() {
    let _crowd = crowd(64).await;
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let shared = client(&admin).await;
    let mut numbers = Vec::new();
    for strategy in [Strategy::Priority, Strategy::RoundRobin] {
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(1).priority(1)]).await;
        link(&admin, scenario.campaign_id, shared, Link::cap(1000)).await;
        numbers.push(scenario.did.clone());
    }
    let done = Arc::new(AtomicBool::new(false));
    let tell = {
        let (done, admin) = (done.clone(), db.admin().await);
        tokio::spawn(async move {
            for seats in (0..=MOST).chain([MOST; 10]) {
                let sql = format!("select set_seats({shared}, {seats}, 60, sequence => {seats})");
                run(&admin, &sql).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            done.store(true, Ordering::Relaxed);
        })
    };
    run(&admin, &format!("select set_seats({shared}, 0, 60)")).await;
    let watch = {
        let (done, superuser) = (done.clone(), db.superuser().await);
        tokio::spawn(async move {
            let sql = "select m.seats, m.active, (select count(*)::integer from capconduit.live_calls l
                                                    where l.holds_slot and l.client_id = m.subject_id) from capconduit.meters m";
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) {
                for row in superuser.query(sql, &[]).await.unwrap() {
                    let (seats, active, calls): (Option<i32>, i32, i32) =
                        (row.get(0), row.get(1), row.get(2));
                    assert!(
                        active <= seats.unwrap_or(0) && calls == active,
                        "{seats:?} {active} {calls}"
                    );
                    looks += 1;
                }
            }
            looks
        })
    };
    let ends = done.clone();
    let answers = together(crew(&db, 64).await, move |worker, switch| {
        let (number, done) = (numbers[worker % 2].clone(), ends.clone());
        async move {
            let mut taken = 0;
            for call in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let answer = switch
                    .route(&number, &format!("{worker}-{call}"))
                    .await
                    .expect("an answer");
                if answer.status == "ok" {
                    taken += 1;
                } else {
                    assert_eq!(answer.reason.as_deref(), Some("no_eligible_clients_available"));
                }
            }
            taken
        }
    })
    .await;
    tell.await.unwrap();
    assert!(watch.await.unwrap() > 100);
    // One more for each campaign's own link.
    assert_eq!(answers.iter().sum::<i32>(), MOST + 2);
    drain(&db).await;
    assert_invariants(&db).await;
    assert_no_deadlock(&db).await;
}
