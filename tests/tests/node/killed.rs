//! kill -9 of the agent at any moment of a replay: nothing is lost, nothing is doubled.

use std::time::{Duration, Instant};

use capconduit_tests::{Random, TestDb, TestNode, assert_invariants};

use super::support::{Folder, eventually, has_ended, logged, record, signal};

async fn kills_lose_nothing(records: usize, kills: usize) {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    let mut random = Random::seeded();
    for n in 0..records {
        // Some are refused, so that the move to the other folder is cut, too.
        let text = record(&format!("call-{n}"), "BUSY");
        let text = if n % 10 == 0 {
            text.replace("=> 12", "=> -1")
        } else {
            text
        };
        spool.put(&format!("call-{n}.sql"), text);
    }
    let begun = Instant::now();
    for _ in 0..kills {
        let before = spool.waiting().len();
        let node = TestNode::start(&db, spool.path()).await;
        eventually("it is replaying", || async {
            spool.waiting().len() < before || before == 0
        })
        .await;
        tokio::time::sleep(Duration::from_millis(random.below(300) as u64)).await;
        signal("KILL", node.pid());
        let pid = node.pid();
        eventually("it is dead", || async move { has_ended(pid) }).await;
    }
    let left = spool.waiting().len();
    let node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    println!(
        "{records} records, {kills} kills, {left} left to the last agent, {:.1} s; {} duplicates at the last",
        begun.elapsed().as_secs_f64(),
        node.metric("capconduit_node_replayed_total{status=\"duplicate\"}")
            .await
    );
    assert_eq!(logged(&db, "call-%").await.len(), records - records.div_ceil(10));
    assert_eq!(spool.refused().len(), records.div_ceil(10));
    for name in spool.refused() {
        assert!(spool.reason(&name).starts_with("22023"), "{name}");
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn a_replay_that_is_killed_goes_on_where_it_was() {
    kills_lose_nothing(4_000, 6).await;
}

#[tokio::test]
#[ignore = "long: twenty kills"]
async fn thirty_thousand_files_are_replayed_through_twenty_kills() {
    kills_lose_nothing(30_000, 20).await;
}

#[tokio::test]
async fn a_stop_finishes_what_has_begun() {
    let db = TestDb::sample().await;
    let spool = Folder::new();
    for n in 0..1_000 {
        spool.put(&format!("call-{n}.sql"), record(&format!("call-{n}"), "BUSY"));
    }
    let node = TestNode::start(&db, spool.path()).await;
    eventually("it is replaying", || async { spool.waiting().len() < 1_000 }).await;
    signal("TERM", node.pid());
    let pid = node.pid();
    eventually("it has ended", || async move { has_ended(pid) }).await;
    assert!(node.log().trim_end().ends_with("stopped"), "{}", node.log());
    // Each file that is gone has its record, and no other has one.
    assert_eq!(logged(&db, "call-%").await.len(), 1_000 - spool.waiting().len());
    drop(node);
    let _node = TestNode::start(&db, spool.path()).await;
    spool.is_empty().await;
    assert_eq!(logged(&db, "call-%").await.len(), 1_000);
    assert_invariants(&db).await;
}
