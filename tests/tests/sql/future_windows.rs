//! Windows that a clock has begun in the future: `doctor` tells, `mend_future_windows` begins them now, and nothing that was used is lost.

use capconduit_tests::{API, Calls, Link, Scenario, Strategy, TestDb, assert_consistent};

use super::support::{run, value, values};
use crate::migrate::capconduit;

/// As if the clock had been three days ahead when the second call came, and was set right since.
const AHEAD: &str = "begin;
    update link_windows set starts_at = starts_at + interval '3 days', ends_at = ends_at + interval '3 days';
    update link_counters n set windows_from = w.starts_at, windows_until = w.ends_at
      from (select link_id, max(starts_at) as starts_at, min(ends_at) as ends_at from link_windows group by 1) w
     where w.link_id = n.link_id;
    update meter_windows set starts_at = starts_at + interval '3 days', ends_at = ends_at + interval '3 days';
    update meters m set windows_from = w.starts_at, windows_until = w.ends_at
      from (select meter_id, max(starts_at) as starts_at, min(ends_at) as ends_at from meter_windows group by 1) w
     where w.meter_id = m.id;
    update call_logs set reserved_at = reserved_at + interval '3 days';
    update call_attempts set started_at = started_at + interval '3 days', ended_at = ended_at + interval '3 days';
    update live_calls set attempt_at = attempt_at + interval '3 days';
    commit";

#[tokio::test]
async fn windows_that_lie_in_the_future_are_begun_now() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let admin = db.admin().await;
    let links = [
        Link::cap(50),
        Link::cap(50).priority(1),
        Link::cap(50).priority(9),
    ];
    let scenario = Scenario::new(&admin, Strategy::Priority, &links).await;
    for (column, id) in [
        ("link_id", scenario.link_ids[0]),
        ("client_id", scenario.client_ids[0]),
        ("did_id", scenario.did_id),
        ("campaign_id", scenario.campaign_id),
        ("user_id", scenario.user_id),
    ] {
        let sql = format!(
            "insert into caps ({column}, counts, span, set_by, max_calls) values ({id}, 'offered', 'day', 'platform', 5)"
        );
        run(&superuser, &sql).await;
    }
    let used = async || -> Vec<i64> { values(&superuser, "select used from caps_view order by id").await };
    let did = &scenario.did;
    // One that is recorded, one that failed over, and one that is up.
    for call in ["recorded", "over", "up"] {
        assert_eq!(switch.route(did, call).await.unwrap().status, "ok");
    }
    switch.log("recorded", did, "ANSWERED").await.unwrap();
    switch.next("over", 1, "BUSY").await.unwrap();
    assert_eq!(used().await, [3; 5]);
    assert_consistent(&db).await;
    run(&superuser, AHEAD).await;
    assert_consistent(&db).await;
    let told = capconduit(&db.url(API), &["doctor"]).await.out;
    assert!(told.contains("mend_future_windows()"), "{told}");
    // What is adjusted meanwhile stays, too. And a link without a call has no windows to move.
    let adjusted: Vec<String> = values(
        &superuser,
        "select status from caps, lateral adjust_cap(id, 1, 'a test')",
    )
    .await;
    assert_eq!(adjusted, ["ok"; 5]);
    run(
        &superuser,
        &format!(
            "update caps set max_calls = 6;
             update link_counters set windows_from = now() + interval '2 days' where link_id = {}",
            scenario.link_ids[2]
        ),
    )
    .await;
    // A call that comes now counts in the window of then: it must not be lost either.
    assert_eq!(switch.route(did, "now").await.unwrap().status, "ok");
    assert_eq!(used().await, [5; 5]);

    let mended: Vec<String> = values(
        &superuser,
        "select subject from mend_future_windows() where was_from > now() + interval '1 day' and is_from <= now()",
    )
    .await;
    assert_eq!(
        mended,
        ["campaign", "client", "did", "link", "link", "link", "seller"]
    );
    assert_eq!(used().await, [5; 5]);
    assert_consistent(&db).await;
    let ahead: i64 = value(
        &superuser,
        "select (select count(*) from call_logs where reserved_at > now()) + (select count(*) from live_calls where attempt_at > now())
                + (select count(*) from call_attempts where started_at > now())",
    )
    .await;
    assert_eq!(ahead, 0);
    // And on it goes: the next is the last.
    assert_eq!(switch.route(did, "last").await.unwrap().status, "ok");
    assert_eq!(
        switch.route(did, "beyond").await.unwrap().reject_reason(),
        "seller_day_cap"
    );
    assert_consistent(&db).await;
    let told = capconduit(&db.url(API), &["doctor"]).await.out;
    assert!(!told.contains("mend_future_windows()"), "{told}");
    // Nothing is left to mend.
    let again: i64 = value(&superuser, "select count(*) from mend_future_windows()").await;
    assert_eq!(again, 0);
}
