//! The promise, checked: afterwards, and all along.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::TestDb;

/// Counters equal their rows, no cap is exceeded, one record per call, no slot for a recorded call.
pub async fn assert_invariants(db: &TestDb) {
    let breaches = breaches(&db.superuser().await, true).await;
    assert!(breaches.is_empty(), "broken: {breaches:#?}");
}

/// The same of a server that is not the test's own first one, and while others work: all is seen in one snapshot.
pub async fn assert_invariants_at(superuser: &Client) {
    let breaches = breaches(superuser, true).await;
    assert!(breaches.is_empty(), "broken: {breaches:#?}");
}

/// The same for tests that lower a cap below what is in use, or adjust totals: caps are not compared.
pub async fn assert_consistent(db: &TestDb) {
    let breaches = breaches(&db.superuser().await, false).await;
    assert!(breaches.is_empty(), "broken: {breaches:#?}");
}

async fn breaches(client: &Client, compare_caps: bool) -> Vec<String> {
    // The views come after all tables: with them is everything that a database of a release before lacks.
    let whole = client
        .query_typed(
            "select to_regclass('capconduit.subject_calls_view') is not null",
            &[],
        )
        .await
        .expect("the catalogue can be read");
    let mut parts = vec![include_str!("invariants.sql")];
    if whole[0].get(0) {
        parts.extend([
            include_str!("invariants_of_caps.sql"),
            include_str!("invariants_of_callers.sql"),
        ]);
    }
    let rows = client
        .query_typed(&parts.join("\nunion all\n"), &[(&compare_caps, Type::BOOL)])
        .await
        .expect("the invariants can be read");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Samples the invariants on a connection of its own until it is finished. Every sample is one snapshot, so what
/// it sees is what some caller could have seen.
#[derive(Debug)]
pub struct Watch {
    stop: watch::Sender<bool>,
    task: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    pub async fn start(db: &TestDb, pause: Duration) -> Self {
        Self::over(db, pause, true).await
    }

    /// Without a comparison with caps, as `assert_consistent`.
    pub async fn start_consistent(db: &TestDb, pause: Duration) -> Self {
        Self::over(db, pause, false).await
    }

    async fn over(db: &TestDb, pause: Duration, compare_caps: bool) -> Self {
        let client = db.superuser().await;
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut samples = 0;
            loop {
                let found = breaches(&client, compare_caps).await;
                samples += 1;
                if !found.is_empty() {
                    return (samples, found);
                }
                if tokio::time::timeout(pause, stopped.changed()).await.is_ok() {
                    return (samples, Vec::new());
                }
            }
        });
        Self { stop, task }
    }

    /// Ends the watch; gives the number of samples, all of them good.
    pub async fn finish(self) -> usize {
        // Fails only when the watch has already ended because of a breach.
        let _ = self.stop.send(true);
        let (samples, breaches) = self.task.await.expect("the watch runs");
        assert!(breaches.is_empty(), "broken at sample {samples}: {breaches:#?}");
        samples
    }
}
