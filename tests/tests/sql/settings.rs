//! The extension's settings: known names only, with units, and nothing that the service notes in a session is refused.

use capconduit_tests::{Calls, TestDb};

use super::support::{run, sqlstate, value};

#[tokio::test]
async fn times_have_units() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    run(&superuser, "load 'capconduit'").await;
    for (setting, given, shown, seconds) in [
        ("max_call_seconds", "'2min'", "2min", "120"),
        ("max_call_seconds", "'1h'", "1h", "3600"),
        ("max_call_seconds", "90", "90s", "90"),
        ("max_ring_seconds", "'45s'", "45s", "45"),
        ("max_ring_seconds", "'10 min'", "10min", "600"),
        ("absence_grace_seconds", "'60000ms'", "1min", "60"),
        ("node_silence_seconds", "'1d'", "1d", "86400"),
    ] {
        run(&superuser, &format!("set capconduit.{setting} = {given}")).await;
        let row: String = value(&superuser, &format!("show capconduit.{setting}")).await;
        assert_eq!(row, shown, "{setting} = {given}");
        let stored = format!(
            "select format('%s %s', setting, unit) from pg_settings where name = 'capconduit.{setting}'"
        );
        assert_eq!(value::<String>(&superuser, &stored).await, format!("{seconds} s"));
    }
    for refused in ["'11min'", "'1 week'", "0", "'-1s'"] {
        let sql = format!("set capconduit.max_ring_seconds = {refused}");
        assert_eq!(
            sqlstate(superuser.batch_execute(&sql).await),
            "22023",
            "{refused}"
        );
    }
    run(&superuser, "set capconduit.max_call_seconds = '2min'").await;
    let target = superuser.route("+18005550101", "call-1").await.unwrap();
    assert_eq!(target.max_call_seconds, Some(120));
}

#[tokio::test]
async fn a_name_that_is_no_setting_is_not_taken() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    // Nobody knows the names before the library is there: what stands in the database's settings is taken away then.
    run(
        &superuser,
        &format!("alter database {} set capconduit.max_cal_seconds = 60", db.name()),
    )
    .await;
    let session = db.superuser().await;
    let typo = "select current_setting('capconduit.max_cal_seconds', true)";
    assert_eq!(
        value::<Option<String>>(&session, typo).await.as_deref(),
        Some("60")
    );
    session.route("+18005550101", "call-1").await.unwrap();
    assert_eq!(value::<Option<String>>(&session, typo).await, None);
    for name in ["max_cal_seconds", "early_lock_releas", "userid", "x"] {
        for sql in [
            format!("set capconduit.{name} = '1'"),
            format!("set local capconduit.{name} = '1'"),
            format!("select set_config('capconduit.{name}', '1', false)"),
            format!("alter role capconduit_admin set capconduit.{name} = '1'"),
        ] {
            assert_eq!(sqlstate(session.batch_execute(&sql).await), "42602", "{sql}");
        }
    }
    // A switch's session, whose role may not even set the right ones.
    let switch = db.asterisk().await;
    switch.route("+18005550101", "call-2").await.unwrap();
    assert_eq!(
        sqlstate(switch.batch_execute("set capconduit.x = 1").await),
        "42602"
    );
}

/// Set before and after the library came, by name or by function.
#[tokio::test]
async fn what_the_service_notes_in_a_session_stays() {
    let db = TestDb::sample().await;
    let session = db.superuser().await;
    let notes = ["user_id", "user_role", "keep_session", "migrate_mark"];
    for name in notes {
        run(&session, &format!("set capconduit.{name} = '3'")).await;
    }
    session.route("+18005550101", "call-1").await.unwrap();
    for name in notes {
        let shown = format!("select current_setting('capconduit.{name}')");
        assert_eq!(value::<String>(&session, &shown).await, "3", "{name}");
        run(
            &session,
            &format!("begin; set local capconduit.{name} = '4'; select set_config('capconduit.{name}', '5', true); commit"),
        )
        .await;
        assert_eq!(value::<String>(&session, &shown).await, "3", "{name}");
    }
    assert_eq!(
        value::<Option<i64>>(&session, "select session_user_id()").await,
        Some(3)
    );
    run(&session, "reset capconduit.user_id").await;
    assert_eq!(
        value::<Option<i64>>(&session, "select session_user_id()").await,
        None
    );
}
