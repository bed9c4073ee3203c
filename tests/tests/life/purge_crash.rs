//! The server dies in the middle of a purge, which does not wait for the disk: what comes back is whole batches.

use std::process::Stdio;
use std::time::Duration;

use capconduit_tests::{ADMIN, ClusterOptions, StopMode, TestDb, assert_consistent};

use super::purge::{busy, history, purge};
use crate::migrate::command;
use crate::sql::support::{value, values};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_under_a_purge_keeps_every_total() {
    let db = TestDb::on_own_server(ClusterOptions::default()).await;
    let scenario = busy(&db).await;
    history(&db.superuser().await, &scenario.link_ids, "old", 20_000, 31).await;
    let (count, totals) = (
        "select count(*) from call_logs",
        "select total::text from link_counters order by link_id",
    );
    let counted: Vec<String> = values(&db.superuser().await, totals).await;
    let mut left = 20_000;
    for _ in 0..3 {
        let mut purge = command(
            &db.url(ADMIN),
            &["purge", "--before", "30d", "--batch", "100", "--pause", "2"],
            &[],
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be run");
        let looking = db.superuser().await;
        let mut tries = 0..6000;
        while value::<i64>(&looking, count).await > left - 2_000 {
            assert!(tries.next().is_some(), "it purges");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        db.cluster().stop(StopMode::Kill).await;
        let ended = tokio::time::timeout(Duration::from_secs(60), purge.wait()).await;
        assert_eq!(ended.expect("it ends").expect("it ran").code(), Some(1));
        db.cluster().start().await;
        assert_consistent(&db).await;
        let superuser = db.superuser().await;
        assert_eq!(values::<String>(&superuser, totals).await, counted);
        left = value(&superuser, count).await;
        println!("{left} records are there after the crash");
        assert!(left > 0, "it was struck in the middle");
    }
    purge(&db, &["--before", "30d"]).await.ok();
    let superuser = db.superuser().await;
    assert_eq!(value::<i64>(&superuser, count).await, 0);
    assert_eq!(values::<String>(&superuser, totals).await, counted);
    assert_consistent(&db).await;
}
