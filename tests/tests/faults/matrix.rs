//! The fault matrix: every operation of the platform at work while every fault strikes. Afterwards all of them are answered
//! again by themselves, whatever was answered is there, and counters agree with rows. A line is printed for each cell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capconduit_tests::{Random, SUPERUSER, TestDb, project};
use tokio::task::JoinHandle;

use super::load::{Load, Operation};
use super::stage::Stage;
use super::strikes::Fault;
use crate::node::support::{eventually, is_root};

const OPERATIONS: [Operation; 6] = [
    Operation::Route,
    Operation::Next,
    Operation::Log,
    Operation::Heartbeat,
    Operation::Replay,
    Operation::Write,
];

/// Which operations a fault has to disturb: at least one of them fails, or waits for long. The others are shown, too.
fn disturbs(fault: Fault) -> &'static [Operation] {
    match fault {
        Fault::ServiceKilled => &[Operation::Write],
        Fault::AgentKilled => &[Operation::Replay],
        _ => &[
            Operation::Route,
            Operation::Log,
            Operation::Heartbeat,
            Operation::Write,
        ],
    }
}

/// Cells that make no sense.
fn out_of_reach(fault: Fault, operation: Operation) -> Option<&'static str> {
    match (fault, operation) {
        (Fault::ServiceKilled, Operation::Write) | (Fault::AgentKilled, Operation::Replay) => None,
        (Fault::ServiceKilled, _) => Some("does not use the service"),
        (Fault::AgentKilled, Operation::Heartbeat) => {
            Some("the list is sent by the test here; an agent with a real Asterisk: asterisk::crash")
        }
        (Fault::AgentKilled, _) => Some("does not use the agent"),
        (Fault::BackendFrozen, Operation::Replay) => {
            Some("waits only if it is the agent's backend that is stopped")
        }
        _ => None,
    }
}

/// Longer than any of these takes undisturbed.
const LONG: Duration = Duration::from_millis(700);

async fn strike_all(faults: &[Fault], small_disks: bool, with_migrate: bool) {
    let mut random = Random::seeded();
    let stage = Stage::start(small_disks, Duration::from_millis(60), &mut random).await;
    all_are_answered(&stage, "before any fault").await;
    for &fault in faults {
        let migrate = match with_migrate {
            true => Some(Migrate::start(&stage).await),
            false => None,
        };
        stage.load.tallies();
        // Migrate takes some hundred milliseconds: the fault may strike anywhere in it.
        tokio::time::sleep(Duration::from_millis(random.below(300) as u64)).await;
        fault.strike(&stage, &mut random).await;
        let over = Instant::now();
        stage.load.count_from_now();
        all_are_answered(&stage, fault.name()).await;
        if let Some(migrate) = migrate {
            migrate.succeeds().await;
        }
        stage.is_well().await;
        show(fault, &stage.load, over);
    }
    stage.load.end().await;
    stage.is_well().await;
    println!("{} answers told in all, none lost", stage.load.told().len());
    let log = stage.cluster().log();
    assert!(!log.contains("deadlock detected"), "a deadlock");
}

async fn all_are_answered(stage: &Stage, when: &str) {
    for operation in OPERATIONS {
        eventually(&format!("{when}: {} is answered", operation.name()), || async {
            stage.load.has_been_told(operation)
        })
        .await;
    }
}

fn show(fault: Fault, load: &Load, over: Instant) {
    let tallies = load.tallies();
    let mut disturbed = false;
    for operation in OPERATIONS.into_iter().chain([Operation::Migrate]) {
        let name = format!("{:27} × {:15}", fault.name(), operation.name());
        if let Some(reason) = out_of_reach(fault, operation) {
            println!("{name} not disturbed: {reason}");
            continue;
        }
        let Some(tally) = tallies.get(&operation) else {
            continue;
        };
        let again = tally
            .first
            .map_or(Duration::ZERO, |first| first.duration_since(over));
        println!(
            "{name} {:4} told, {:4} failed, the longest took {:6} ms, told again after {:5} ms {:?}",
            tally.told,
            tally.failed,
            tally.longest.as_millis(),
            again.as_millis(),
            tally.errors
        );
        disturbed |= disturbs(fault).contains(&operation) && (tally.failed > 0 || tally.longest > LONG);
    }
    assert!(disturbed, "{} disturbed nobody", fault.name());
}

/// `capconduit migrate` of an empty database through the broken network, again and again until it succeeds.
struct Migrate {
    db: TestDb,
    wanted: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Migrate {
    async fn start(stage: &Stage) -> Self {
        let db = TestDb::bare_on(stage.cluster().clone()).await;
        let wanted = Arc::new(AtomicBool::new(true));
        let at = format!(":{}/", stage.cluster().port());
        let url = db
            .url(SUPERUSER)
            .replace(&at, &format!(":{}/", stage.proxy.port()));
        let (load, still) = (stage.load.clone(), wanted.clone());
        let task = tokio::spawn(async move {
            while still.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let output = migrate(&url, &[]).await;
                if output.status.success() {
                    load.note(Operation::Migrate, begun, Ok(()));
                    return;
                }
                load.note(Operation::Migrate, begun, Err("did not finish"));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Self { db, wanted, task }
    }

    async fn succeeds(self) {
        let ended = tokio::time::timeout(Duration::from_secs(180), self.task).await;
        self.wanted.store(false, Ordering::Relaxed);
        ended.expect("migrate ends").expect("migrate runs");
        // Whatever was cut off before: nothing is left to do, and the result is a whole platform.
        let check = migrate(&self.db.url(SUPERUSER), &["--check"]).await;
        assert!(
            check.status.success(),
            "{}",
            String::from_utf8_lossy(&check.stdout)
        );
        let schema =
            "select capconduit.schema_version(), (select count(*) from capconduit.verify_counters())";
        let row = self
            .db
            .superuser()
            .await
            .query_one(schema, &[])
            .await
            .expect("a platform");
        assert_eq!(row.get::<_, i64>(1), 0);
    }
}

async fn migrate(url: &str, args: &[&str]) -> std::process::Output {
    // Cut off where a swallowed packet would make it wait for the kernel's own limits.
    let mut command = tokio::process::Command::new("timeout");
    command
        .args(["--signal=KILL", "20"])
        .arg(project::capconduit().get_program())
        .arg("migrate")
        .args(args)
        .env("DATABASE_URL", url);
    command.output().await.expect("migrate can be run")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: eight faults"]
async fn the_common_faults() {
    let faults = [
        Fault::ServerKilled,
        Fault::BackendKilled,
        Fault::ServerFrozen,
        Fault::ServiceKilled,
        Fault::AgentKilled,
        Fault::CutInQuestion,
        Fault::CutInAnswer,
        Fault::StatementsCancelled,
    ];
    strike_all(&faults, false, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: every fault against every operation, migrate included"]
async fn every_fault() {
    let faults = [
        Fault::ServerKilled,
        Fault::BackendKilled,
        Fault::ServerFrozen,
        Fault::BackendFrozen,
        Fault::ServiceKilled,
        Fault::AgentKilled,
        Fault::CutInQuestion,
        Fault::CutInAnswer,
        Fault::PacketsLost,
        Fault::RowsLocked,
        Fault::StatementsCancelled,
        Fault::NoConnections,
        Fault::DataDiskFull,
        Fault::WalDiskFull,
    ];
    if is_root() {
        return strike_all(&faults, true, true).await;
    }
    println!("full disks not tried: only root can mount small ones");
    strike_all(&faults[..12], false, true).await;
}
