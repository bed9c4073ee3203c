//! What a call may cost: a change that makes calls dearer by a quarter is seen here, before somebody runs the benchmark.
//! They work on the benchmark's own data (bench/data.sql), at the size of a small platform. Bounds are what was
//! measured and some room: whoever makes calls cheaper lowers them, whoever must raise one says why.

mod instructions;
mod lists;
mod pages;
mod planning;
mod processor;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use capconduit_tests::{Calls, TestCluster, TestDb, project};
use tokio_postgres::Client;

/// The number of bench/data.sql's campaign `full`: two links, two calls each.
const FULL: &str = "+17779000001";

/// 1,000 numbers, 100 campaigns with three links each, 10,000 call records.
async fn platform() -> TestDb {
    platform_on(TestCluster::shared().await).await
}

async fn platform_on(cluster: Arc<TestCluster>) -> TestDb {
    let db = TestDb::on(cluster).await;
    load(&db, &project::root().join("bench/data.sql")).await;
    db
}

async fn load(db: &TestDb, data: &Path) {
    let state = db.cluster().state_folder();
    let mut load = project::script(
        "platform",
        state,
        &["psql", "--no-psqlrc", "--quiet", "--no-align"],
    );
    load.args(["--set=dids=1000", "--set=campaigns=100", "--set=logs=10000"])
        .arg(format!("--file={}", data.display()))
        .arg(format!("--dbname={}", db.name()))
        .env("CAPCONDUIT_PORT", db.cluster().port().to_string())
        .env("AS", capconduit_tests::SUPERUSER)
        .stdout(Stdio::null());
    let status = tokio::process::Command::from(load).status().await;
    assert!(status.expect("psql can be run").success(), "{}", data.display());
    db.superuser()
        .await
        .batch_execute("vacuum analyze")
        .await
        .expect("statistics");
}

/// A number of the spread campaigns, another one for each call.
fn number(call: usize) -> String {
    format!("+1777{:07}", 1 + call * 7 % 1000)
}

/// From now on the campaign `full` is full: a call to it is a reject.
async fn hold_the_full_campaign(db: &TestDb) {
    let switch = db.asterisk().await;
    for call in 0..4 {
        switch.route(FULL, &format!("held-{call}")).await.unwrap().link();
    }
}

/// The kernel's account of what a connection's backend has used of processors.
struct Account(String);

impl Account {
    async fn of(client: &Client) -> Self {
        let pid: i32 = client
            .query_one("select pg_backend_pid()", &[])
            .await
            .unwrap()
            .get(0);
        Account(format!("/proc/{pid}/schedstat"))
    }

    /// Nanoseconds so far.
    fn used(&self) -> u64 {
        let text = fs::read_to_string(&self.0).expect("the kernel keeps accounts");
        text.split(' ')
            .next()
            .and_then(|first| first.parse().ok())
            .expect("nanoseconds")
    }
}
