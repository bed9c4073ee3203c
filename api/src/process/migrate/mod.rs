//! `capconduit migrate`: roles → schemas and extension → tables → rights. Each step asks the database what is
//! missing and does only that, so a second run changes nothing; every refusal comes before the first change.

mod change;
pub mod large_objects;
pub mod lock;
mod owner;
mod pooler;
pub mod preflight;
mod retry;
mod rights;
pub mod roles;
mod schemas;
pub mod tables;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::database::{self, Address, DatabaseArgs, Driver};
use change::UP_TO_DATE;
pub use change::identifier;
pub use retry::sql_state;
use roles::Passwords;

/// The exit code of `--check` when a migrate would change something.
const PENDING: u8 = 3;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Change nothing: print what would be done. Exit code 0: up to date, 3: there is something to do.
    #[arg(long)]
    check: bool,
    /// Apply views, policies, grants and comments even when nothing changed since they were applied.
    #[arg(long)]
    force: bool,
    /// How long to wait for another migrate on the same database, and for transactions that the last version's functions serve still,
    /// in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
}

/// No limit of the login's own: a statement takes as long as it must, and bounds its waits for locks itself. But when
/// this process is stopped, or its machine is gone, the server must not wait for it with every table locked. Too low: a
/// slow network's answer ends a good run. Too high: calls wait that long. Outside a transaction, what is kept is the
/// lock that keeps other runs away.
const SESSION: &str = "\
    set statement_timeout = 0; set idle_in_transaction_session_timeout = '10s';
    set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3;
    set tcp_user_timeout = '20s'; set client_connection_check_interval = '10s'";

pub async fn run(args: Args) -> Result<ExitCode> {
    let mut config = args.database.config()?;
    config.application_name("capconduit migrate");
    let passwords = Passwords::from_env()?;
    let (mut client, driver) = database::connect(&config).await?;
    let result = migrate(&args, &config, &passwords, &mut client).await;
    if result.is_err() && client.is_closed() {
        return result.context(last_words(driver).await);
    }
    result
}

/// Why the server ended a connection: where it was idle, no statement is there to be told.
async fn last_words(driver: Driver) -> String {
    let said = match driver.await {
        Ok(Err(error)) => error.as_db_error().map(|db| format!(" ({})", db.message())),
        _ => None,
    };
    format!(
        "the connection was lost{}: what was finished stays, run migrate again",
        said.unwrap_or_default()
    )
}

async fn migrate(
    args: &Args,
    config: &Address,
    passwords: &Passwords,
    client: &mut Client,
) -> Result<ExitCode> {
    let started = Instant::now();
    println!("database    {}", database::describe(config));
    pooler::refuse(client, config).await?;
    preflight::check(client).await?;
    client.batch_execute(SESSION).await?;

    let changed = if args.check {
        check(client, passwords, args.force).await?
    } else {
        let wait = Duration::from_secs(args.wait);
        lock::acquire(client, wait).await?;
        apply(client, passwords, args.force, wait).await?;
        false
    };
    println!("finished    in {} ms", started.elapsed().as_millis());
    Ok(if changed {
        ExitCode::from(PENDING)
    } else {
        ExitCode::SUCCESS
    })
}

async fn apply(client: &mut Client, passwords: &Passwords, force: bool, wait: Duration) -> Result<()> {
    preflight::refuse_foreign_state(client).await?;
    if owner::may_become(client).await? {
        // Before the first change, where the login can see that far already.
        owner::become_owner(client).await?;
        tables::refuse_unknown_history(client).await?;
    }
    step("roles", roles::apply(client, passwords)).await?;
    step("database", schemas::apply(client)).await?;
    owner::become_owner(client).await?;
    tables::refuse_unknown_history(client).await?;
    step("tables", tables::apply(client, wait)).await?;
    step("rights", rights::apply(client, force)).await?;
    Ok(())
}

async fn step(name: &str, work: impl Future<Output = Result<String>>) -> Result<()> {
    let started = Instant::now();
    let said = work.await.with_context(|| format!("step {name}"))?;
    println!("{name:<12}{said} ({} ms)", started.elapsed().as_millis());
    Ok(())
}

/// The same questions as `apply`, without the changes.
async fn check(client: &mut Client, passwords: &Passwords, force: bool) -> Result<bool> {
    preflight::refuse_foreign_state(client).await?;
    let mut changes = roles::plan(client, passwords).await?;
    changes.extend(schemas::plan(client).await?);
    let mut pending: Vec<String> = changes
        .iter()
        .filter(|change| !change.is_role_switch())
        .map(|change| change.shown().to_owned())
        .collect();
    if owner::may_become(client).await? {
        owner::become_owner(client).await?;
        tables::refuse_unknown_history(client).await?;
    }
    pending.extend(tables::pending(client).await?);
    pending.extend(rights::pending(client, force).await?);
    for line in &pending {
        println!("would       {line}");
    }
    if pending.is_empty() {
        println!("{UP_TO_DATE}");
    }
    Ok(!pending.is_empty())
}
