//! The call functions among other statements: many in one, in larger transactions, undone, prepared.

use capconduit_tests::{Calls, ClusterOptions, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::support::{refusal, run, value, values};

const DID: &str = "+18005550101";

async fn in_flight(db: &Client) -> Vec<String> {
    values(db, "select uniqueid from capconduit.live_calls order by uniqueid").await
}

#[tokio::test]
async fn many_calls_in_one_statement_keep_caps_and_turns() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let told: Vec<String> = values(
        &switch,
        "select coalesce(t.client_identifier, t.reason)
           from generate_series(1, 20) n, capconduit.route_call('+18005550101', 'p-' || n) t order by n",
    )
    .await;
    assert_eq!(told[..10], ["client_alpha_sales"; 10]);
    assert_eq!(told[10..15], ["client_beta_support"; 5]);
    assert_eq!(told[15..], ["no_eligible_clients_available"; 5]);
    let turns: Vec<i64> = values(
        &switch,
        "select (capconduit.route_call('+12125550102', 'r-' || n)).link_id from generate_series(1, 10) n",
    )
    .await;
    assert_eq!(turns, [3, 4].repeat(5));
    assert_invariants(&db).await;
    // Failed over, logged and logged again, all in one statement each.
    let moved: i64 = value(
        &superuser,
        "select count((capconduit.next_target(uniqueid, 1, 'BUSY')).link_id) from live_calls where link_id = 3",
    )
    .await;
    assert_eq!(moved, 5);
    let statuses: Vec<String> = values(
        &superuser,
        "select string_agg(x.status, ' ' order by x.n)
           from (select l.uniqueid, n, (capconduit.log_call(l.uniqueid, l.did_number, 'ANSWERED')).status
                   from (select * from live_calls offset 0) l, generate_series(1, 2) n) x
          group by x.uniqueid",
    )
    .await;
    assert_eq!(statuses, vec!["logged duplicate".to_owned(); 25]);
    assert_eq!(in_flight(&superuser).await, [""; 0]);
    assert_invariants(&db).await;
}

#[tokio::test]
async fn what_is_rolled_back_never_happened() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    run(&switch, "begin").await;
    switch.route(DID, "kept").await.unwrap().link();
    run(&switch, "savepoint s").await;
    switch.route(DID, "undone").await.unwrap().link();
    switch.next("undone", 1, "BUSY").await.unwrap().link();
    switch.next("kept", 1, "BUSY").await.unwrap().link();
    switch.log("kept", DID, "ANSWERED").await.unwrap();
    run(&switch, "rollback to s").await;
    switch.answered("kept").await.unwrap();
    run(&switch, "release s; commit").await;
    assert_eq!(in_flight(&superuser).await, ["kept"]);
    let state: String = value(
        &superuser,
        "select concat_ws(' ', link_id, attempt, answered_at is not null, (select count(*) from call_attempts),
                          (select count(*) from call_logs where asterisk_uniqueid = 'kept')) from live_calls",
    )
    .await;
    assert_eq!(state, "1 1 t 0 0");
    assert_invariants(&db).await;
    run(&switch, "begin").await;
    switch.route(DID, "undone").await.unwrap().link();
    switch.log("kept", DID, "ANSWERED").await.unwrap();
    run(&switch, "rollback").await;
    assert_eq!(in_flight(&superuser).await, ["kept"]);
    assert_invariants(&db).await;
    // The call that was undone is free to come again.
    switch.route(DID, "undone").await.unwrap().link();
}

#[tokio::test]
async fn an_error_in_the_same_statement_undoes_the_call_and_leaves_the_session_well() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for sql in [
        "select capconduit.route_call('+18005550101', 'call-1'), 1 / (random() * 0)::int",
        "select (capconduit.log_call('call-1', '+18005550101', 'ANSWERED')).cdr_id / 0",
        "do $$ begin perform capconduit.route_call('+18005550101', 'call-1'); raise 'no'; end $$",
    ] {
        switch.batch_execute(sql).await.unwrap_err();
        assert_eq!(
            value::<String>(&switch, "show synchronous_commit").await,
            "on",
            "the session's own setting is back"
        );
    }
    assert_eq!(in_flight(&superuser).await, [""; 0]);
    // Caught by an exception block, the rest of the transaction stands.
    run(
        &switch,
        "do $$ begin
             perform capconduit.route_call('+18005550101', 'kept');
             begin
                 perform capconduit.route_call('+18005550101', 'undone');
                 perform 1 / 0;
             exception when division_by_zero then null;
             end;
             perform capconduit.call_answered('kept');
         end $$",
    )
    .await;
    assert_eq!(in_flight(&superuser).await, ["kept"]);
    assert_eq!(value::<String>(&switch, "show synchronous_commit").await, "on");
    assert_invariants(&db).await;
}

/// A lock that cannot be had in time, a cancelled statement: the call is refused, and the connection goes on as if
/// nothing had been.
#[tokio::test]
async fn an_error_inside_a_call_leaves_the_connection_as_it_was() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    switch.route(DID, "moves").await.unwrap().link();
    let holder = db.superuser().await;
    run(
        &holder,
        "begin; select from link_counters where link_id in (1, 2) for update",
    )
    .await;
    run(&switch, "set lock_timeout = '100ms'").await;
    for _ in 0..3 {
        assert_eq!(refusal(switch.route(DID, "waits").await).0, "55P03");
        assert_eq!(refusal(switch.next("moves", 1, "BUSY").await).0, "55P03");
        assert_eq!(refusal(switch.log("moves", DID, "ANSWERED").await).0, "55P03");
    }
    run(&switch, "set lock_timeout = 0; set statement_timeout = '100ms'").await;
    assert_eq!(refusal(switch.route(DID, "waits").await).0, "57014");
    // No transaction was left open: another number is routed, and nothing is locked.
    switch.route("+12125550102", "fine").await.unwrap().link();
    let open: i64 = value(
        &superuser,
        "select count(*) from pg_stat_activity
          where datname = current_database() and usename = 'capconduit_asterisk' and state <> 'idle'",
    )
    .await;
    assert_eq!(open, 0);
    assert_eq!(in_flight(&superuser).await, ["fine", "moves"]);
    run(&holder, "rollback").await;
    switch.route(DID, "waits").await.unwrap().link();
    assert_invariants(&db).await;
}

/// The first call of a backend finds nothing in memory that an earlier one left there.
#[tokio::test]
async fn every_function_can_be_the_first_of_its_backend() {
    let db = TestDb::sample().await;
    for call in [
        "route_call('+18005550101', 'c')",
        "next_target('c', 1, 'BUSY')",
        "call_answered('c')",
        "log_call('c', '+18005550101', 'BUSY')",
        "node_started('pbx1', now())",
        "node_heartbeat('pbx1', 'i', now(), '{}')",
        "release_expired()",
        "release_call('c', 'test')",
        "explain_route('+18005550101')",
        "preview_route('+18005550101')",
        "explain_own_did('+18005550101')",
        "explain_own_call('+18005550101')",
        "explain_call('+18005550101')",
        "preview_call('+18005550101')",
        "adjust_link_total(1, 0, 'test')",
        "adjust_cap(1, 0, 'test')",
    ] {
        let client = db.superuser().await;
        let answer: String = value(&client, &format!("select string_agg(x::text, ' ') from {call} x")).await;
        assert!(answer.is_ascii(), "{call}: {answer}");
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn stricter_isolation_is_refused_clearly() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    for level in ["repeatable read", "serializable"] {
        for call in [
            "route_call('+18005550101', 'c')",
            "next_target('c', 1, 'BUSY')",
            "call_answered('c')",
            "log_call('c', '+18005550101', 'BUSY')",
            "node_started('pbx1', now())",
            "node_heartbeat('pbx1', 'i', now(), '{}')",
            "release_expired()",
            "release_call('c', 'test')",
        ] {
            run(&superuser, &format!("begin isolation level {level}")).await;
            let (code, message) = refusal(superuser.batch_execute(&format!("select {call}")).await);
            assert_eq!(code, "25000", "{level}: {call}");
            assert!(message.contains("READ COMMITTED"), "{message}");
            run(&superuser, "rollback").await;
        }
        // Looking is fine at any level.
        run(
            &superuser,
            &format!(
                "begin isolation level {level};
                 select explain_route('+18005550101');
                 select preview_route('+18005550101');
                 select explain_call('+18005550101');
                 select preview_call('+18005550101');
                 select verify_counters();
                 commit"
            ),
        )
        .await;
    }
}

#[tokio::test]
async fn a_prepared_transaction_holds_its_slot_until_it_is_decided() {
    let db = TestDb::on_own_server(ClusterOptions {
        settings: vec!["max_prepared_transactions = 5".into()],
        ..ClusterOptions::default()
    })
    .await;
    let db = TestDb::sample_on(db.cluster().clone()).await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    run(&switch, "begin").await;
    switch.route(DID, "undone").await.unwrap().link();
    for sql in ["prepare transaction 'one'", "rollback prepared 'one'", "begin"] {
        run(&switch, sql).await;
    }
    switch.route(DID, "kept").await.unwrap().link();
    switch.next("kept", 1, "BUSY").await.unwrap().link();
    run(&switch, "prepare transaction 'two'").await;
    assert_eq!(in_flight(&superuser).await, [""; 0]);
    // Nobody else gets at the call meanwhile: a repeat waits instead of taking a second slot.
    run(&switch, "set lock_timeout = '100ms'").await;
    assert_eq!(refusal(switch.route(DID, "kept").await).0, "55P03");
    run(&switch, "commit prepared 'two'").await;
    assert_eq!(switch.route(DID, "kept").await.unwrap().link(), 2);
    run(&switch, "begin").await;
    switch.log("kept", DID, "ANSWERED").await.unwrap();
    run(&switch, "prepare transaction 'three'").await;
    run(&switch, "commit prepared 'three'").await;
    assert_eq!(
        switch.log("kept", DID, "ANSWERED").await.unwrap().status,
        "duplicate"
    );
    assert_invariants(&db).await;
}
