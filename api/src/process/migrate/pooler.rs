//! Refuses a pooler that gives one client's server connection to another between transactions (PgBouncer's transaction
//! and statement modes): the advisory lock and SET ROLE would silently belong to somebody else.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::database;

const REFUSAL: &str = "a transaction pooler stands between this command and PostgreSQL: \
                       connect to the server itself, or to a pool in session mode";

/// How often the second connection tries to get the first one's server connection. One try finds an idle pool;
/// more find a busy one, where other clients take connections in between.
const ROUNDS: u32 = 3;

/// A direct connection answers at once. A session pool of one connection never gives the second one.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn refuse(client: &Client, config: &database::Address) -> Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let mark = format!("{}-{}", std::process::id(), now.as_nanos());
    // Simple queries only: some poolers cannot carry prepared statements, and would fail less clearly.
    client
        .simple_query(&format!("set capconduit.migrate_mark = '{mark}'"))
        .await?;
    let own = look(client).await.context(REFUSAL)?;
    if own.mark != mark {
        bail!(REFUSAL);
    }
    for _ in 0..ROUNDS {
        let (other, _driver) = tokio::time::timeout(PATIENCE, database::connect(config))
            .await
            .context("the server gives no second connection: connect without a pooler")??;
        tokio::time::timeout(PATIENCE, other.simple_query("begin"))
            .await
            .context("the server gives no second connection: connect without a pooler")?
            .context(REFUSAL)?;
        // While the second connection's transaction keeps its server connection, the first must still have its own.
        let others = look(&other).await.context(REFUSAL)?;
        let again = look(client).await.context(REFUSAL)?;
        other.simple_query("rollback").await?;
        if others.pid == own.pid || others.mark == mark || again != own {
            bail!(REFUSAL);
        }
    }
    Ok(())
}

#[derive(PartialEq)]
struct Seen {
    pid: String,
    mark: String,
}

async fn look(client: &Client) -> Result<Seen> {
    let answer = client
        .simple_query(
            "select pg_backend_pid(), coalesce(current_setting('capconduit.migrate_mark', true), '')",
        )
        .await?;
    for message in answer {
        if let SimpleQueryMessage::Row(row) = message {
            let text = |column| row.get(column).unwrap_or_default().to_owned();
            return Ok(Seen {
                pid: text(0),
                mark: text(1),
            });
        }
    }
    bail!("no answer to a simple query")
}
