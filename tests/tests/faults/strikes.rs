//! The faults: each strikes the stage at work, lasts for a moment, and is over. Owns: what each of them does.

use std::time::Duration;

use capconduit_tests::{API, ASTERISK, Network, Random, SUPERUSER, StopMode};
use tokio_postgres::{Client, NoTls};

use super::stage::Stage;
use crate::api_faults::support::signal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    ServerKilled,
    BackendKilled,
    ServerFrozen,
    BackendFrozen,
    ServiceKilled,
    AgentKilled,
    ServiceFrozen,
    AgentFrozen,
    WalDiskFull,
    DataDiskFull,
    CutInQuestion,
    CutInAnswer,
    PacketsLost,
    RowsLocked,
    StatementsCancelled,
    NoConnections,
}

/// How long most of them last.
const A_MOMENT: Duration = Duration::from_millis(1200);

/// One message in four is cut: so long that nobody gets through unharmed. Longer than the agent's pauses, too.
const TWO_MOMENTS: Duration = Duration::from_millis(2400);

/// Every row that calls, records, lists and writes change. Asked for briefly, all together: to wait with some of them in
/// hand for the others as long as PostgreSQL waits before it looks (1 s) would make a deadlock of the test's own.
const LOCKS: &str = "begin; set local statement_timeout = '300ms';
    lock table live_calls, call_logs, link_counters, nodes, dids, users in exclusive mode; set local statement_timeout = 0";

/// Who is at work: the switch's connections, each with its own question, the service, the agent, and migrate.
const AT_WORK: [&str; 8] = [
    "switch calls",
    "switch route",
    "switch next",
    "switch log",
    "switch lists",
    "capconduit serve",
    "capconduit node",
    "capconduit migrate",
];

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::ServerKilled => "kill -9 of the postmaster",
            Fault::BackendKilled => "kill -9 of a backend",
            Fault::ServerFrozen => "server stopped for 2 s",
            Fault::BackendFrozen => "backends stopped for 4 s",
            Fault::ServiceKilled => "kill -9 of the service",
            Fault::AgentKilled => "kill -9 of the agent",
            Fault::ServiceFrozen => "service stopped for 3 s",
            Fault::AgentFrozen => "agent stopped for 3 s",
            Fault::WalDiskFull => "WAL disk full",
            Fault::DataDiskFull => "data disk full",
            Fault::CutInQuestion => "cut in mid-statement",
            Fault::CutInAnswer => "cut after the commit",
            Fault::PacketsLost => "packets swallowed for 4 s",
            Fault::RowsLocked => "rows locked for 4 s",
            Fault::StatementsCancelled => "statements cancelled",
            Fault::NoConnections => "out of connections",
        }
    }

    /// Those who happen to ask nothing meanwhile do not notice it.
    pub fn is_momentary(self) -> bool {
        self == Fault::BackendKilled
    }

    /// Strikes, and returns when it is over.
    pub async fn strike(self, stage: &Stage, random: &mut Random) {
        match self {
            Fault::ServerKilled => {
                stage.cluster().stop(StopMode::Kill).await;
                tokio::time::sleep(A_MOMENT).await;
                stage.cluster().start().await;
            }
            Fault::BackendKilled => {
                let victims = backends(stage).await;
                signal("KILL", &[victims[random.below(victims.len())]]);
                stage.server_is_up().await;
            }
            Fault::ServerFrozen => {
                stage.cluster().freeze(true);
                tokio::time::sleep(Duration::from_secs(2)).await;
                stage.cluster().freeze(false);
            }
            Fault::BackendFrozen => {
                let mut victims = backends(stage).await;
                signal("STOP", &victims);
                // Migrate's session may just have ended; then the next one's.
                while !is_stopped(victims[victims.len() - 1]) {
                    victims.extend(backends(stage).await);
                    signal("STOP", &victims);
                }
                tokio::time::sleep(Duration::from_secs(4)).await;
                signal("CONT", &victims);
            }
            Fault::ServiceKilled => {
                signal("KILL", &[stage.api().pid()]);
                tokio::time::sleep(A_MOMENT).await;
                stage.service_again().await;
            }
            Fault::AgentKilled => {
                signal("KILL", &[stage.agent().pid()]);
                tokio::time::sleep(TWO_MOMENTS).await;
                stage.agent_again().await;
            }
            Fault::ServiceFrozen => frozen(stage.api().pid()).await,
            Fault::AgentFrozen => frozen(stage.agent().pid()).await,
            Fault::WalDiskFull => wal_disk_full(stage).await,
            Fault::DataDiskFull => {
                let disks = stage.disks.as_ref().expect("small disks");
                disks.fill("data");
                tokio::time::sleep(Duration::from_secs(4)).await;
                disks.make_room("data");
                stage.server_is_up().await;
            }
            Fault::CutInQuestion => network(stage, Network::CutsQuestions, TWO_MOMENTS).await,
            Fault::CutInAnswer => network(stage, Network::CutsAnswers, TWO_MOMENTS).await,
            Fault::PacketsLost => network(stage, Network::Swallows, Duration::from_secs(4)).await,
            Fault::RowsLocked => {
                let holder = holder(stage).await;
                // Above the switch's lock_timeout of 3 s.
                tokio::time::sleep(Duration::from_secs(4)).await;
                holder.batch_execute("rollback").await.expect("they are free");
            }
            Fault::StatementsCancelled => {
                // Behind a lock, so that there is something to cancel.
                let holder = holder(stage).await;
                let sql = format!(
                    "select count(pg_cancel_backend(pid)) from pg_stat_activity
                      where state = 'active' and (usename in ('{ASTERISK}', '{API}') or application_name = 'capconduit migrate')"
                );
                for _ in 0..40 {
                    holder.batch_execute(&sql).await.expect("cancelled");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                holder.batch_execute("rollback").await.expect("they are free");
            }
            Fault::NoConnections => no_connections(stage).await,
        }
    }
}

async fn network(stage: &Stage, network: Network, lasts: Duration) {
    stage.proxy.set(network);
    tokio::time::sleep(lasts).await;
    stage.proxy.set(Network::Works);
}

async fn frozen(process: u32) {
    signal("STOP", &[process]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    signal("CONT", &[process]);
}

/// With every lock in hand.
async fn holder(stage: &Stage) -> Client {
    let holder = stage.db.superuser().await;
    for _ in 0..200 {
        if holder.batch_execute(LOCKS).await.is_ok() {
            return holder;
        }
        holder
            .batch_execute("rollback")
            .await
            .expect("all are given back");
    }
    panic!("the tables stay in use");
}

/// Of each who are at work the one that was used just now, of the agent and migrate all; migrate's last, which comes and goes.
async fn backends(stage: &Stage) -> Vec<u32> {
    let superuser = stage.db.superuser().await;
    let sql = "select pid from (
                   select pid, application_name, row_number() over (partition by application_name order by state_change desc) as place
                     from pg_stat_activity where application_name = any ($1)) a
                where place = 1 or application_name in ('capconduit node', 'capconduit migrate')
                order by application_name = 'capconduit migrate', place desc";
    let migrating =
        "select exists (select from pg_stat_activity where application_name = 'capconduit migrate')";
    if stage.migrates() {
        for _ in 0..500 {
            if superuser
                .query_one(migrating, &[])
                .await
                .expect("an answer")
                .get(0)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let rows = superuser
        .query(sql, &[&&AT_WORK[..]])
        .await
        .expect("the backends");
    assert!(!rows.is_empty(), "somebody is at work");
    rows.iter()
        .map(|row| row.get::<_, i32>(0).unsigned_abs())
        .collect()
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('T'))
}

async fn wal_disk_full(stage: &Stage) {
    let disks = stage.disks.as_ref().expect("small disks");
    disks.fill("wal");
    // The segments that are there already are used up at once; the server panics for want of the next.
    if let Ok((superuser, connection)) = stage.db.config(SUPERUSER).connect(NoTls).await {
        tokio::spawn(connection);
        let next = "select pg_logical_emit_message(false, '', ''); select pg_switch_wal()";
        for _ in 0..40 {
            let switching = tokio::time::timeout(Duration::from_secs(2), superuser.batch_execute(next));
            if !matches!(switching.await, Ok(Ok(()))) {
                break;
            }
        }
    }
    tokio::time::sleep(A_MOMENT).await;
    disks.make_room("wal");
    stage.server_is_up().await;
}

/// Somebody else takes every connection that the server has, those of the platform included.
async fn no_connections(stage: &Stage) {
    let superuser = stage.db.superuser().await;
    let end = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
          where usename in ('{ASTERISK}', '{API}') or application_name = 'capconduit migrate'"
    );
    let mut taken: Vec<Client> = Vec::new();
    for _ in 0..40 {
        while let Ok((client, connection)) = stage.db.config(SUPERUSER).connect(NoTls).await {
            tokio::spawn(connection);
            taken.push(client);
        }
        superuser.batch_execute(&end).await.expect("ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
