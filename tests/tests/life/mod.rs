//! What a deployment lives through in years: old records go, versions change, databases are copied and restored. Calls go
//! on meanwhile, and nothing that was counted changes by it.

mod copies;
mod fuzz;
mod many;
pub mod old_release;
mod purge;
mod purge_crash;
mod purge_refused;
mod settings;
mod upgrade;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capconduit_tests::{Calls, Scenario, TestDb};
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// Switches at work, each with one call at a time: routed, answered, logged. Every call must be answered as it should.
struct Traffic {
    stop: Arc<AtomicBool>,
    switches: JoinSet<Worked>,
}

/// What one switch, or all of them, did.
#[derive(Debug, Default, Clone, Copy)]
struct Worked {
    calls: i64,
    slowest: Duration,
}

impl Traffic {
    /// Call ids begin with `name`. A switch's limits hold, also where no migrate has set them yet: a call that must wait for
    /// a lock for 3 s, or for its answer for 4 s, fails, and the test with it.
    async fn start(db: &TestDb, scenario: &Scenario, name: &str, switches: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..switches {
            let (switch, did) = (db.asterisk().await, scenario.did.clone());
            let limits = "set lock_timeout = '3s'; set statement_timeout = '4s'";
            switch.batch_execute(limits).await.expect("a setting");
            let (name, stop) = (format!("{name}-{number}"), stop.clone());
            tasks.spawn(async move { work(&switch, &did, &name, &stop).await });
        }
        Self {
            stop,
            switches: tasks,
        }
    }

    /// All calls have ended and have their records.
    async fn end(mut self) -> Worked {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Worked::default();
        while let Some(worked) = self.switches.join_next().await {
            let worked = worked.expect("every call is answered as it should be");
            all.calls += worked.calls;
            all.slowest = all.slowest.max(worked.slowest);
        }
        all
    }
}

async fn work(switch: &Client, did: &str, name: &str, stop: &AtomicBool) -> Worked {
    let mut worked = Worked::default();
    while !stop.load(Ordering::Relaxed) {
        let uniqueid = format!("{name}-{}", worked.calls);
        let mut begun = Instant::now();
        let mut answered = || {
            let took = std::mem::replace(&mut begun, Instant::now()).elapsed();
            worked.slowest = worked.slowest.max(took);
        };
        switch.route(did, &uniqueid).await.expect("an answer").link();
        answered();
        assert_eq!(switch.answered(&uniqueid).await.expect("an answer"), "ok");
        answered();
        let logged = switch.log(&uniqueid, did, "ANSWERED").await.expect("an answer");
        answered();
        assert_eq!(logged.status, "logged");
        worked.calls += 1;
    }
    worked
}
