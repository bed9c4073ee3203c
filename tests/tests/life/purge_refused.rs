//! What a purge refuses: instants that are none, instants too near, logins that may not. Nothing is deleted by any of it.

use capconduit_tests::{ADMIN, API, ASTERISK, SUPERUSER, TestDb};

use super::purge::{busy, history, purge};
use crate::migrate::capconduit;
use crate::sql::support::{refusal, sqlstate, value};

/// A test database with records of a hundred days, the newest of today.
async fn with_records() -> TestDb {
    let db = TestDb::new().await;
    let scenario = busy(&db).await;
    history(&db.superuser().await, &scenario.link_ids, "call", 10_000, 0).await;
    db
}

async fn assert_untouched(db: &TestDb) {
    let records: i64 = value(&db.superuser().await, "select count(*) from call_logs").await;
    assert_eq!(records, 10_000);
    let base: i64 = value(
        &db.superuser().await,
        "select sum(base)::bigint from link_counters",
    )
    .await;
    assert_eq!(base, 0);
}

#[tokio::test]
async fn an_instant_that_is_none_or_too_near() {
    let db = with_records().await;
    for (arguments, words) in [
        (&["--before", "2999-01-01"][..], "lies in the future"),
        (&["--before", "2999-01-01", "--force"], "lies in the future"),
        (&["--before", "0d"], "less than 7 days ago"),
        (&["--before", "6d"], "less than 7 days ago"),
        (&["--before", "2d", "--force"], "at least three days ago"),
    ] {
        purge(&db, arguments).await.refused(words);
    }
    // What the command line itself refuses.
    for arguments in [
        &[][..],
        &["--before", ""],
        &["--before", "yesterday"],
        &["--before", "2026-02-30"],
        &["--before", "30"],
        &["--before", "-30d"],
        &["--before", "30d", "--batch", "0"],
        &["--before", "30d", "--batch", "100001"],
        &["--before", "30d", "--pause", "-1"],
    ] {
        let refused = purge(&db, arguments).await;
        assert_eq!(refused.code, 2, "{arguments:?}: {refused:?}");
        assert!(
            refused.err.contains("--b") || refused.err.contains("--pause"),
            "{refused:?}"
        );
    }
    assert_untouched(&db).await;
}

#[tokio::test]
async fn a_login_that_may_not() {
    let db = with_records().await;
    for login in [API, ASTERISK] {
        capconduit(&db.url(login), &["purge", "--before", "30d"])
            .await
            .refused("may not purge");
    }
    for role in [
        "capconduit_read",
        "capconduit_staff",
        "capconduit_seller",
        "capconduit_internal",
    ] {
        let call = "select capconduit.purge_call_logs(now() - interval '30 days')";
        assert_eq!(
            sqlstate(db.as_role(role).await.query(call, &[]).await),
            "42501",
            "{role}"
        );
    }
    assert_untouched(&db).await;
}

#[tokio::test]
async fn a_dry_run_tells_and_deletes_nothing() {
    let db = with_records().await;
    let told = purge(&db, &["--before", "6d", "--force", "--dry-run"]).await.ok();
    assert!(told.out.contains("found       4000 records"), "{told:?}");
    assert_untouched(&db).await;
    let audit = "select count(*) from audit_log where object_type = 'call_logs'";
    assert_eq!(value::<i64>(&db.superuser().await, audit).await, 0);
}

#[tokio::test]
async fn the_function_refuses_the_same() {
    let db = with_records().await;
    let admin = db.connect_as(ADMIN).await;
    for arguments in [
        "null",
        "now()",
        "now() + interval '1 day'",
        "'infinity'",
        "now() - interval '71 hours'",
        "now() - interval '30 days', null",
        "now() - interval '30 days', 0, null",
        "now() - interval '30 days', 0, 0",
        "now() - interval '30 days', 0, 100001",
    ] {
        let call = format!("select capconduit.purge_call_logs({arguments})");
        let (state, text) = refusal(admin.query(&call, &[]).await);
        assert_eq!(state, "22023", "{arguments}: {text}");
    }
    // Bounds that are far away are no fault, and find nothing.
    for arguments in [
        "'-infinity'",
        "now() - interval '30 days', 9223372036854775807",
        "now() - interval '30 days', 9223372036854775807 - 1, 100000",
    ] {
        let call = format!("select records from capconduit.purge_call_logs({arguments})");
        assert_eq!(value::<i32>(&admin, &call).await, 0, "{arguments}");
    }
    assert_untouched(&db).await;
}

#[tokio::test]
async fn a_database_that_is_not_ours() {
    let bare = TestDb::bare_on(TestDb::new().await.cluster().clone()).await;
    capconduit(&bare.url(SUPERUSER), &["purge", "--before", "30d"])
        .await
        .refused("run `capconduit migrate`");
}
