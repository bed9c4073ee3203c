//! `live_calls` is the gate to all other tables: every function that works on calls locks it first, and so does a migration,
//! which therefore waits for calls with nothing in hand. Otherwise a call that has waited for PostgreSQL's deadlock_timeout, be
//! it behind somebody else, would be the victim of a circle with the migration.

use std::cell::RefCell;
use std::collections::BTreeSet;

use capconduit_tests::{Calls, Link, SUPERUSER, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::drain;
use crate::migrate::capconduit;
use crate::node::support::eventually;
use crate::sql::support::values;

/// What works on calls, as a connection asks it. Of these, ONE is in flight.
const ON_CALLS: [&str; 11] = [
    "select status from capconduit.route_call('DID', 'NEW')",
    "select status from capconduit.route_call('DID', 'ONE')",
    "select status from capconduit.next_target('ONE', 1, 'BUSY')",
    "select status from capconduit.call_answered('ONE')",
    "select status from capconduit.log_call('ONE', 'DID', 'ANSWERED')",
    "select status from capconduit.node_started('pbx-1', now(), 'one')",
    "select status from capconduit.node_heartbeat('pbx-1', 'one', now(), '{}')",
    "select status from capconduit.node_report('pbx-1', 'one', 'alive')",
    "select status from capconduit.release_call('ONE', 'by hand')",
    "select status from capconduit.release_node('pbx-1', 'by hand')",
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
                let asked = tokio::spawn({
                    let sql = sql.clone();
                    async move { worker.batch_execute(&sql).await }
                });
                let held = in_hand_of_who_waits(&watcher).await;
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
    let held = in_hand_of_who_waits(&watcher).await;
    assert!(held.is_empty(), "{held:?}");
    holder.batch_execute("commit").await.unwrap();
    migration.await.unwrap().ok();
}

const GATE: &str = "begin; lock table capconduit.live_calls in access exclusive mode";

/// The tables and indexes that whoever waits for `live_calls` has locked, in any mode: both as of one moment, since a migration
/// waits briefly and asks again.
async fn in_hand_of_who_waits(watcher: &Client) -> Vec<String> {
    let held = "select array(select h.relation::regclass::text
                               from pg_locks h
                              where h.pid = w.pid and h.granted
                                and h.relation in (select oid from pg_class
                                                    where relnamespace = any ('{capconduit, asterisk}'::regnamespace[])))
                  from pg_locks w
                 where not w.granted and w.relation = 'capconduit.live_calls'::regclass
                   and w.database = (select oid from pg_database where datname = current_database())";
    let found = RefCell::new(None);
    eventually("somebody waits for live_calls", || async {
        let row = watcher.query_opt(held, &[]).await.unwrap();
        found.replace(row).is_none() && found.borrow().is_some()
    })
    .await;
    found.into_inner().expect("it was found").get(0)
}

/// Nobody forgets a function here: those that write are volatile.
#[tokio::test]
async fn every_function_on_calls_is_asked() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let declared: Vec<String> = values(
        &superuser,
        "select distinct p.proname::text collate \"C\"
           from pg_proc p join pg_language l on l.oid = p.prolang
          where p.pronamespace = 'capconduit'::regnamespace and l.lanname = 'c' and p.provolatile = 'v'
            -- It works on no table.
            and p.proname <> 'flush_seen'
          order by 1",
    )
    .await;
    let asked: BTreeSet<String> = ON_CALLS
        .iter()
        .filter_map(|sql| Some(sql.split_once("capconduit.")?.1.split_once('(')?.0.to_owned()))
        .collect();
    assert_eq!(declared, Vec::from_iter(asked));
}
