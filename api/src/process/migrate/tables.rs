//! The tables step: the numbered migrations, each in its own transaction with its line of history, and the refusal of
//! a history that this command does not know.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use refinery::Target;
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

/// V0017 has calls counted by columns that the library of the release before does not write.
const WINDOWS: i32 = 17;

/// Transactions that were open when the extension was updated may go on with the functions of before, however long they wait.
const OLDER_TRANSACTIONS: &str = "\
    select a.pid, a.virtualxid, a.said
      from (select l.pid, l.virtualxid,
                   format('pid %s, %s, since %s', s.pid, coalesce(s.usename, 'nobody'), s.xact_start::timestamptz(0)) as said
              from pg_locks l
              join pg_stat_activity s on s.pid = l.pid
             where l.locktype = 'virtualxid' and l.granted and l.pid <> pg_backend_pid()
               and s.datname = current_database()
                and coalesce(s.backend_type, 'client backend') = 'client backend') a
     where $1::text[] is null or a.virtualxid = any ($1)";
const PAUSE: Duration = Duration::from_millis(200);

/// Until each transaction that is open now has ended: whoever begins after that has the functions of this release.
async fn outlast_older_transactions(client: &Client, wait: Duration) -> Result<()> {
    let began = Instant::now();
    let mut older: Option<Vec<String>> = None;
    let mut told = false;
    loop {
        let open = client.query(OLDER_TRANSACTIONS, &[&older]).await?;
        let Some(longest) = open.first() else {
            return Ok(());
        };
        let said: String = longest.get("said");
        if began.elapsed() > wait {
            bail!(
                "{} transaction(s) of before the extension's update are open still ({said}): the tables are as they were, \
                 calls go on; end them and run migrate again",
                open.len()
            );
        }
        if !told && began.elapsed() > Duration::from_secs(2) {
            println!(
                "waits       for {} transaction(s) that are open: {said}",
                open.len()
            );
            told = true;
        }
        older = Some(open.iter().map(|row| row.get("virtualxid")).collect());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Migrations that want an index of a table that may be too big to be locked as long as its build takes.
const INDEXES: [Index; 2] = [
    Index {
        version: 27,
        name: "call_logs_changed_xid_id_idx",
        on: "call_logs (changed_xid, id)",
        what: "records' changes",
    },
    Index {
        version: 33,
        name: "call_logs_overflowed_from_idx",
        on: "call_logs (overflowed_from) where overflowed_from is not null",
        what: "calls that overflowed",
    },
];

struct Index {
    version: i32,
    name: &'static str,
    on: &'static str,
    what: &'static str,
}

impl Index {
    /// Calls go on meanwhile. Each transaction that is open is waited for, so long at most.
    async fn build(&self, client: &Client, wait: Duration) -> Result<()> {
        let Index { name, on, what, .. } = self;
        let patience = format!("set lock_timeout = '{}s'", wait.as_secs());
        client.batch_execute(&patience).await?;
        let is_broken_off = "select exists (select from pg_index where indexrelid = to_regclass('capconduit.' || $1) and not indisvalid)";
        if client.query_one(is_broken_off, &[name]).await?.get(0) {
            let sql = format!("drop index concurrently if exists capconduit.{name}");
            client.batch_execute(&sql).await?;
        }
        let sql = format!("create index concurrently if not exists {name} on capconduit.{on}");
        client
            .batch_execute(&sql)
            .await
            .with_context(|| format!("the index of {what} was not finished: calls go on; run migrate again"))
    }
}

pub(super) async fn apply(client: &mut Client, wait: Duration) -> Result<String> {
    let past = history(client).await?;
    let lacks = |version| !past.is_empty() && !past.iter().any(|line| line.version == version);
    if lacks(WINDOWS) {
        outlast_older_transactions(client, wait).await?;
    }
    let mut applied = Vec::new();
    for index in INDEXES.iter().filter(|index| lacks(index.version)) {
        applied.extend(run(client, Target::Version(index.version - 1)).await?);
        index.build(client, wait).await?;
    }
    applied.extend(run(client, Target::Latest).await?);
    Ok(if applied.is_empty() {
        UP_TO_DATE.to_owned()
    } else {
        applied.join(", ")
    })
}

/// What is missing up to there.
async fn run(client: &mut Client, target: Target) -> Result<Vec<String>> {
    retry::while_locked(client, async |client| {
        // At each try: the one before may have got as far as V0014, which takes them away for good.
        let is_before_copies = !history(client).await?.iter().any(|line| line.version == COPIES);
        if is_before_copies && !has_functions_of_copies(client).await? {
            client.batch_execute(FUNCTIONS_OF_COPIES).await?;
        }
        let done = migrations().set_target(target).run_async(client).await?;
        let names = done.applied_migrations().iter().map(ToString::to_string);
        Ok(names.collect())
    })
    .await
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
