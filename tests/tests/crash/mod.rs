//! What a crash leaves: everything that was answered, and counters that agree with their rows. A module per
//! question; here: the server with a disk that stalls, and how a test sees that somebody waits.

mod acknowledged;
mod backends;
mod callers;
mod commits;
mod copies;
mod early_release;
mod page_boundaries;
mod promotion;
mod repeats;
mod standby_wait;

use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use capconduit_tests::{ClusterOptions, StopMode, TestCluster, TestDb, project};
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;

/// Long enough for an answer that does not wait for anything, on a busy machine.
const PLENTY: Duration = Duration::from_secs(60);
/// An answer that must not come is given this long to come.
const A_WHILE: Duration = Duration::from_millis(400);

/// A server whose fsync stalls on command, and that dies at once as a whole. Its databases are dropped before it.
pub struct Crashable {
    pub cluster: Arc<TestCluster>,
    folder: Folder,
}

/// Outlives the server, which has the library in it preloaded.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The disk takes nothing while this lives.
pub struct Stall(PathBuf);

impl Drop for Stall {
    fn drop(&mut self) {
        // A crash in between has ended it already.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Crashable {
    pub async fn start(settings: &[&str]) -> Self {
        let folder = Folder(project::fresh_state_folder());
        std::fs::create_dir(&folder.0).expect("a folder for the library");
        let library = folder.0.join("power.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror"])
            .arg(format!("-DSTALL=\"{}\"", folder.0.join("stall").display()))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/power.c"))
            .arg("-o")
            .arg(&library)
            .status()
            .expect("a C compiler");
        assert!(compiled.success(), "power.c compiles");
        let options = ClusterOptions {
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            preload: Some(library),
            ..ClusterOptions::default()
        };
        Self {
            cluster: TestCluster::start_with(options).await,
            folder,
        }
    }

    pub async fn database(&self) -> TestDb {
        TestDb::on(self.cluster.clone()).await
    }

    /// From now on the disk takes nothing more: the first to flush waits for it and holds the WAL's lock, so that
    /// what commits afterwards is not even handed to the operating system.
    pub async fn stall(&self, db: &TestDb) -> Stall {
        let file = self.folder.0.join("stall");
        std::fs::write(&file, "").expect("the disk stalls");
        let stall = Stall(file);
        let first = db.superuser().await;
        tokio::spawn(async move {
            // Its server may crash before it has an answer.
            let _ = first
                .execute("select pg_logical_emit_message(true, '', '')", &[])
                .await;
        });
        until(
            db,
            "select exists (select from pg_stat_activity where lower(wait_event) = 'walsync')",
        )
        .await;
        stall
    }

    /// Power off, and on again.
    pub async fn crash(&self, stall: Stall) {
        self.cluster.stop(StopMode::Kill).await;
        drop(stall);
        self.cluster.start().await;
    }
}

/// Asks the server until it says yes.
pub async fn until(db: &TestDb, question: &str) {
    let superuser = db.superuser().await;
    let start = Instant::now();
    while !superuser
        .query_one(question, &[])
        .await
        .unwrap()
        .get::<_, bool>(0)
    {
        assert!(start.elapsed() < PLENTY, "never true: {question}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Something under way on a connection, until it is asked for its answer.
pub struct Asked<Answer>(JoinHandle<Answer>);

/// Asks, and makes sure that no answer comes.
pub async fn ask<Answer: Send + 'static>(
    asking: impl Future<Output = Answer> + Send + 'static,
) -> Asked<Answer> {
    let mut asked = Asked(tokio::spawn(asking));
    asked.is_silent().await;
    asked
}

impl<Answer> Asked<Answer> {
    pub async fn is_silent(&mut self) {
        let early = tokio::time::timeout(A_WHILE, &mut self.0).await;
        assert!(early.is_err(), "an answer was given before it was durable");
    }

    pub async fn answer(self) -> Answer {
        soon(self.0).await.expect("the question ends well")
    }
}

/// What must come without waiting for a stalled disk.
pub async fn soon<Answer>(asking: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(PLENTY, asking).await.expect("an answer")
}

/// `true`: nobody holds the link's row.
pub async fn row_is_free(db: &TestDb, link_id: i64) -> bool {
    let mut superuser = db.superuser().await;
    // Rolled back: a commit would wait for the disk.
    let looking = superuser.transaction().await.unwrap();
    let sql = "select from link_counters where link_id = $1 for update nowait";
    match looking.execute(sql, &[&link_id]).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{error:?}");
            false
        }
    }
}
