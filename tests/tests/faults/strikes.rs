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

const LOCKS: &str = "begin; lock table link_counters, dids, users in exclusive mode";

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::ServerKilled => "kill -9 of the postmaster",
            Fault::BackendKilled => "kill -9 of a backend",
            Fault::ServerFrozen => "server stopped for 2 s",
            Fault::BackendFrozen => "a backend stopped for 4 s",
            Fault::ServiceKilled => "kill -9 of the service",
            Fault::AgentKilled => "kill -9 of the agent",
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

    /// Strikes, and returns when it is over.
    pub async fn strike(self, stage: &Stage, random: &mut Random) {
        match self {
            Fault::ServerKilled => {
                stage.cluster().stop(StopMode::Kill).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                stage.cluster().start().await;
            }
            Fault::BackendKilled => {
                let victim = a_backend(stage, random).await;
                signal("KILL", &[victim]);
                stage.server_is_up().await;
            }
            Fault::ServerFrozen => {
                stage.cluster().freeze(true);
                tokio::time::sleep(Duration::from_secs(2)).await;
                stage.cluster().freeze(false);
            }
            Fault::BackendFrozen => {
                let victim = a_backend(stage, random).await;
                signal("STOP", &[victim]);
                tokio::time::sleep(Duration::from_secs(4)).await;
                signal("CONT", &[victim]);
            }
            Fault::ServiceKilled => {
                signal("KILL", &[stage.api().pid()]);
                tokio::time::sleep(A_MOMENT).await;
                stage.service_again().await;
            }
            Fault::AgentKilled => {
                signal("KILL", &[stage.agent().pid()]);
                tokio::time::sleep(A_MOMENT).await;
                stage.agent_again().await;
            }
            Fault::WalDiskFull => wal_disk_full(stage).await,
            Fault::DataDiskFull => {
                let disks = stage.disks.as_ref().expect("small disks");
                disks.fill("data");
                tokio::time::sleep(Duration::from_secs(4)).await;
                disks.make_room("data");
                stage.server_is_up().await;
            }
            Fault::CutInQuestion => network(stage, Network::CutsQuestions, A_MOMENT).await,
            Fault::CutInAnswer => network(stage, Network::CutsAnswers, A_MOMENT).await,
            Fault::PacketsLost => network(stage, Network::Swallows, Duration::from_secs(4)).await,
            Fault::RowsLocked => {
                let holder = stage.db.superuser().await;
                holder.batch_execute(LOCKS).await.expect("the locks");
                // Above the switch's lock_timeout of 3 s.
                tokio::time::sleep(Duration::from_secs(4)).await;
                holder.batch_execute("rollback").await.expect("they are free");
            }
            Fault::StatementsCancelled => {
                // Behind a lock, so that there is something to cancel.
                let holder = stage.db.superuser().await;
                holder.batch_execute(LOCKS).await.expect("the locks");
                let sql = format!(
                    "select count(pg_cancel_backend(pid)) from pg_stat_activity
                      where state = 'active' and usename in ('{ASTERISK}', '{API}')"
                );
                for _ in 0..20 {
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

/// One that a switch has used just now.
async fn a_backend(stage: &Stage, random: &mut Random) -> u32 {
    let superuser = stage.db.superuser().await;
    let sql = "select pid from pg_stat_activity where application_name = 'switch' order by state_change desc";
    let rows = superuser.query(sql, &[]).await.expect("the backends");
    let number = random.below(rows.len().min(3));
    u32::try_from(rows[number].get::<_, i32>(0)).expect("a process id")
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
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename in ('{ASTERISK}', '{API}')"
    );
    let mut taken: Vec<Client> = Vec::new();
    for _ in 0..20 {
        while let Ok((client, connection)) = stage.db.config(SUPERUSER).connect(NoTls).await {
            tokio::spawn(connection);
            taken.push(client);
        }
        superuser.batch_execute(&end).await.expect("ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
