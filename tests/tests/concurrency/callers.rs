//! Calls of one caller at one instant: where it may not call again, one of them passes, whichever way they come.

use capconduit_tests::{Calls, Link, Scenario, Strategy, Target, TestDb, assert_invariants};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::{assert_no_deadlock, crew, crowd, drain, together};
use crate::sql::support::{run, value};

/// A call that waits for somebody.
fn calls(switch: Client, scenario: &Scenario, id: &'static str, caller: &'static str) -> JoinHandle<Target> {
    let did = scenario.did.clone();
    tokio::spawn(async move { switch.route_on(&did, id, caller, "pbx1").await.unwrap() })
}

/// Sixty-four connections, of eight callers, to a campaign that lets each call once in a day: eight calls pass.
#[tokio::test]
async fn of_calls_of_one_caller_at_one_instant_one_passes() {
    let _crowd = crowd(64).await;
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let admin = db.admin().await;
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(1000), Link::cap(1000)]).await;
        run(&admin, "update campaigns set min_redial_seconds = 86400").await;
        // Caps of the client and the seller hold more rows at once.
        run(
            &admin,
            &format!(
                "insert into caps (client_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'platform', 1000);
                 insert into caps (user_id, counts, span, set_by, max_calls) values ({}, 'offered', 'day', 'seller', 1000)",
                scenario.client_ids[0], scenario.user_id
            ),
        )
        .await;
        let did = scenario.did.clone();
        let passed = together(crew(&db, 64).await, move |worker, switch| {
            let did = did.clone();
            async move {
                let mut passed = 0;
                for call in 0..4 {
                    let id = format!("{worker}-{call}");
                    let caller = format!("+4930{}", worker % 8);
                    let answer = switch
                        .route_on(&did, &id, &caller, "pbx1")
                        .await
                        .expect("an answer");
                    if answer.is_ok() {
                        passed += 1;
                    } else {
                        assert_eq!(answer.reject_reason(), "redial_too_soon");
                    }
                }
                passed
            }
        })
        .await;
        assert_eq!(passed.iter().sum::<i32>(), 8, "{strategy:?}");
        let marks: i64 = value(&admin, "select count(*) from caller_marks where kind = 'seen'").await;
        assert_eq!(marks, 8);
        drain(&db).await;
        assert_invariants(&db).await;
        assert_no_deadlock(&db).await;
    }
}

/// The first call is not committed yet, and has another link's row: the second one waits for it all the same.
#[tokio::test]
async fn a_call_of_the_same_caller_on_another_link_is_waited_for() {
    for strategy in Strategy::ALL {
        let db = TestDb::new().await;
        let (admin, first, switch) = (db.admin().await, db.asterisk().await, db.asterisk().await);
        let scenario = Scenario::new(&admin, strategy, &[Link::cap(9), Link::cap(9)]).await;
        run(&admin, "update campaigns set min_redial_seconds = 60").await;
        run(&first, "begin").await;
        let taken = first
            .route_on(&scenario.did, "first", "+4930123456", "pbx1")
            .await;
        let taken = taken.unwrap().link();
        // Nothing is left to wait for but the caller.
        let full = format!("update campaign_client_settings set status = 'inactive' where id = {taken}");
        run(&admin, &full).await;
        let second = calls(switch, &scenario, "second", "4930123456");
        super::held::waiting(&db, 1).await;
        run(&first, "commit").await;
        let second = second.await.unwrap();
        assert_eq!(second.status, "reject", "{strategy:?}");
        assert_eq!(second.reject_reason(), "redial_too_soon", "{strategy:?}");
        drain(&db).await;
        assert_invariants(&db).await;
    }
}

/// What is set of callers while a call waits for its link counts for it.
#[tokio::test]
async fn what_is_said_of_callers_while_a_call_waits_counts_for_it() {
    for (said, expected, marks) in [
        (
            "insert into caller_marks (campaign_id, caller, kind) values (CAMPAIGN, '+4930123456', 'blocked')",
            "caller_blocked",
            1,
        ),
        (
            "insert into caller_marks (link_id, caller, kind) values (LINK, '+4930123456', 'blocked')",
            "caller_blocked",
            1,
        ),
        ("update campaigns set min_redial_seconds = 60", "ok", 1),
    ] {
        let db = TestDb::new().await;
        let (admin, holder, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
        let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
        run(&holder, "begin; select from link_counters for update").await;
        let waits = calls(switch, &scenario, "waits", "+4930123456");
        super::held::waiting(&db, 1).await;
        let said = said
            .replace("CAMPAIGN", &scenario.campaign_id.to_string())
            .replace("LINK", &scenario.link_ids[0].to_string());
        run(&admin, &said).await;
        run(&holder, "commit").await;
        let answer = waits.await.unwrap();
        assert_eq!(answer.reason.as_deref().unwrap_or("ok"), expected, "{said}");
        let found: i64 = value(&admin, "select count(*) from caller_marks").await;
        assert_eq!(found, marks, "{said}");
        drain(&db).await;
        assert_invariants(&db).await;
    }
}

/// A call that is undone has not called: killed between its reservation and its commit, it leaves neither a slot nor a mark.
#[tokio::test]
async fn a_call_that_dies_before_its_commit_leaves_no_mark() {
    let db = TestDb::new().await;
    let (admin, superuser, switch) = (db.admin().await, db.superuser().await, db.asterisk().await);
    let scenario = Scenario::new(&admin, Strategy::RoundRobin, &[Link::cap(9)]).await;
    run(&admin, "update campaigns set min_redial_seconds = 86400").await;
    let dies = db.asterisk().await;
    let pid: i32 = value(&dies, "select pg_backend_pid()").await;
    run(&dies, "begin").await;
    dies.route_on(&scenario.did, "dies", "+4930123456", "pbx1")
        .await
        .unwrap()
        .link();
    let waits = {
        let did = scenario.did.clone();
        tokio::spawn(async move {
            switch
                .route_on(&did, "waits", "+4930123456", "pbx1")
                .await
                .unwrap()
        })
    };
    super::held::waiting(&db, 1).await;
    run(&superuser, &format!("select pg_terminate_backend({pid})")).await;
    assert!(waits.await.unwrap().is_ok(), "the first never called");
    assert_eq!(value::<i64>(&admin, "select count(*) from caller_marks").await, 1);
    drain(&db).await;
    assert_invariants(&db).await;
}
