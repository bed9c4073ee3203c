//! Every way in which a transaction with calls in it can end: the early release of locks never makes an answer less
//! durable than the session asked for, and never outlives its transaction.

use std::time::Duration;

use capconduit_tests::{Calls, Link, Record, SUPERUSER, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Crashable, ask, row_is_free, soon, until};

async fn scene(server: &Crashable) -> (TestDb, Scenario) {
    let db = server.database().await;
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(9)]).await;
    (db, scenario)
}

async fn synchronous_commit(client: &Client) -> String {
    let sql = "show synchronous_commit";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn live_calls(db: &TestDb) -> Vec<String> {
    let sql = "select uniqueid from live_calls order by uniqueid";
    let rows = db.superuser().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

const ROUTE: &str = "select capconduit.route_call(':did', 'kept')";
const UNDONE: &str = "select capconduit.route_call(':did', 'undone')";

/// Transactions whose last statement has to wait for the disk, and no other.
const TRANSACTIONS: [&[&str]; 5] = [
    &["begin", ROUTE, "select 1", "commit"],
    &[
        "begin",
        "savepoint a",
        UNDONE,
        "rollback to a",
        "savepoint b",
        ROUTE,
        "release b",
        "commit",
    ],
    &["begin", ROUTE, "savepoint a", UNDONE, "rollback to a", "commit"],
    &[
        "begin",
        "savepoint a",
        ROUTE,
        "select capconduit.next_target('kept', 1, 'BUSY')",
        "release a",
        "commit",
    ],
    &["begin", ROUTE, "prepare transaction 'calls'"],
];

#[tokio::test]
async fn whatever_commits_is_durable_before_it_is_answered() {
    let server = Crashable::start(&["max_prepared_transactions = 5"]).await;
    for statements in TRANSACTIONS {
        let (db, scenario) = scene(&server).await;
        let switch = db.asterisk().await;
        let (&last, before) = statements.split_last().unwrap();
        let stall = server.stall(&db).await;
        for statement in before {
            let sql = statement.replace(":did", &scenario.did);
            soon(switch.batch_execute(&sql))
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        let asked = ask(async move {
            switch.batch_execute(last).await.unwrap();
            synchronous_commit(&switch).await
        })
        .await;
        drop(stall);
        assert_eq!(
            asked.answer().await,
            "on",
            "the setting ends with its transaction: {statements:?}"
        );
        // The disk may forget what it was given after that.
        server.crash(server.stall(&db).await).await;
        if last.starts_with("prepare") {
            assert_eq!(live_calls(&db).await, Vec::<String>::new());
            db.superuser()
                .await
                .batch_execute("commit prepared 'calls'")
                .await
                .unwrap();
        }
        assert_eq!(live_calls(&db).await, ["kept"], "{statements:?}");
        assert_invariants(&db).await;
    }
}

#[tokio::test]
async fn nothing_outlives_its_transaction() {
    let server = Crashable::start(&[]).await;
    an_error_ends_what_a_call_had_begun(&server).await;
    who_wants_no_durability_waits_for_no_disk(&server).await;
    with_a_synchronous_standby_no_lock_is_released_early(&server).await;
}

async fn an_error_ends_what_a_call_had_begun(server: &Crashable) {
    let (db, scenario) = scene(server).await;
    let switch = db.asterisk().await;
    switch.batch_execute("begin").await.unwrap();
    switch.route(&scenario.did, "undone").await.unwrap().link();
    // The setting is another's only while a commit runs.
    assert_eq!(synchronous_commit(&switch).await, "on");
    switch.batch_execute("select 1 / 0").await.unwrap_err();
    switch.batch_execute("rollback").await.unwrap();
    // An error of the commit itself, behind the point where it turned the setting off: who asked to hear
    // of commits earlier hears of them later, so the foreign table is looked at before the first call.
    let superuser = db.superuser().await;
    superuser.batch_execute(&refuses_to_commit(&db)).await.unwrap();
    superuser.batch_execute("select from public.there").await.unwrap();
    superuser.batch_execute("begin").await.unwrap();
    superuser
        .route(&scenario.did, "uncommitted")
        .await
        .unwrap()
        .link();
    superuser
        .batch_execute("insert into public.there values (1)")
        .await
        .unwrap();
    let refused = superuser.batch_execute("commit").await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::UNIQUE_VIOLATION), "{refused:?}");
    assert_eq!(synchronous_commit(&superuser).await, "on");
    // An error of the function itself, after it had begun to write.
    let wrong = Record {
        client_id: Some(-1),
        ..Record::new("wrong", "", "BUSY")
    };
    switch.log_record(&wrong).await.unwrap_err();
    assert_eq!(synchronous_commit(&switch).await, "on");
    // Whatever these connections do next waits for the disk as ever.
    for (connection, call) in [(switch, "next"), (superuser, "after a commit that failed")] {
        let did = scenario.did.clone();
        let stall = server.stall(&db).await;
        let asked = ask(async move { connection.log(call, &did, "BUSY").await.unwrap() }).await;
        drop(stall);
        assert_eq!(asked.answer().await.status, "logged");
    }
    assert_invariants(&db).await;
}

/// A table on a foreign server, which is this one, whose commit finds one value twice.
fn refuses_to_commit(db: &TestDb) -> String {
    let config = db.config(SUPERUSER);
    let password = std::str::from_utf8(config.get_password().expect("a password")).expect("plain text");
    format!(
        "create extension postgres_fdw;
         create table public.once (id integer unique deferrable initially deferred);
         insert into public.once values (1);
         create server itself foreign data wrapper postgres_fdw options (host '{}', port '{}', dbname '{}');
         create user mapping for current_user server itself options (user '{SUPERUSER}', password '{password}');
         create foreign table public.there (id integer) server itself options (schema_name 'public', table_name 'once')",
        db.cluster().host(),
        db.cluster().port(),
        config.get_dbname().expect("a database")
    )
}

async fn who_wants_no_durability_waits_for_no_disk(server: &Crashable) {
    let (db, scenario) = scene(server).await;
    let switch = db.asterisk().await;
    switch
        .batch_execute("set synchronous_commit = off")
        .await
        .unwrap();
    let stall = server.stall(&db).await;
    let routed = soon(switch.route(&scenario.did, "call-1")).await.unwrap();
    assert_eq!(soon(switch.route(&scenario.did, "call-1")).await.unwrap(), routed);
    for status in ["logged", "duplicate"] {
        let logged = soon(switch.log("call-1", &scenario.did, "BUSY")).await.unwrap();
        assert_eq!(logged.status, status);
    }
    assert_eq!(synchronous_commit(&switch).await, "off");
    server.crash(stall).await;
    assert_invariants(&db).await;
}

/// The login's own limit would end the wait, and its connection.
const PATIENT: &str = "set statement_timeout = 0";

/// With a synchronous standby a commit waits for more than the disk: PostgreSQL's own commit, locks and all.
async fn with_a_synchronous_standby_no_lock_is_released_early(server: &Crashable) {
    let (db, scenario) = scene(server).await;
    let superuser = db.superuser().await;
    let switch = db.asterisk().await;
    // This connection itself shall not wait for the standby.
    superuser
        .batch_execute("set synchronous_commit = local")
        .await
        .unwrap();
    superuser
        .batch_execute("alter system set synchronous_standby_names = 'away'")
        .await
        .unwrap();
    superuser.batch_execute("select pg_reload_conf()").await.unwrap();
    until(
        &db,
        "select current_setting('synchronous_standby_names') = 'away'",
    )
    .await;
    // The checkpointer tells the others that there are standbys: give it a moment.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let did = scenario.did.clone();
    switch.batch_execute(PATIENT).await.unwrap();
    let mut asked = ask(async move { switch.route(&did, "call-1").await.unwrap() }).await;
    until(
        &db,
        "select exists (select from pg_stat_activity where wait_event = 'SyncRep')",
    )
    .await;
    assert!(
        !row_is_free(&db, scenario.link_ids[0]).await,
        "others saw what no standby has"
    );
    asked.is_silent().await;
    // Somebody ends such a wait, as a service does whose caller has gone: the record is committed here, and on no
    // standby. Who is told that the call has ended waits for one, although that answer writes nothing.
    let (logging, did) = (db.asterisk().await, scenario.did.clone());
    let log = ask(async move { logging.log("ended", &did, "BUSY").await.unwrap() }).await;
    let end = "select pg_cancel_backend(pid) from pg_stat_activity
                where wait_event = 'SyncRep' and query like '%log_call%'";
    superuser.batch_execute(end).await.unwrap();
    assert_eq!(log.answer().await.status, "logged");
    let (other, did) = (db.asterisk().await, scenario.did.clone());
    other.batch_execute(PATIENT).await.unwrap();
    let mut ended = ask(async move { other.route(&did, "ended").await.unwrap() }).await;
    asked.is_silent().await;
    ended.is_silent().await;
    superuser
        .batch_execute("alter system reset synchronous_standby_names")
        .await
        .unwrap();
    superuser.batch_execute("select pg_reload_conf()").await.unwrap();
    asked.answer().await.link();
    assert_eq!(ended.answer().await.reject_reason(), "call_ended");
    assert_invariants(&db).await;
}
