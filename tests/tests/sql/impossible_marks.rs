//! What nobody but a hand sets: windows without an end, a seller whose mark is gone. Calls and views go on, `verify_counters` and `doctor`
//! tell it, `reconcile_counters` mends it.

use capconduit_tests::{API, Calls, Link, Scenario, Strategy, TestDb, assert_consistent};

use super::support::{run, value, values};
use crate::migrate::capconduit;

const SUBJECTS: [&str; 5] = ["link", "client", "did", "campaign", "seller"];

/// A cap of five calls over the day for each subject of the first link.
async fn capped(db: &TestDb) -> Scenario {
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(50)]).await;
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
        run(&db.superuser().await, &sql).await;
    }
    scenario
}

#[tokio::test]
async fn windows_that_no_calendar_has_are_told_and_mended() {
    for impossible in [
        "ends_at = 'infinity'",
        "ends_at = '200000-01-01'",
        "ends_at = now() + interval '1 year'",
        "starts_at = '-infinity', ends_at = 'infinity'",
        "starts_at = '-infinity'",
    ] {
        let db = TestDb::new().await;
        let scenario = capped(&db).await;
        let (switch, superuser) = (db.asterisk().await, db.superuser().await);
        let did = &scenario.did;
        for call in ["recorded", "up"] {
            assert_eq!(switch.route(did, call).await.unwrap().status, "ok");
        }
        switch.log("recorded", did, "ANSWERED").await.unwrap();
        for windows in ["link_windows", "meter_windows"] {
            run(
                &superuser,
                &format!("update {windows} set {impossible} where span = 'day'"),
            )
            .await;
        }
        let used =
            async || -> Vec<i64> { values(&superuser, "select used from caps_view order by id").await };
        assert_eq!(used().await, [2; 5], "{impossible}");
        run(
            &superuser,
            &format!("select from explain_route('{did}'), preview_route('{did}')"),
        )
        .await;
        assert_eq!(
            switch.route(did, "next").await.unwrap().status,
            "ok",
            "{impossible}"
        );
        let adjusted: Vec<String> = values(
            &superuser,
            "select status from caps, lateral adjust_cap(id, 1, 'a test')",
        )
        .await;
        assert_eq!(adjusted, ["ok"; 5]);
        assert_eq!(used().await, [4; 5], "{impossible}");
        let wrong = "select counter from verify_counters() where counter like '%day_bounds' order by 1";
        let told: Vec<String> = values(&superuser, wrong).await;
        assert_eq!(told.len(), SUBJECTS.len(), "{impossible}: {told:?}");
        let told = capconduit(&db.url(API), &["doctor"]).await.out;
        assert!(told.contains("reconcile_counters()"), "{told}");

        run(&superuser, "select from reconcile_counters()").await;
        assert_consistent(&db).await;
        let ends: i64 = value(
            &superuser,
            "select count(*) from caps_view where resets_at < now() + interval '2 days' and starts_at > now() - interval '2 days'",
        )
        .await;
        assert_eq!(ends, 5, "{impossible}");
        // What was adjusted belongs to the window that starts where it did.
        let kept = if impossible.contains("-infinity") { 3 } else { 4 };
        assert_eq!(used().await, [kept; 5], "{impossible}");
    }
}

/// Instants that a calendar has, and no clock has set: a window that begins in 2100 counts nobody until then, and one that is thought to end then
/// does not turn.
#[tokio::test]
async fn windows_that_are_wrong_by_years_are_told_and_mended() {
    let windows = |set: &str| {
        ["link_windows", "meter_windows"].map(|table| format!("update {table} set {set} where span = 'day'"))
    };
    let counters = |set: &str| ["link_counters", "meters"].map(|table| format!("update {table} set {set}"));
    for (wrong, bounds) in [
        (
            windows("starts_at = '2100-01-01', ends_at = '2100-01-02'"),
            "day_bounds",
        ),
        (counters("windows_until = '2100-01-01'"), "windows_bounds"),
    ] {
        let db = TestDb::new().await;
        let scenario = capped(&db).await;
        let (switch, superuser) = (db.asterisk().await, db.superuser().await);
        let did = &scenario.did;
        for call in ["recorded", "up"] {
            assert_eq!(switch.route(did, call).await.unwrap().status, "ok");
        }
        switch.log("recorded", did, "ANSWERED").await.unwrap();
        assert_consistent(&db).await;
        for sql in &wrong {
            run(&superuser, sql).await;
        }
        let sql = format!("select counter from verify_counters() where counter like '%{bounds}' order by 1");
        let told: Vec<String> = values(&superuser, &sql).await;
        assert_eq!(told.len(), SUBJECTS.len(), "{wrong:?}: {told:?}");
        let told = capconduit(&db.url(API), &["doctor"]).await.out;
        assert!(told.contains("reconcile_counters()"), "{told}");
        run(&superuser, "select from reconcile_counters()").await;
        assert_consistent(&db).await;
        for call in ["third", "fourth", "fifth"] {
            assert_eq!(switch.route(did, call).await.unwrap().status, "ok", "{wrong:?}");
        }
        let beyond = switch.route(did, "beyond").await.unwrap();
        assert_eq!(beyond.reject_reason(), "seller_day_cap", "{wrong:?}");
    }
}

/// As a seller's, below: its links know that it has a meter.
#[tokio::test]
async fn a_client_whose_mark_is_gone_keeps_its_caps() {
    let db = TestDb::new().await;
    let scenario = capped(&db).await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let did = &scenario.did;
    run(
        &superuser,
        "delete from caps where client_id is null; update clients set metered = false",
    )
    .await;
    for call in ["first", "second", "third", "fourth", "fifth"] {
        assert_eq!(switch.route(did, call).await.unwrap().status, "ok");
    }
    let beyond = switch.route(did, "beyond").await.unwrap();
    assert_eq!(beyond.reject_reason(), "all_capped");
    let foretold: Vec<String> = values(
        &superuser,
        &format!(
            "select reason from explain_route('{did}') union all select reason from preview_route('{did}')"
        ),
    )
    .await;
    assert_eq!(foretold, ["client_day_cap", "all_capped"]);
    let told: Vec<String> = values(&superuser, "select counter from verify_counters()").await;
    assert_eq!(told, [format!("client_{}_marked", scenario.client_ids[0])]);
    run(&superuser, "select from reconcile_counters()").await;
    assert_consistent(&db).await;
    let metered: bool = value(&superuser, "select bool_and(metered) from clients").await;
    assert!(metered);
}

/// The windows of its number, its campaign and itself lie ahead, where a clock was set back: a route looks for them by that mark.
#[tokio::test]
async fn a_seller_whose_mark_is_gone_keeps_its_caps() {
    let db = TestDb::new().await;
    let scenario = capped(&db).await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let did = &scenario.did;
    assert_eq!(switch.route(did, "first").await.unwrap().status, "ok");
    run(
        &superuser,
        "update users set metered = false;
         update meter_windows w set starts_at = now() + interval '1 minute'
           from meters m where m.id = w.meter_id and m.owner_id is not null and w.span = 'hour' and w.ends_at > now() + interval '1 minute';
         update meters set windows_from = now() + interval '1 minute' where owner_id is not null",
    )
    .await;
    run(&switch, "set statement_timeout = '20s'").await;
    for call in ["second", "third", "fourth", "fifth"] {
        assert_eq!(switch.route(did, call).await.unwrap().status, "ok");
    }
    let beyond = switch.route(did, "beyond").await.unwrap();
    assert_eq!(beyond.reject_reason(), "seller_day_cap");
    let foretold: Vec<String> = values(
        &superuser,
        &format!("select reject_reason from explain_route('{did}') union all select reason from preview_route('{did}')"),
    )
    .await;
    assert_eq!(foretold, ["seller_day_cap"; 2]);
    let told: i64 = value(
        &superuser,
        "select count(*) from verify_counters() where counter like 'seller_%_marked'",
    )
    .await;
    assert_eq!(told, 1);
    run(&superuser, "select from reconcile_counters()").await;
    let metered: bool = value(&superuser, "select bool_or(metered) from users").await;
    assert!(metered);
}
