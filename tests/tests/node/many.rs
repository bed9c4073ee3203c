//! Many records at once, as after an outage: several connections, each record once, and nothing less careful than with few.

use std::collections::HashSet;
use std::time::Duration;

use capconduit_tests::{ClusterOptions, StopMode, TestCluster, TestDb, TestNode, assert_invariants};

use super::support::{Folder, eventually, logged, record};

fn fill(spool: &Folder, records: usize) {
    for n in 0..records {
        spool.put(&format!("call-{n}.sql"), record(&format!("call-{n}"), "BUSY"));
    }
}

async fn connections(db: &TestDb) -> i64 {
    let sql = "select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'capconduit node replay'";
    let row = db.superuser().await.query_one(sql, &[]).await;
    row.expect("the connections").get(0)
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_has_every_record_once() {
    const RECORDS: usize = 4_000;
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let spool = Folder::new();
    fill(&spool, RECORDS);
    let node = TestNode::start(&db, spool.path()).await;
    eventually("several hand over", || async { connections(&db).await > 1 }).await;
    for kill in 1..=3 {
        let before = spool.waiting().len();
        eventually("the replay is under way", || async {
            spool.waiting().len() < before || before == 0
        })
        .await;
        db.cluster().stop(StopMode::Kill).await;
        eventually("the agent says so", || async {
            node.problem("replay").await.is_some() || spool.waiting().is_empty()
        })
        .await;
        let left: HashSet<String> = spool.waiting().into_iter().collect();
        db.cluster().start().await;
        let there: HashSet<String> = logged(&db, "call-%").await.into_iter().collect();
        for n in 0..RECORDS {
            let gone = !left.contains(&format!("call-{n}.sql"));
            let known = there.contains(&format!("call-{n} BUSY"));
            assert!(
                !gone || known,
                "kill {kill}: call-{n} has neither file nor record"
            );
        }
        println!("kill {kill}: {} files were left of {before}", left.len());
    }
    spool.is_empty().await;
    assert_eq!(logged(&db, "call-%").await.len(), RECORDS);
    assert_eq!(spool.refused(), [""; 0]);
    assert_invariants(&db).await;
    eventually("only one connection stays", || async {
        connections(&db).await == 1
    })
    .await;
}

/// The older of two different records of a call is the one that counts, however many hands there are.
#[tokio::test]
async fn records_of_one_call_do_not_overtake_each_other() {
    const CALLS: usize = 600;
    let db = TestDb::sample().await;
    let spool = Folder::new();
    for n in 0..CALLS {
        let age = |seconds| Duration::from_secs(2 * (CALLS - n) as u64 + seconds);
        let uniqueid = format!("call-{n}");
        spool.put_ago(&format!("{n}-older.sql"), record(&uniqueid, "BUSY"), age(1));
        spool.put_ago(&format!("{n}-younger.sql"), record(&uniqueid, "CANCEL"), age(0));
    }
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    let others: Vec<String> = logged(&db, "call-%")
        .await
        .into_iter()
        .filter(|line| !line.ends_with(" BUSY"))
        .collect();
    assert_eq!(others, [""; 0], "the younger record came first");
    let status = |status: &str| format!("capconduit_node_replayed_total{{status=\"{status}\"}}");
    for answer in ["logged", "duplicate"] {
        assert_eq!(node.metric(&status(answer)).await, CALLS as f64);
    }
    assert_invariants(&db).await;
}

/// The database has one connection to spare: the others are done without.
#[tokio::test]
async fn a_database_that_is_short_of_connections_gets_every_record() {
    const RECORDS: usize = 600;
    let db = TestDb::sample().await;
    let spool = Folder::new();
    fill(&spool, RECORDS);
    // One for the heartbeat, one for the replay. It binds no superuser.
    let limit = format!("alter database {} connection limit 2", db.name());
    db.superuser().await.batch_execute(&limit).await.expect("a limit");
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(logged(&db, "call-%").await.len(), RECORDS);
    assert_eq!(
        node.metric("capconduit_node_replayed_total").await,
        RECORDS as f64
    );
    assert_invariants(&db).await;
}
