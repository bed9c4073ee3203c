//! `live_calls` is the gate to all other tables: every function that works on calls locks it first, and so does a migration,
//! which therefore waits for calls with nothing in hand. Otherwise a call that has waited for PostgreSQL's deadlock_timeout, be
//! it behind somebody else, would be the victim of a circle with the migration.

use capconduit_tests::{Calls, Link, SUPERUSER, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::drain;
use crate::migrate::capconduit;
use crate::node::support::eventually;

/// What works on calls, as a connection asks it. Of these, ONE is in flight.
const ON_CALLS: [&str; 9] = [
    "select status from capconduit.route_call('DID', 'NEW')",
    "select status from capconduit.route_call('DID', 'ONE')",
    "select status from capconduit.next_target('ONE', 1, 'BUSY')",
    "select status from capconduit.call_answered('one')",
    "select status from capconduit.log_call('ONE', 'DID', 'ANSWERED')",
    "select status from capconduit.node_started('pbx-1', now(), 'one')",
    "select status from capconduit.node_heartbeat('pbx-1', 'one', now(), '{}')",
    "select status from capconduit.release_call('ONE', 'by hand')",
    "select status from capconduit.release_expired(10)",
];

#[tokio::test]
async fn whoever_works_on_calls_waits_for_their_table_with_no_other_in_hand() {
    for strategy in [Strategy::Priority, Strategy::RoundRobin] {
        let db = TestDb::new().await;
        let (holder, watcher) = (db.superuser().await, db.superuser().await);
        let scenario = Scenario::new(&db.admin().await, strategy, &[Link::cap(9), Link::cap(9)]).await;
        for (number, asks) in ON_CALLS.iter().enumerate() {
            for knows_the_tables in [false, true] {
                let one = format!("{number}-{knows_the_tables}");
                let sql = asks
                    .replace("DID", &scenario.did)
                    .replace("ONE", &one)
                    .replace("NEW", &format!("{one}-new"));
                holder.route(&scenario.did, &one).await.unwrap().link();
                let worker = db.superuser().await;
                if knows_the_tables {
                    worker
                        .batch_execute(&format!("begin; {sql}; rollback"))
                        .await
                        .unwrap();
                }
                holder.batch_execute(GATE).await.unwrap();
                let pid = pid(&worker).await;
                let asked = tokio::spawn({
                    let sql = sql.clone();
                    async move { worker.batch_execute(&sql).await }
                });
                waits_at_the_gate(&watcher, pid).await;
                let held = in_hand(&watcher, pid).await;
                assert!(held.is_empty(), "{sql} ({knows_the_tables}): {held:?}");
                holder.batch_execute("commit").await.unwrap();
                let answer = asked.await.unwrap();
                answer.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                drain(&db).await;
            }
        }
        assert_invariants(&db).await;
    }
}

#[tokio::test]
async fn a_migration_waits_for_calls_with_nothing_in_hand() {
    let db = TestDb::new().await;
    let (holder, watcher) = (db.superuser().await, db.superuser().await);
    // As a call does that has looked and not yet written.
    holder
        .batch_execute("begin; lock table capconduit.live_calls in access share mode")
        .await
        .unwrap();
    let url = db.url(SUPERUSER);
    let migration = tokio::spawn(async move { capconduit(&url, &["migrate", "--force"]).await });
    let pid = std::cell::Cell::new(0);
    eventually("the migration is there", || async {
        let found = watcher
            .query_opt(
                "select pid from pg_stat_activity where application_name = 'capconduit migrate'",
                &[],
            )
            .await
            .unwrap();
        pid.set(found.map_or(0, |row| row.get(0)));
        pid.get() != 0
    })
    .await;
    waits_at_the_gate(&watcher, pid.get()).await;
    let held = in_hand(&watcher, pid.get()).await;
    assert!(held.is_empty(), "{held:?}");
    holder.batch_execute("commit").await.unwrap();
    migration.await.unwrap().ok();
}

const GATE: &str = "begin; lock table capconduit.live_calls in access exclusive mode";

async fn pid(client: &Client) -> i32 {
    client
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0)
}

async fn waits_at_the_gate(watcher: &Client, pid: i32) {
    let waits = "select exists (select from pg_locks
                                 where pid = $1 and not granted and relation = 'capconduit.live_calls'::regclass)";
    eventually("it waits for live_calls", || async {
        watcher.query_one(waits, &[&pid]).await.unwrap().get(0)
    })
    .await;
}

/// The tables and indexes that it has locked, in any mode.
async fn in_hand(watcher: &Client, pid: i32) -> Vec<String> {
    let held = "select coalesce(array_agg(h.relation::regclass::text), '{}')
                  from pg_locks h
                 where h.pid = $1 and h.granted
                   and h.relation in (select oid from pg_class where relnamespace = any ('{capconduit, asterisk}'::regnamespace[]))";
    watcher.query_one(held, &[&pid]).await.unwrap().get(0)
}
