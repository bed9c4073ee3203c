//! One migrate at a time per database: a session's advisory lock, held until the connection ends.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio_postgres::Client;

/// The lock's key; any number that nothing else in this database takes.
pub const KEY: i64 = 0x0CA9_C0D0_0001;

/// Asks again and again rather than queueing in the server: a session that waits there holds a snapshot, which would
/// stop the other one from building an index concurrently.
pub async fn acquire(client: &Client, wait: Duration) -> Result<()> {
    let started = Instant::now();
    let mut told = false;
    while !client
        .query_one("select pg_try_advisory_lock($1)", &[&KEY])
        .await?
        .get::<_, bool>(0)
    {
        if started.elapsed() >= wait {
            bail!(
                "another migrate or wipe is at work on this database (waited {} s): let it end, \
                 or find it in pg_stat_activity",
                wait.as_secs()
            );
        }
        if !told {
            println!("waiting     for another migrate on this database");
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
