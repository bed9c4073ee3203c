//! The tables step: the numbered migrations, each in its own transaction with its line of history, and the refusal of
//! a history that this command does not know.

use anyhow::{Result, bail};
use tokio_postgres::Client;

use super::change::UP_TO_DATE;
use super::retry;
use crate::release::{HISTORY, migrations, schema_version};

/// V0002 makes triggers of functions that the extension of a new database does not have any more.
const COPIES: i32 = 2;
const FUNCTIONS_OF_COPIES: &str = include_str!("../../../../migrations/functions_of_copies.sql");

async fn has_functions_of_copies(client: &Client) -> Result<bool> {
    let sql = "select to_regprocedure('capconduit.copy_for_decisions()') is not null";
    Ok(client.query_one(sql, &[]).await?.get(0))
}

pub(super) async fn apply(client: &mut Client) -> Result<String> {
    let names_functions_of_copies = !history(client).await?.iter().any(|line| line.version == COPIES);
    let applied = retry::while_locked(client, async |client| {
        if names_functions_of_copies && !has_functions_of_copies(client).await? {
            client.batch_execute(FUNCTIONS_OF_COPIES).await?;
        }
        Ok(migrations()
            .run_async(client)
            .await?
            .applied_migrations()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>())
    })
    .await?;
    Ok(if applied.is_empty() {
        UP_TO_DATE.to_owned()
    } else {
        applied.join(", ")
    })
}

pub(super) async fn pending(client: &Client) -> Result<Vec<String>> {
    let applied: Vec<i32> = history(client)
        .await?
        .into_iter()
        .map(|line| line.version)
        .collect();
    let mut names: Vec<_> = migrations().get_migrations().clone();
    names.sort();
    names.retain(|migration| !applied.contains(&migration.version()));
    Ok(names
        .iter()
        .map(|migration| format!("apply {migration}"))
        .collect())
}

/// A newer or a different past is not for this command to build on.
pub(super) async fn refuse_unknown_history(client: &Client) -> Result<()> {
    let runner = migrations();
    for line in history(client).await? {
        match runner
            .get_migrations()
            .iter()
            .find(|migration| migration.version() == line.version)
        {
            None if line.version > schema_version() => bail!(
                "the database is at schema version {}, this command knows {}: use a newer capconduit",
                line.version,
                schema_version()
            ),
            None => bail!(
                "the database has migration {} that this command does not know",
                line.version
            ),
            Some(known) if known.name() != line.name || known.checksum().to_string() != line.checksum => {
                bail!(
                    "migration {known} was changed after it had been applied here: \
                 use the capconduit that applied it, or restore the file"
                )
            }
            Some(_) => {}
        }
    }
    Ok(())
}

struct Line {
    version: i32,
    name: String,
    checksum: String,
}

async fn history(client: &Client) -> Result<Vec<Line>> {
    let exists: bool = client
        .query_one("select to_regclass($1) is not null", &[&HISTORY])
        .await?
        .get(0);
    if !exists {
        return Ok(Vec::new());
    }
    let rows = client
        .query(
            &format!("select version, name, checksum from {HISTORY} order by version"),
            &[],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| Line {
            version: row.get("version"),
            name: row.get("name"),
            checksum: row.get("checksum"),
        })
        .collect())
}
