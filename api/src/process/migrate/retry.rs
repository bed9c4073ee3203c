//! Waiting without harm: changes to tables in use ask for their locks briefly, step back, and ask again.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Shorter than PostgreSQL's deadlock_timeout (1 s), so that in a circle the migration gives way before a call does.
/// Too low: a busy table is never reached. Too high: every call behind the migration waits that long.
const LOCK_TIMEOUT: &str = "set lock_timeout = '500ms'";

const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(700);

/// Runs `work` under a short lock timeout until it is not turned away by a lock, for a minute at most.
pub async fn while_locked<T>(
    client: &mut Client,
    mut work: impl AsyncFnMut(&mut Client) -> Result<T>,
) -> Result<T> {
    client.batch_execute(LOCK_TIMEOUT).await?;
    for attempt in 1.. {
        match work(client).await {
            Err(error) if attempt < ATTEMPTS && is_busy(&error) => {
                if attempt == 1 {
                    println!("waiting     a table is in use; trying again");
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) if is_busy(&error) => {
                return Err(error).context(
                    "a table stayed in use: end the transaction that holds it (pg_blocking_pids), then run migrate again",
                );
            }
            other => return other,
        }
    }
    unreachable!("the loop returns")
}

fn is_busy(error: &anyhow::Error) -> bool {
    // QUERY_CANCELED is the end of a statement_timeout.
    const BUSY: [SqlState; 3] = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    sql_state(error).is_some_and(|state| BUSY.contains(&state))
}

/// The SQLSTATE anywhere in an error's chain.
pub fn sql_state(error: &anyhow::Error) -> Option<SqlState> {
    error
        .chain()
        .find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>()?.code().cloned())
}
