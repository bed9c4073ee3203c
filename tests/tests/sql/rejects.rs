//! Rejected calls leave a trace that an operator can count by reason, number, switch and minute, and a flood of them little to write.

use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb};
use tokio_postgres::Client;

use super::support::{run, value, values};
use crate::node::support::eventually;

const COUNTS: &str = "select concat_ws(' ', reason, coalesce(did, '-'), coalesce(node, '-'), sum(calls))
                        from rejects_view group by reason, did, node order by 1";

async fn becomes(reader: &Client, expected: &[&str]) {
    let what = format!("rejects are told: {expected:?}");
    eventually(&what, async || values::<String>(reader, COUNTS).await == expected).await;
}

#[tokio::test]
async fn rejects_are_counted_by_reason_number_and_switch() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    let switch = db.asterisk().await;
    let route = async |switch: &Client, did: &str, id: &str, node: &str| {
        let answer = switch.route_on(did, id, "+15550001111", node).await.unwrap();
        assert!(!answer.is_ok(), "{answer:?}");
    };
    // The first is told at once, whatever else this connection does.
    route(&switch, "+99999999999", "call-1", "pbx1").await;
    assert_eq!(
        values::<String>(&admin, COUNTS).await,
        ["did_not_found +99999999999 pbx1 1"]
    );
    // The next ones by the time the connection has ended.
    for id in ["call-2", "call-3"] {
        route(&switch, "99999999999", id, "pbx1").await;
    }
    route(&switch, "+99999999999", "call-4", "pbx2").await;
    route(&switch, "not a number", "call-5", "pbx1").await;
    run(
        &admin,
        "update dids set status = 'inactive' where number = '+18005550101'",
    )
    .await;
    let inactive = switch.route("+18005550101", "call-6").await.unwrap();
    assert_eq!(inactive.reject_reason(), "did_inactive");
    drop(switch);
    let all = [
        "did_inactive +18005550101 - 1",
        "did_not_found +99999999999 pbx1 3",
        "did_not_found +99999999999 pbx2 1",
        "invalid_did_input not a number pbx1 1",
    ];
    becomes(&admin, &all).await;
    let minutes: bool = value(
        &admin,
        "select bool_and(minute = date_trunc('minute', minute) and minute > now() - interval '1 hour' and minute <= now())
           from rejects_view",
    )
    .await;
    assert!(minutes);
    // Nobody but operators: a number that somebody dialled is no seller's.
    let seller = db.as_role("capconduit_seller").await;
    assert!(seller.query("select from rejects_view", &[]).await.is_err());
    assert!(
        db.asterisk()
            .await
            .query("select from capconduit.reject_counts", &[])
            .await
            .is_err()
    );
}

/// What a flood writes is bounded by the number of connections, not of calls: two writes of 32 rows and no wait for the disk.
#[tokio::test]
async fn a_flood_of_rejects_is_counted_and_hardly_written() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let switch = db.asterisk().await;
    for call in 0..600 {
        let answer = switch
            .route(&format!("+1999{call:07}"), &format!("call-{call}"))
            .await
            .unwrap();
        assert_eq!(answer.reject_reason(), "did_not_found");
    }
    drop(switch);
    let counted = "select coalesce(sum(calls), 0)::bigint from rejects_view";
    eventually("all are counted", async || {
        value::<i64>(&admin, counted).await == 600
    })
    .await;
    let rows: i64 = value(&admin, "select count(*) from reject_counts").await;
    // One at once; then 32 that are told apart and one for the rest in each of the minutes and writes that it took.
    assert!(rows < 200, "{rows} rows");
    let apart: i64 = value(&admin, "select count(*) from reject_counts where did is not null").await;
    assert!(apart >= 32, "{apart}");
}

#[tokio::test]
async fn what_was_counted_comes_with_a_later_call_of_the_connection() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(9)]).await;
    let switch = db.asterisk().await;
    for call in 0..3 {
        switch
            .route("+99999999999", &format!("call-{call}"))
            .await
            .unwrap();
    }
    assert_eq!(
        values::<String>(&admin, COUNTS).await,
        ["did_not_found +99999999999 - 1"]
    );
    tokio::time::sleep(Duration::from_secs(16)).await;
    switch.route(&scenario.did, "good").await.unwrap().link();
    assert_eq!(
        values::<String>(&admin, COUNTS).await,
        ["did_not_found +99999999999 - 3"]
    );
}

/// Not even where somebody has the table for himself, or it cannot be written: the call is answered, and told when it can be.
#[tokio::test]
async fn a_trace_that_cannot_be_written_is_no_call_s_affair() {
    let db = TestDb::new().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    for (obstacle, counted) in [
        (
            "lock table reject_counts in access exclusive mode",
            "did_not_found +99999999999 - 3",
        ),
        (
            "lock table reject_counts in share mode",
            "did_not_found +99999999999 - 6",
        ),
    ] {
        run(&superuser, &format!("begin; {obstacle}")).await;
        let switch = db.asterisk().await;
        for call in 0..3 {
            let answer = switch
                .route("+99999999999", &format!("call-{call}"))
                .await
                .unwrap();
            assert_eq!(answer.reject_reason(), "did_not_found");
        }
        run(&superuser, "commit").await;
        drop(switch);
        becomes(&admin, &[counted]).await;
    }
    run(
        &superuser,
        "alter table reject_counts add constraint broken check (calls < 0) not valid",
    )
    .await;
    let mut switch = db.asterisk().await;
    assert!(!switch.route("+99999999999", "call").await.unwrap().is_ok());
    run(&superuser, "alter table reject_counts drop constraint broken").await;
    // In a transaction that is rolled back, read-only or of a caller with the least rights.
    let transaction = switch.transaction().await.unwrap();
    transaction
        .route("+99999999999", "in a transaction")
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    run(&switch, "set default_transaction_read_only = on").await;
    assert!(!switch.route("+99999999999", "read-only").await.unwrap().is_ok());
    run(&switch, "set default_transaction_read_only = off").await;
    drop(switch);
    becomes(&admin, &["did_not_found +99999999999 - 9"]).await;
}

/// As many old counts go as new ones come, and more.
#[tokio::test]
async fn old_counts_go_as_new_ones_come() {
    let db = TestDb::new().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    run(
        &superuser,
        "insert into reject_counts (minute, reason, calls)
         select now() - interval '9 days', 'did_not_found', 1 from generate_series(1, 100);
         insert into reject_counts (minute, reason, calls) values (now() - interval '7 days', 'did_not_found', 1)",
    )
    .await;
    db.asterisk().await.route("+99999999999", "call").await.unwrap();
    assert_eq!(
        value::<i64>(&admin, "select count(*) from reject_counts").await,
        2
    );
}
