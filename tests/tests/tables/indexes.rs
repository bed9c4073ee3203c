//! Indexes come and go under calls: no call fails because an index was built anew, renamed or replaced.

use capconduit_tests::{Calls, TestDb, assert_invariants};

use super::{Load, READ, WRITTEN, scenario, under_calls};
use crate::sql::support::{run, value, values};

/// The index is found under the lock of its table, not before.
#[tokio::test]
async fn an_index_that_was_built_anew_within_the_caller_s_transaction_is_found() {
    let db = TestDb::new().await;
    let (switch, admin, superuser) = (db.asterisk().await, db.superuser().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    for (number, table) in WRITTEN.into_iter().chain(READ).enumerate() {
        let uniqueid = format!("call-{number}");
        switch.route(did, &uniqueid).await.unwrap().link();
        switch.preview(did).await.unwrap();
        admin.explain(did).await.unwrap();
        run(&switch, "begin; select 1").await;
        run(&admin, "begin; select 1").await;
        run(
            &superuser,
            &format!("reindex table concurrently capconduit.{table}"),
        )
        .await;
        assert!(
            switch.next(&uniqueid, 1, "BUSY").await.unwrap().is_ok(),
            "{table}"
        );
        switch.route(did, &format!("{uniqueid}-b")).await.unwrap().link();
        switch.log(&uniqueid, did, "ANSWERED").await.unwrap();
        switch.preview(did).await.unwrap();
        admin.explain(did).await.unwrap();
        run(&switch, "commit").await;
        run(&admin, "commit").await;
    }
    assert_invariants(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_are_built_anew_under_calls_and_no_call_fails() {
    under_calls(async |superuser, table| {
        run(
            superuser,
            &format!("reindex table concurrently capconduit.{table}"),
        )
        .await;
    })
    .await;
}

/// Each index that calls need is replaced by one of another name and dropped, then renamed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_are_replaced_renamed_and_dropped_under_calls_and_no_call_fails() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let scenario = scenario(&db).await;
    let load = Load::start(&db, &scenario.did, 4).await;
    let plain: Vec<String> = values(
        &superuser,
        "select i.indexrelid::regclass::text from pg_index i
          where i.indrelid in (select format('capconduit.%I', table_name)::regclass from capconduit.table_access())
            and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
    )
    .await;
    assert!(plain.len() >= 8, "{plain:?}");
    for index in &plain {
        let definition: String = value(
            &superuser,
            &format!("select pg_get_indexdef('{index}'::regclass)"),
        )
        .await;
        let name = index.rsplit('.').next().expect("a name");
        let other = definition.replacen(&format!("INDEX {name} "), "INDEX CONCURRENTLY other_idx ", 1);
        assert_ne!(other, definition);
        run(&superuser, &other).await;
        run(&superuser, &format!("drop index concurrently {index}")).await;
        run(
            &superuser,
            &format!("alter index capconduit.other_idx rename to {name}"),
        )
        .await;
    }
    for (table, constraint, column) in [
        ("live_calls", "live_calls_pkey", "uniqueid"),
        ("link_counters", "link_counters_pkey", "link_id"),
        ("call_attempts", "call_attempts_pkey", "uniqueid, attempt"),
    ] {
        run(
            &superuser,
            &format!("create unique index concurrently other on capconduit.{table} ({column})"),
        )
        .await;
        run(
            &superuser,
            &format!(
                "begin; alter table capconduit.{table} drop constraint {constraint},
                     add constraint {constraint} primary key using index other; commit;
                 alter index capconduit.{constraint} rename to pk_{table}"
            ),
        )
        .await;
    }
    let calls = load.finish().await;
    println!("{calls} calls");
    assert_invariants(&db).await;
}

/// The sequence of records may be renamed: it belongs to the column.
#[tokio::test]
async fn a_renamed_sequence_goes_on_numbering_records() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let first = switch.log("one", &scenario.did, "BUSY").await.unwrap().cdr_id;
    run(&switch, "begin; select 1").await;
    run(
        &superuser,
        "alter sequence capconduit.call_logs_id_seq rename to of_records",
    )
    .await;
    let second = switch.log("two", &scenario.did, "BUSY").await.unwrap().cdr_id;
    run(&switch, "commit").await;
    assert!(second > first);
    run(
        &superuser,
        "alter table capconduit.call_logs alter id drop identity",
    )
    .await;
    let error = switch
        .log("three", &scenario.did, "BUSY")
        .await
        .expect_err("there is none");
    let error = error.as_db_error().expect("an answer");
    assert_eq!(error.code().code(), "55000", "{}", error.message());
    assert!(
        error.message().contains("call_logs_id_seq"),
        "{}",
        error.message()
    );
}
