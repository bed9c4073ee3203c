//! The index of records' changes is built while calls go on, and once more when that was broken off.

use capconduit_tests::{ADMIN, Calls, Link, Scenario, Strategy, TestDb};

use super::capconduit;

/// As it is before V0027, and so before what came after it.
const BEFORE: &str = "
    set search_path = capconduit;
    drop view subject_calls_view, metered_calls_view cascade;
    drop trigger sessions_second_factor on sessions;
    alter table sessions drop column by_code;
    drop table second_factors;
    drop trigger campaigns_check_overflow on campaigns;
    drop trigger campaigns_forget_overflow on campaigns;
    drop trigger campaign_client_settings_forget_overflow on campaign_client_settings;
    alter table campaigns drop column overflow cascade;
    alter table live_calls drop column overflow_exit, drop column overflowed_from, drop column overflowed_at;
    alter table call_logs drop column overflow_exit, drop column overflowed_from, drop column overflowed_at;
    drop table caller_calls;
    alter table live_calls drop column awaited, drop column same_client_only;
    alter table users drop column caller_rules cascade;
    alter table clients drop column caller_rules cascade;
    alter table campaigns drop column caller_rules cascade;
    alter table campaign_client_settings drop column caller_rules cascade;
    drop table caller_marks cascade;
    drop trigger users_screened on users;
    drop trigger users_delete_caller_marks on users;
    drop trigger clients_delete_caller_marks on clients;
    drop trigger campaigns_delete_caller_marks on campaigns;
    drop trigger campaigns_forget_caller_marks on campaigns;
    drop trigger campaign_client_settings_delete_caller_marks on campaign_client_settings;
    alter table users drop column screened cascade;
    alter table clients drop column screened cascade;
    alter table campaign_client_settings drop column screened cascade;
    alter table campaigns
        drop column screened cascade, drop column anonymous_callers, drop column min_redial_seconds;
    drop trigger clients_meter_spacing on clients;
    alter table clients drop column min_seconds_between;
    alter table meters
        drop column reserved_at, drop column seats, drop column seats_until, drop column seats_close, drop column seats_sequence;
    drop index call_logs_changed_xid_id_idx;
    delete from refinery_schema_history where version >= 27;
    reset search_path";

const IS_VALID: &str = "
    select indisvalid from pg_index where indexrelid = to_regclass('capconduit.call_logs_changed_xid_id_idx')";

#[tokio::test]
async fn a_build_that_was_broken_off_hinders_no_call_and_is_made_again() {
    let db = TestDb::new().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(9)]).await;
    let superuser = db.superuser().await;
    superuser.batch_execute(BEFORE).await.unwrap();
    let mut older = db.superuser().await;
    let open = older.transaction().await.unwrap();
    open.execute("update call_logs set node = node", &[])
        .await
        .unwrap();
    let url = db.url(ADMIN);
    capconduit(&url, &["migrate", "--wait", "1"])
        .await
        .refused("calls go on; run migrate again");
    let left: bool = superuser.query_one(IS_VALID, &[]).await.unwrap().get(0);
    assert!(!left, "nobody reads by a part of an index");
    let switch = db.asterisk().await;
    switch.route(&scenario.did, "call-1").await.unwrap().link();
    switch.log("call-1", &scenario.did, "ANSWERED").await.unwrap();
    open.rollback().await.unwrap();
    capconduit(&url, &["migrate"]).await.ok();
    let made: bool = superuser.query_one(IS_VALID, &[]).await.unwrap().get(0);
    assert!(made);
}
