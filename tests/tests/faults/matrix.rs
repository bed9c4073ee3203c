//! The fault matrix: every operation of the platform at work while every fault strikes. Afterwards all of them are answered
//! again by themselves, whatever was answered is there, and counters agree with rows. A line is printed for each cell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capconduit_tests::{Random, SUPERUSER, project};
use tokio::task::JoinHandle;

use super::load::{Operation, Tally};
use super::stage::{Stage, through};
use super::strikes::Fault;
use crate::node::support::{eventually, is_root};

const OPERATIONS: [Operation; 7] = [
    Operation::Route,
    Operation::Next,
    Operation::Log,
    Operation::Heartbeat,
    Operation::Replay,
    Operation::Write,
    Operation::Migrate,
];

/// Cells in which an operation is not disturbed, and why. In all others it has to fail once or to take long.
fn spared(fault: Fault, operation: Operation) -> Option<&'static str> {
    match (fault, operation) {
        (Fault::ServiceKilled | Fault::ServiceFrozen, Operation::Write) => None,
        (Fault::AgentKilled | Fault::AgentFrozen, Operation::Replay) => None,
        (Fault::ServiceKilled | Fault::ServiceFrozen, _) => Some("does not use the service"),
        (Fault::AgentKilled | Fault::AgentFrozen, Operation::Heartbeat) => {
            Some("the list is sent by the test here; an agent with a real Asterisk: asterisk::crash")
        }
        (Fault::AgentKilled | Fault::AgentFrozen, _) => Some("does not use the agent"),
        (Fault::BackendKilled, Operation::Replay) => {
            Some("the agent looks once a second: the server may have recovered in between")
        }
        (Fault::BackendKilled, Operation::Write) => Some(
            "the service finds its connection closed and makes another one: the server may be back by then",
        ),
        (Fault::DataDiskFull, Operation::Route | Operation::Next | Operation::Heartbeat) => {
            Some("finds room in the pages that are there")
        }
        _ => None,
    }
}

/// A server that lost a backend is back within some tens of milliseconds.
const MOST_STRIKES: usize = 20;

async fn strike_all(faults: &[Fault], small_disks: bool) {
    let mut random = Random::seeded();
    let stage = Stage::start(small_disks, Duration::from_millis(60), &mut random).await;
    all_are_answered(&stage, &OPERATIONS[..6], "before any fault").await;
    undisturbed(&stage).await;
    for &fault in faults {
        stage.load.tallies();
        let migrates = Migrates::start(&stage);
        // Migrate takes some hundred milliseconds: the fault may strike anywhere in it.
        tokio::time::sleep(Duration::from_millis(random.below(300) as u64)).await;
        fault.strike(&stage, &mut random).await;
        // Over before everybody has met it: once more, for those who were between two questions.
        let mut strikes = 1;
        while fault.is_momentary()
            && strikes < MOST_STRIKES
            && !untouched(fault, &stage.load.so_far()).is_empty()
        {
            stage.load.count_from_now();
            all_are_answered(&stage, &OPERATIONS[..6], fault.name()).await;
            tokio::time::sleep(Duration::from_millis(random.below(300) as u64)).await;
            fault.strike(&stage, &mut random).await;
            strikes += 1;
        }
        let over = Instant::now();
        println!("{} struck {strikes} times", fault.name());
        stage.load.count_from_now();
        all_are_answered(&stage, &OPERATIONS, fault.name()).await;
        migrates.end(&stage).await;
        stage.is_well().await;
        show(fault, &stage.load.tallies(), over);
    }
    stage.load.end().await;
    stage.is_well().await;
    stage.is_empty().await;
    println!("{} answers told in all, none lost", stage.load.told().len());
    let log = stage.cluster().log();
    let deadlock = log.find("deadlock detected");
    assert!(deadlock.is_none(), "{}", &log[deadlock.unwrap_or_default()..]);
}

/// The measure for all others: nothing breaks, and nothing fails.
async fn undisturbed(stage: &Stage) {
    stage.load.tallies();
    let migrates = Migrates::start(stage);
    tokio::time::sleep(Duration::from_secs(3)).await;
    migrates.end(stage).await;
    for (operation, tally) in stage.load.tallies() {
        println!(
            "{:27} × {:15} {:4} told, the longest took {:6} ms",
            "nothing",
            operation.name(),
            tally.told,
            tally.longest.as_millis()
        );
        assert_eq!(tally.failed, 0, "{}: {:?}", operation.name(), tally.errors);
    }
}

async fn all_are_answered(stage: &Stage, operations: &[Operation], when: &str) {
    for &operation in operations {
        eventually(&format!("{when}: {} is answered", operation.name()), || async {
            stage.load.has_been_told(operation)
        })
        .await;
    }
}

/// Operations that the fault has neither failed nor held up, though it must.
fn untouched(fault: Fault, tallies: &BTreeMap<Operation, Tally>) -> Vec<&'static str> {
    let is_disturbed = |operation: &Operation| {
        tallies
            .get(operation)
            .is_some_and(|tally| tally.failed > 0 || tally.longest >= operation.long())
    };
    OPERATIONS
        .iter()
        .filter(|operation| spared(fault, **operation).is_none() && !is_disturbed(operation))
        .map(|operation| operation.name())
        .collect()
}

fn show(fault: Fault, tallies: &BTreeMap<Operation, Tally>, over: Instant) {
    for operation in OPERATIONS {
        let name = format!("{:27} × {:15}", fault.name(), operation.name());
        let tally = tallies.get(&operation).expect("it was answered");
        let again = tally
            .first
            .map_or(Duration::ZERO, |first| first.duration_since(over));
        println!(
            "{name} {:4} told, {:4} failed, the longest took {:6} ms, told again after {:5} ms {:?} {}",
            tally.told,
            tally.failed,
            tally.longest.as_millis(),
            again.as_millis(),
            tally.errors,
            spared(fault, operation).unwrap_or_default()
        );
    }
    let untouched = untouched(fault, tallies);
    assert!(
        untouched.is_empty(),
        "{} did not disturb {untouched:?}",
        fault.name()
    );
}

/// `capconduit migrate --force` of the database at work, through the broken network, again and again.
struct Migrates {
    wanted: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Migrates {
    fn start(stage: &Stage) -> Self {
        stage.will_migrate(true);
        let wanted = Arc::new(AtomicBool::new(true));
        let url = through(&stage.proxy, &stage.db, SUPERUSER);
        let (load, still) = (stage.load.clone(), wanted.clone());
        let task = tokio::spawn(async move {
            while still.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let output = migrate(&url, &["--force"]).await;
                let result = match output.status.success() {
                    true => Ok(()),
                    false => Err("did not finish"),
                };
                load.note(Operation::Migrate, begun, result);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        Self { wanted, task }
    }

    async fn end(self, stage: &Stage) {
        self.wanted.store(false, Ordering::Relaxed);
        let ended = tokio::time::timeout(Duration::from_secs(60), self.task).await;
        ended.expect("migrate ends").expect("migrate runs");
        stage.will_migrate(false);
        // Whatever was cut off before: nothing is left to do.
        let check = migrate(&stage.db.url(SUPERUSER), &["--check"]).await;
        assert!(
            check.status.success(),
            "{}",
            String::from_utf8_lossy(&check.stdout)
        );
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
#[ignore = "long: ten faults"]
async fn the_common_faults() {
    let faults = [
        Fault::ServerKilled,
        Fault::BackendKilled,
        Fault::ServerFrozen,
        Fault::ServiceKilled,
        Fault::AgentKilled,
        Fault::ServiceFrozen,
        Fault::AgentFrozen,
        Fault::CutInQuestion,
        Fault::CutInAnswer,
        Fault::StatementsCancelled,
    ];
    strike_all(&faults, false).await;
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
        Fault::ServiceFrozen,
        Fault::AgentFrozen,
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
        return strike_all(&faults, true).await;
    }
    println!("full disks not tried: only root can mount small ones");
    strike_all(&faults[..14], false).await;
}
