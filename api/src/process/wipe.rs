//! `capconduit wipe`: drops what migrate made in one database, after saying what that is and hearing the database's
//! name. One transaction: all of it goes or none.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::database::{self, DatabaseArgs};
use crate::process::migrate::roles::ROLES;
use crate::process::migrate::{identifier, lock, preflight};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The database's name, as a confirmation. Without it the name is asked for at the terminal.
    #[arg(long, value_name = "NAME")]
    database_name: Option<String>,
    /// Drop the platform's roles too, unless another database uses them.
    #[arg(long)]
    roles: bool,
    /// Wipe even with calls in flight: they lose their records.
    #[arg(long)]
    force: bool,
}

pub async fn run(args: Args) -> Result<ExitCode> {
    let mut config = args.database.config()?;
    config.application_name("capconduit wipe");
    let (mut client, _driver) = database::connect(&config).await?;
    preflight::check(&client).await?;
    let found = Found::read(&client).await?;
    found.describe();
    if found.schemas.is_empty() && !args.roles {
        println!("nothing to wipe");
        return Ok(ExitCode::SUCCESS);
    }
    if args.roles {
        println!("drops       the platform's roles, unless another database uses them");
    }
    confirm(&found.database, args.database_name.as_deref())?;
    lock::acquire(&client, std::time::Duration::ZERO).await?;

    if !found.schemas.is_empty() {
        let transaction = client.transaction().await?;
        drop_all(&transaction, &found, args.force).await?;
        transaction.commit().await?;
        println!(
            "wiped       database {}; PUBLIC's right to connect stays revoked",
            found.database
        );
    }
    if args.roles {
        drop_roles(&client).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands in the database.
struct Found {
    database: String,
    schemas: Vec<String>,
    rows: Vec<(&'static str, i64)>,
    /// Views and foreign keys of others that hang on our tables, and would go with them.
    dependents: Vec<String>,
}

impl Found {
    async fn read(client: &Client) -> Result<Self> {
        let row = client
            .query_one(
                "select current_database()::text as name,
                        array(select nspname::text from pg_namespace where nspname in ('asterisk', 'capconduit')
                               order by 1) as schemas",
                &[],
            )
            .await?;
        let (database, schemas): (String, Vec<String>) = (row.get("name"), row.get("schemas"));
        let mut rows = Vec::new();
        for (label, table) in [
            ("users", "users"),
            ("call logs", "call_logs"),
            ("calls in flight", "live_calls"),
        ] {
            let name = format!("capconduit.{table}");
            if client
                .query_one("select to_regclass($1) is not null", &[&name])
                .await?
                .get(0)
            {
                let count = client
                    .query_one(&format!("select count(*) from {name}"), &[])
                    .await;
                rows.push((
                    label,
                    count
                        .context("this login may not read the platform's tables")?
                        .get(0),
                ));
            }
        }
        let dependents = client
            .query(
                "select distinct 'view ' || v.oid::regclass::text
                   from pg_depend d join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                   join pg_class v on v.oid = r.ev_class
                   join pg_class t on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
                  where t.relnamespace in (to_regnamespace('capconduit'), to_regnamespace('asterisk'))
                    and v.relnamespace not in (to_regnamespace('capconduit'), to_regnamespace('asterisk'))
                 union all
                 select 'foreign key ' || c.conname || ' of ' || c.conrelid::regclass::text
                   from pg_constraint c join pg_class t on t.oid = c.confrelid
                  where t.relnamespace = to_regnamespace('capconduit')
                    and c.connamespace <> to_regnamespace('capconduit')",
                &[],
            )
            .await?;
        Ok(Self {
            database,
            schemas,
            rows,
            dependents: dependents.iter().map(|row| row.get(0)).collect(),
        })
    }

    fn describe(&self) {
        println!("database    {}", self.database);
        for schema in &self.schemas {
            println!("drops       schema {schema} with everything in it");
        }
        for (label, count) in &self.rows {
            println!("drops       {count} {label}");
        }
        for dependent in &self.dependents {
            println!("drops       {dependent}, which hangs on these tables");
        }
        if !self.schemas.is_empty() {
            println!("drops       the roles' settings for this database and their rights to it");
        }
    }
}

fn confirm(database: &str, given: Option<&str>) -> Result<()> {
    let typed = match given {
        Some(name) => name.to_owned(),
        None if std::io::stdin().is_terminal() => {
            print!("Type the database's name to go on: ");
            std::io::stdout().flush()?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => bail!("nothing was dropped: confirm with --database-name {database}"),
    };
    if typed != database {
        bail!("nothing was dropped: the name given is not this database's");
    }
    Ok(())
}

async fn drop_all(transaction: &Transaction<'_>, found: &Found, force: bool) -> Result<()> {
    // A busy table refuses the wipe instead of holding up every call behind it.
    transaction.batch_execute("set local lock_timeout = '5s'").await?;
    if found.rows.iter().any(|(label, _)| *label == "calls in flight") {
        transaction
            .batch_execute("lock table capconduit.live_calls in access exclusive mode")
            .await
            .context("the platform is in use: stop the switches and the service first")?;
        let calls: i64 = transaction
            .query_one("select count(*) from capconduit.live_calls", &[])
            .await?
            .get(0);
        if calls > 0 && !force {
            bail!("nothing was dropped: {calls} calls are in flight; let them end, or use --force");
        }
    }
    for schema in &found.schemas {
        transaction
            .batch_execute(&format!("drop schema {schema} cascade"))
            .await
            .with_context(|| {
                format!(
                    "nothing was dropped: schema {schema} needs its owner or a superuser, and no one using it"
                )
            })?;
    }
    forget_roles(transaction, &found.database).await.context(
        "nothing was dropped: run wipe as a superuser, or as the database's owner with CREATEROLE, who may change roles",
    )
}

/// Takes the roles' settings and rights away from this database.
async fn forget_roles(transaction: &Transaction<'_>, database: &str) -> Result<()> {
    // capconduit_admin logs in as the owner; roles are the login's own business.
    transaction.batch_execute("set local role none").await?;
    let database = identifier(database);
    let rows = transaction
        .query(
            "select rolname::text from pg_roles where rolname like 'capconduit\\_%'",
            &[],
        )
        .await?;
    let present: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for role in ROLES
        .iter()
        .filter(|role| present.iter().any(|name| name == role.name))
    {
        transaction
            .batch_execute(&format!(
                "alter role {0} in database {database} reset all; revoke all on database {database} from {0}",
                role.name
            ))
            .await?;
    }
    Ok(())
}

/// All of them or none: a role that another database uses keeps the others, which belong to it.
async fn drop_roles(client: &Client) -> Result<()> {
    let names: Vec<&str> = ROLES.iter().map(|role| role.name).collect();
    match client
        .batch_execute(&format!("drop role if exists {}", names.join(", ")))
        .await
    {
        Ok(()) => println!("dropped     the platform's roles"),
        Err(error) if error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => {
            let detail = error
                .as_db_error()
                .and_then(|cause| cause.detail())
                .unwrap_or_default()
                .replace('\n', "; ");
            println!("kept        the platform's roles, which are still in use: {detail}");
        }
        Err(error) => return Err(error).context("the roles stay"),
    }
    Ok(())
}
