//! What others do to the tables that calls reach directly: tools, triggers, rules, replication, partitions, indexes. docs/TABLES.md
//! says what may be done, and each of its lines names a test.

mod hands;
mod indexes;
mod rebuilt;
mod remembered;
mod repack;
mod replication;
mod shapes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The tables that calls write.
const WRITTEN: [&str; 4] = ["live_calls", "link_counters", "call_logs", "call_attempts"];

/// The tables that decisions only read.
const READ: [&str; 9] = [
    "dids",
    "users",
    "campaigns",
    "campaign_dids",
    "campaign_client_settings",
    "clients",
    "pjsip_aors",
    "pjsip_endpoints",
    "pjsip_contacts",
];

/// Calls that come, move on and end, until it is finished.
struct Load {
    /// A role has a limit of connections, and tests run beside each other: one load at a time.
    _alone: MutexGuard<'static, ()>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<(usize, Vec<String>)>,
}

impl Load {
    async fn start(db: &TestDb, did: &str, size: usize) -> Self {
        static ALONE: Mutex<()> = Mutex::const_new(());
        let alone = ALONE.lock().await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for worker in 0..size {
            let (switch, admin) = (db.asterisk().await, db.superuser().await);
            let (did, stop) = (did.to_owned(), Arc::clone(&stop));
            workers.spawn(async move {
                let (mut calls, mut failed) = (0, Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    let uniqueid = format!("load{worker}-1.{calls}");
                    if let Err(error) = one_call(&switch, &did, &uniqueid, calls).await {
                        failed.push(format!("{uniqueid}: {error:?}"));
                    }
                    if let Err(error) = admin.explain(&did).await {
                        failed.push(format!("explain: {error:?}"));
                    }
                    calls += 1;
                }
                (calls, failed)
            });
        }
        Load {
            _alone: alone,
            stop,
            workers,
        }
    }

    /// The number of calls, none of which met an error.
    async fn finish(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = 0;
        while let Some(worker) = self.workers.join_next().await {
            let (calls, failed) = worker.expect("a worker");
            assert!(
                failed.is_empty(),
                "{} failed: {:#?}",
                failed.len(),
                &failed[..failed.len().min(3)]
            );
            all += calls;
        }
        assert!(all > 0, "no calls");
        all
    }
}

async fn one_call(
    switch: &tokio_postgres::Client,
    did: &str,
    uniqueid: &str,
    number: usize,
) -> Result<(), tokio_postgres::Error> {
    switch.preview(did).await?;
    let routed = switch.route(did, uniqueid).await?.is_ok();
    let moved = routed && number.is_multiple_of(3) && switch.next(uniqueid, 1, "BUSY").await?.is_ok();
    let status = if moved || number.is_multiple_of(2) {
        "ANSWERED"
    } else {
        "NOANSWER"
    };
    switch.log(uniqueid, did, status).await?;
    Ok(())
}

/// Eight seconds of this with each table in turn, while calls come and go: none of them may fail.
async fn under_calls(with_each: impl AsyncFn(&tokio_postgres::Client, &str)) {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let scenario = scenario(&db).await;
    let load = Load::start(&db, &scenario.did, 4).await;
    let end = Instant::now() + Duration::from_secs(8);
    let mut rounds = 0;
    while rounds < 1 || Instant::now() < end {
        for table in WRITTEN.into_iter().chain(READ) {
            with_each(&superuser, table).await;
        }
        rounds += 1;
    }
    let calls = load.finish().await;
    println!("{calls} calls beside {rounds} rounds");
    assert_invariants(&db).await;
}

async fn scenario(db: &TestDb) -> Scenario {
    let links = [Link::cap(50), Link::cap(50)];
    Scenario::new(&db.admin().await, Strategy::Priority, &links).await
}
