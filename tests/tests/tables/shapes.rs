//! A table that is no longer what calls take for granted (partitioned, inherited, a view, other columns, no index) refuses them
//! with a sentence, and the server lives.

use capconduit_tests::{Calls, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{READ, WRITTEN, scenario};
use crate::sql::support::{run, value, values};

/// Every function on calls, as one session asks them.
const ASKED: [&str; 11] = [
    "select capconduit.route_call('DID', 'new')",
    "select capconduit.next_target('up', 1, 'BUSY')",
    "select capconduit.log_call('up', 'DID', 'ANSWERED')",
    "select capconduit.explain_route('DID')",
    "select capconduit.preview_route('DID')",
    "select capconduit.explain_call('DID')",
    "select capconduit.preview_call('DID')",
    "select capconduit.node_heartbeat('pbx-1', 'one', now(), '{}')",
    "select capconduit.node_started('pbx-1', now(), 'one')",
    "select capconduit.release_call('up', 'by hand')",
    "select capconduit.release_expired(10)",
];

/// What is done to a table, and what calls say of it.
const DONE: [(&str, &str); 13] = [
    (
        "alter table capconduit.T rename to former; create table capconduit.T (like capconduit.former) partition by hash (C);
         alter table capconduit.T owner to capconduit_owner;
         alter table capconduit.T attach partition capconduit.former for values with (modulus 1, remainder 0)",
        "partitioned",
    ),
    (
        "alter table capconduit.T rename to former; create table capconduit.T (like capconduit.former) partition by range (C);
         alter table capconduit.T owner to capconduit_owner;
         alter table capconduit.T attach partition capconduit.former default",
        "partitioned",
    ),
    ("create table public.child () inherits (capconduit.T)", "inherits"),
    (
        "alter table capconduit.T rename to former; create view capconduit.T as select * from capconduit.former;
         alter view capconduit.T owner to capconduit_owner",
        "a view",
    ),
    (
        "alter table capconduit.T rename to former;
         create materialized view capconduit.T as select * from capconduit.former;
         alter materialized view capconduit.T owner to capconduit_owner",
        "a materialized view",
    ),
    (
        "alter table capconduit.T rename to former; create extension file_fdw schema public;
         create server files foreign data wrapper file_fdw;
         create foreign table capconduit.T (C text) server files options (filename '/dev/null')",
        "a foreign table",
    ),
    (
        "create access method other type table handler heap_tableam_handler;
         alter table capconduit.T set access method other",
        "access method",
    ),
    ("alter table capconduit.T rename to former", "missing"),
    ("alter table capconduit.T force row level security", "row level security"),
    ("alter table capconduit.T owner to capconduit_admin", "row level security"),
    ("alter table capconduit.T rename column C to former", "no column"),
    ("alter table capconduit.T drop column C cascade", "no column"),
    ("alter table capconduit.T alter column C type varchar(90) using 'x'", "character varying(90)"),
];

/// A column of each that calls read, of any type, and that nothing depends on but keys and views.
fn column(table: &str) -> &'static str {
    match table {
        "live_calls" => "dial_timeout_seconds",
        "link_counters" => "last_seq",
        "call_logs" => "hangup_by",
        "call_attempts" => "dial_status",
        "dids" => "number",
        "users" | "clients" => "status",
        "campaigns" => "name",
        "campaign_dids" => "campaign_id",
        "campaign_client_settings" => "max_concurrency",
        "pjsip_aors" => "contact",
        "pjsip_endpoints" => "callerid",
        "pjsip_contacts" => "expiration_time",
        other => panic!("{other}"),
    }
}

/// The SQLSTATE and message of each function that refuses, each tried by itself.
async fn ask(session: &Client, did: &str) -> Vec<(String, String)> {
    let mut refused = Vec::new();
    for sql in ASKED {
        session.batch_execute("savepoint ask").await.expect("a savepoint");
        if let Err(error) = session.batch_execute(&sql.replace("DID", did)).await {
            let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
            refused.push((
                error.code().code().to_owned(),
                format!("{sql}: {}", error.message()),
            ));
        }
        session
            .batch_execute("rollback to ask")
            .await
            .expect("the session lives");
    }
    refused
}

#[tokio::test]
async fn a_table_that_cannot_serve_calls_refuses_them_and_the_server_lives() {
    let db = TestDb::new().await;
    let (switch, session) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    switch.route(&scenario.did, "up").await.unwrap().link();
    let started: String = value(
        &session,
        "select pg_postmaster_start_time()::text || pg_backend_pid()",
    )
    .await;
    // Of clients without a fixed address: so that every table is read.
    run(&session, "update capconduit.pjsip_aors set contact = null").await;
    run(
        &session,
        "insert into capconduit.pjsip_contacts (id, uri, endpoint, expiration_time)
         select client_identifier, 'sip:127.0.0.1', client_identifier, 9999999999 from capconduit.clients",
    )
    .await;
    run(&session, "begin").await;
    assert_eq!(ask(&session, &scenario.did).await, []);
    run(&session, "rollback").await;
    for table in WRITTEN.into_iter().chain(READ) {
        for (done, said) in &DONE {
            let sql = done.replace("capconduit.T", &format!("capconduit.{table}"));
            let sql = sql.replace("(C", &format!("({}", column(table)));
            let sql = sql.replace("column C", &format!("column {}", column(table)));
            run(&session, "begin").await;
            if let Err(error) = session.batch_execute(&sql).await {
                // Keys of other tables, views and triggers forbid some of it: then PostgreSQL says so itself.
                println!("{sql}: {}", error.as_db_error().expect("an answer").message());
                run(&session, "rollback").await;
                continue;
            }
            let refused = ask(&session, &scenario.did).await;
            let told: Vec<String> = values(
                &session,
                &format!("select reason from capconduit.table_access() where table_name = '{table}' and access = 'refused'"),
            )
            .await;
            run(&session, "rollback").await;
            assert!(!refused.is_empty(), "{sql}: nobody refuses");
            for (state, message) in &refused {
                assert_eq!(state, "55000", "{sql}: {message}");
                assert!(
                    message.contains(table) && message.contains(said),
                    "{sql}: {message}"
                );
            }
            assert!(told.iter().any(|reason| reason.contains(said)), "{sql}: {told:?}");
        }
    }
    let still: String = value(
        &session,
        "select pg_postmaster_start_time()::text || pg_backend_pid()",
    )
    .await;
    assert_eq!(still, started);
    run(&session, "begin").await;
    assert_eq!(ask(&session, &scenario.did).await, []);
    run(&session, "rollback").await;
    assert_invariants(&db).await;
}

/// What is committed elsewhere reaches connections that know the tables.
#[tokio::test]
async fn connections_of_before_hear_of_a_partitioned_table_and_of_its_end() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    switch.route(did, "up").await.unwrap().link();
    switch.log("known", did, "BUSY").await.unwrap();
    // PostgreSQL attaches no table that has a column of identity, from 17 on.
    let identity = |table: &str, sql: &str| match table {
        "call_logs" | "campaign_client_settings" => sql.replace("T", &format!("capconduit.{table}")),
        _ => String::new(),
    };
    for table in [
        "call_logs",
        "live_calls",
        "link_counters",
        "campaign_client_settings",
    ] {
        let without = identity(table, "alter table T alter id drop identity;");
        let again = identity(
            table,
            "alter table T alter id add generated always as identity;
             select setval(pg_get_serial_sequence('T', 'id'), (select max(id) from T));",
        );
        let sql = DONE[0].0.replace("capconduit.T", &format!("capconduit.{table}"));
        let sql = sql.replace("(C", &format!("({}", column(table)));
        run(&superuser, &format!("begin; {without} {sql}; commit")).await;
        let error = switch.route(did, "new").await.expect_err("it is refused");
        let error = error.as_db_error().expect("the server lives");
        assert_eq!(error.code().code(), "55000", "{table}: {}", error.message());
        run(
            &superuser,
            &format!(
                "begin; alter table capconduit.{table} detach partition capconduit.former; drop table capconduit.{table};
                 alter table capconduit.former rename to {table}; {again} commit"
            ),
        )
        .await;
        switch.route(did, &format!("{table}-back")).await.unwrap().link();
        assert_invariants(&db).await;
    }
    assert_eq!(switch.log("up", did, "ANSWERED").await.unwrap().status, "logged");
    assert_invariants(&db).await;
}

#[tokio::test]
async fn an_unlogged_table_refuses_calls_since_a_crash_would_empty_it() {
    let db = TestDb::new().await;
    let (switch, session) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    switch.route(&scenario.did, "up").await.unwrap().link();
    for table in WRITTEN {
        run(
            &session,
            &format!("begin; alter table capconduit.{table} set unlogged"),
        )
        .await;
        let refused = ask(&session, &scenario.did).await;
        run(&session, "rollback").await;
        assert!(!refused.is_empty(), "{table}");
        for (state, message) in &refused {
            assert_eq!(state, "55000", "{message}");
            assert!(message.contains("unlogged"), "{message}");
        }
    }
    run(&session, "alter table capconduit.pjsip_contacts set unlogged").await;
    switch.route(&scenario.did, "more").await.unwrap().link();
    assert_invariants(&db).await;
}

/// An index that calls need may not become another kind of index.
#[tokio::test]
async fn an_index_that_does_not_serve_refuses_calls() {
    let db = TestDb::new().await;
    let (switch, session) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    switch.route(&scenario.did, "up").await.unwrap().link();
    for (table, constraint, column) in [
        ("live_calls", "live_calls_pkey", "uniqueid"),
        ("link_counters", "link_counters_pkey", "link_id"),
        (
            "call_logs",
            "call_logs_asterisk_uniqueid_key",
            "asterisk_uniqueid",
        ),
    ] {
        for index in [
            "",
            "create index on capconduit.T (C)",
            "create index on capconduit.T using hash (C)",
            "create unique index on capconduit.T (C) where C is not null",
            "create unique index on capconduit.T ((C || ''))",
            "create unique index on capconduit.T (C, ctid_of)",
            "alter table capconduit.T add unique (C) deferrable",
            "create unique index broken on capconduit.T (C);
             update pg_index set indisvalid = false where indexrelid = 'capconduit.broken'::regclass",
        ] {
            let index = index
                .replace("capconduit.T", &format!("capconduit.{table}"))
                .replace("(C", &format!("({column}"))
                .replace("where C", &format!("where {column}"));
            run(
                &session,
                &format!(
                    "begin; alter table capconduit.{table} drop constraint {constraint}, add column ctid_of text;
                     {index}"
                ),
            )
            .await;
            let refused = ask(&session, &scenario.did).await;
            run(&session, "rollback").await;
            assert!(!refused.is_empty(), "{table} {index}");
            for (state, message) in &refused {
                assert_eq!(state, "55000", "{table} {index}: {message}");
                assert!(message.contains("unique B-tree index"), "{message}");
            }
        }
        // Another one of the same columns serves, with columns included or in another tablespace of names.
        run(
            &session,
            &format!(
                "alter table capconduit.{table} drop constraint {constraint};
                 create unique index other_{table} on capconduit.{table} ({column}) include (link_id)"
            ),
        )
        .await;
        switch
            .route(&scenario.did, &format!("by-{table}"))
            .await
            .unwrap()
            .link();
    }
    assert_eq!(
        switch.log("up", &scenario.did, "ANSWERED").await.unwrap().status,
        "logged"
    );
    assert_invariants(&db).await;
}

/// The last resort of a row that no constraint holds any more.
#[tokio::test]
async fn rows_that_a_dropped_constraint_let_in_are_told_of() {
    let db = TestDb::new().await;
    let (switch, session) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    for (sql, table) in [
        (
            "alter table capconduit.campaign_client_settings alter weight drop not null;
             update capconduit.campaign_client_settings set weight = null",
            "campaign_client_settings",
        ),
        (
            "alter table capconduit.campaigns drop constraint campaigns_routing_strategy_check;
             alter table capconduit.campaigns disable trigger user;
             update capconduit.campaigns set routing_strategy = 'random'",
            "campaigns",
        ),
    ] {
        run(&session, &format!("begin; {sql}")).await;
        let error = session
            .route(&scenario.did, "new")
            .await
            .expect_err("it is refused");
        let error = error.as_db_error().expect("an answer");
        assert_eq!(error.code().code(), "55000", "{sql}: {}", error.message());
        assert!(error.message().contains(table), "{}", error.message());
        run(&session, "rollback").await;
    }
    switch.route(&scenario.did, "up").await.unwrap().link();
    let held: i64 = value(&session, "select count(*) from capconduit.live_calls").await;
    assert_eq!(held, 1);
}
