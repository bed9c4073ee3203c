//! Tables that are written anew or moved under calls: no call fails, none sees an empty table.

use capconduit_tests::{Calls, TestDb, assert_invariants};

use super::{READ, WRITTEN, scenario, under_calls};
use crate::node::support::eventually;
use crate::sql::support::{run, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_written_anew_under_calls_and_no_call_fails() {
    under_calls(async |superuser, table| {
        let index: String = value(
            superuser,
            &format!(
                "select indexrelid::regclass::text from pg_index
                      where indrelid = 'capconduit.{table}'::regclass and indisprimary"
            ),
        )
        .await;
        let index = index.rsplit('.').next().expect("a name");
        for sql in [
            format!("vacuum full capconduit.{table}"),
            format!("cluster capconduit.{table} using {index}"),
            format!("reindex table capconduit.{table}"),
            format!("analyze capconduit.{table}"),
            // Rewritten with the transaction's own id: snapshots of before see nothing in it.
            format!("alter table capconduit.{table} add column extra float8 default random()"),
            format!("alter table capconduit.{table} drop column extra"),
            format!(
                "begin; alter table capconduit.{table} rename to former;
                         alter table capconduit.former rename to {table}; commit"
            ),
            format!(
                "begin; alter table capconduit.{table} set schema public;
                         alter table public.{table} set schema capconduit; commit"
            ),
        ] {
            run(superuser, &sql).await;
        }
    })
    .await;
}

/// A call takes its snapshot, then waits for a table that is being written anew: what it reads then is of after the wait.
#[tokio::test]
async fn a_call_that_waited_for_a_table_sees_what_is_in_it_now() {
    let db = TestDb::new().await;
    let (superuser, watcher) = (db.superuser().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    for (number, table) in WRITTEN.into_iter().chain(READ).enumerate() {
        let (switch, admin) = (db.asterisk().await, db.superuser().await);
        let up = format!("up-{number}");
        switch.route(did, &up).await.unwrap().link();
        switch.preview(did).await.unwrap();
        admin.explain(did).await.unwrap();
        run(
            &superuser,
            &format!("begin; alter table capconduit.{table} add column extra float8 default random()"),
        )
        .await;
        let asked = tokio::spawn({
            let (did, up, new) = (did.clone(), up.clone(), format!("new-{number}"));
            async move {
                let routed = switch.route(&did, &new).await.map(|target| target.is_ok());
                let moved = switch.next(&up, 1, "BUSY").await.map(|target| target.is_ok());
                let logged = switch
                    .log(&up, &did, "ANSWERED")
                    .await
                    .map(|logged| logged.status);
                (routed, moved, logged)
            }
        });
        let explained = tokio::spawn({
            let did = did.clone();
            async move { admin.explain(&did).await.map(|rows| rows.len()) }
        });
        eventually("somebody waits, or nobody reads this table", || {
            let (watcher, asked) = (&watcher, &asked);
            async move {
                asked.is_finished()
                    || value::<bool>(
                        watcher,
                        "select exists (select from pg_locks where not granted and database =
                            (select oid from pg_database where datname = current_database()))",
                    )
                    .await
            }
        })
        .await;
        run(&superuser, "commit").await;
        let (routed, moved, logged) = asked.await.unwrap();
        assert!(routed.unwrap() && moved.unwrap(), "{table}");
        assert_eq!(logged.unwrap(), "logged", "{table}");
        assert_eq!(explained.await.unwrap().unwrap(), 2, "{table}");
        run(
            &superuser,
            &format!("alter table capconduit.{table} drop column extra"),
        )
        .await;
    }
    assert_invariants(&db).await;
}
