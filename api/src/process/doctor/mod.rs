//! `capconduit doctor`: checks what a deployment of the service needs, with the service's own settings, and says how to
//! mend what is wrong. It changes nothing.

mod sql;

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use futures_util::StreamExt;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{AsyncMessage, Client};

use crate::app::settings::Settings;
use crate::database::{self, Address};
use crate::process::migrate::large_objects;
use crate::process::serve;
use crate::release::{self, VERSION};

/// What a check found: fine, worth a look, or wrong; each with a text.
enum Finding {
    Fine(String),
    Warning(String),
    Wrong(String),
}

use Finding::{Fine, Warning, Wrong};

#[derive(Debug, Default)]
struct Report {
    warnings: u32,
    wrong: u32,
}

impl Report {
    fn add(&mut self, name: &str, finding: Finding) {
        let (mark, text) = match finding {
            Fine(text) => ("ok  ", text),
            Warning(text) => {
                self.warnings += 1;
                ("warn", text)
            }
            Wrong(text) => {
                self.wrong += 1;
                ("FAIL", text)
            }
        };
        println!("{mark}  {name:<14} {text}");
    }

    /// A check that could not be made is wrong, too.
    fn add_result(&mut self, name: &str, result: Result<Finding, tokio_postgres::Error>) {
        let finding = result.unwrap_or_else(|error| {
            let text = error
                .as_db_error()
                .map_or_else(|| error.to_string(), |db| db.message().to_owned());
            Wrong(format!("cannot be checked: {text}"))
        });
        self.add(name, finding);
    }
}

pub async fn run(args: serve::Args) -> Result<ExitCode> {
    let mut report = Report::default();
    let settings = match args.settings() {
        Ok(settings) => {
            report.add("settings", Fine("complete".into()));
            report.add("tls", cookies(&settings));
            Some(settings)
        }
        Err(error) => {
            report.add("settings", Wrong(format!("{error:#}")));
            None
        }
    };
    match args.database.config() {
        Ok(address) => check_database(&mut report, &address, settings.as_ref()).await,
        Err(error) => report.add("database", Wrong(format!("{error:#}"))),
    }
    println!("{} wrong, {} to look at", report.wrong, report.warnings);
    Ok(if report.wrong > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn cookies(settings: &Settings) -> Finding {
    let loopback = settings.listen.starts_with("127.") || settings.listen.starts_with("[::1]");
    match (settings.secure_cookies, loopback) {
        (false, _) => {
            Warning("--without-tls: session cookies travel in clear text; for trying it out only".into())
        }
        (true, false) => Warning(format!(
            "{} is no loopback address: is a proxy with TLS in front?",
            settings.listen
        )),
        (true, true) => Fine("cookies are Secure, the service listens on loopback".into()),
    }
}

async fn check_database(report: &mut Report, address: &Address, settings: Option<&Settings>) {
    let (client, warnings) = match tokio::time::timeout(Duration::from_secs(10), connect(address)).await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return report.add("database", Wrong(format!("{error:#}"))),
        Err(_) => return report.add("database", Wrong("does not answer within 10 seconds".into())),
    };
    report.add("database", Fine(database::describe(address)));
    report.add_result("encryption", encryption(&client, address).await);
    report.add_result("server", server(&client).await);
    report.add_result("durability", durability(&client).await);
    report.add_result("versions", versions(&client).await);
    report.add_result("login", login(&client).await);
    report.add_result("limits", limits(&client).await);
    report.add_result("functions", functions(&client).await);
    report.add_result("large objects", large_objects(&client).await);
    report.add_result("connections", connections(&client, settings).await);
    report.add_result("clock", clock(&client).await);
    report.add_result("old snapshots", old_snapshots(&client).await);
    report.add_result(
        "admins",
        as_role(&client, "capconduit_staff", admins(&client)).await,
    );
    report.add_result(
        "counters",
        as_role(&client, "capconduit_internal", counters(&client)).await,
    );
    report.add_result(
        "tables",
        as_role(&client, "capconduit_internal", tables(&client)).await,
    );
    report.add_result(
        "leases",
        as_role(&client, "capconduit_internal", leases(&client)).await,
    );
    report.add_result(
        "nodes",
        as_role(&client, "capconduit_internal", nodes(&client)).await,
    );
    // Last: by now the session has loaded the extension's library, which takes away what it does not know.
    report.add_result("extension", extension_settings(&client, &warnings).await);
}

/// A connection, and what the server warns of on it.
async fn connect(address: &Address) -> Result<(Client, mpsc::Receiver<DbError>)> {
    let (client, mut connection) = address
        .open()
        .await
        .with_context(|| database::cannot_connect(address))?;
    let (told, warnings) = mpsc::channel();
    tokio::spawn(async move {
        let mut messages = futures_util::stream::poll_fn(|context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(warning) = message {
                // Nobody listens when the checks are over.
                let _ = told.send(warning);
            }
        }
    });
    Ok((client, warnings))
}

/// A check as one of the roles that the service takes on, in a transaction that is rolled back.
async fn as_role(
    client: &Client,
    role: &'static str,
    check: impl Future<Output = Result<Finding, tokio_postgres::Error>>,
) -> Result<Finding, tokio_postgres::Error> {
    client
        .batch_execute(&format!("begin read only; set local role {role}"))
        .await?;
    let result = check.await;
    client.batch_execute("rollback").await?;
    result
}

async fn encryption(client: &Client, address: &Address) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::ENCRYPTION, &[]).await?;
    let local: bool = row.get(1);
    Ok(match row.get::<_, Option<String>>(0) {
        Some(version) => Fine(version),
        None if local => Fine("none: the server is on this machine".into()),
        None => Warning(format!(
            "none, to another machine (sslmode {:?}): use sslmode=verify-full with sslrootcert",
            address.get_ssl_mode()
        )),
    })
}

async fn server(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::SERVER, &[]).await?;
    let (version, encoding, standby): (i32, &str, bool) = (row.get(0), row.get(1), row.get(2));
    Ok(match version / 10_000 {
        _ if encoding != "UTF8" => Wrong(format!("the database's encoding is {encoding}: UTF8 is needed")),
        _ if standby => Wrong("a standby: connect to the primary".into()),
        major @ 15..=18 => Fine(format!("PostgreSQL {major}, UTF8, primary")),
        major => Wrong(format!("PostgreSQL {major}: 15 to 18 are supported")),
    })
}

async fn durability(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let off: Vec<String> = client
        .query(sql::UNSAFE_SETTINGS, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    Ok(if off.is_empty() {
        Fine("fsync, full_page_writes, synchronous_commit and autovacuum are on".into())
    } else {
        Wrong(format!(
            "off: {}; a crash can lose records, or tables grow without bound",
            off.join(", ")
        ))
    })
}

async fn versions(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::VERSIONS, &[]).await?;
    let schema: Option<i32> = row.get(0);
    let extension: Option<String> = row.get(1);
    let fits = schema == Some(release::schema_version()) && extension.as_deref() == Some(VERSION);
    let text = format!(
        "schema {}, extension {}",
        schema.unwrap_or(0),
        extension.as_deref().unwrap_or("missing")
    );
    Ok(if fits {
        Fine(text)
    } else {
        Wrong(format!(
            "{text}; needed are {} and {VERSION}: run `capconduit migrate`",
            release::schema_version()
        ))
    })
}

async fn login(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::LOGIN, &[]).await?;
    let name: String = row.get(0);
    let missing: Vec<String> = row.get(3);
    Ok(if row.get(1) {
        Wrong(format!(
            "{name} is a superuser: row level security would not bind the service; use capconduit_api"
        ))
    } else if !missing.is_empty() {
        Wrong(format!(
            "{name} may not become {}: use capconduit_api, or run `capconduit migrate`",
            missing.join(", ")
        ))
    } else if row.get(2) {
        Warning(format!(
            "{name} reads tables without taking on a role first: use capconduit_api"
        ))
    } else {
        Fine(format!("{name} may only do what a request's role may"))
    })
}

async fn limits(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::LIMITS, &[]).await?;
    let unset: Vec<String> = row.get(0);
    let search_path: String = row.get(1);
    Ok(if !unset.is_empty() {
        Wrong(format!(
            "no {}: a stuck statement would hold its locks; run `capconduit migrate`",
            unset.join(", ")
        ))
    } else if !search_path.contains("capconduit") {
        Wrong(format!("search_path is {search_path}: run `capconduit migrate`"))
    } else {
        Fine("timeouts and search_path are set for this login".into())
    })
}

async fn functions(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let wrong: Vec<String> = client
        .query(sql::WRONG_FUNCTIONS, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    Ok(if wrong.is_empty() {
        Fine("owned by capconduit_owner, search_path pinned, closed to PUBLIC".into())
    } else {
        Wrong(format!(
            "owner, search_path or rights are not as designed: {}; run `capconduit migrate --force`",
            wrong.join(", ")
        ))
    })
}

/// Who may log in may fill the disk with them, where migrate had no superuser's power to prevent it.
async fn large_objects(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    Ok(match large_objects::closing(client).await? {
        None => Fine("PUBLIC may make none".into()),
        Some(closing) => Warning(format!(
            "every login may make them: as a superuser, in this database, run `{}`",
            closing.statement
        )),
    })
}

async fn connections(client: &Client, settings: Option<&Settings>) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::CONNECTIONS, &[]).await?;
    let (free, limit): (i64, i32) = (row.get(0), row.get(1));
    let wanted = settings.map_or(16, |settings| settings.pool_size as i64);
    Ok(if limit >= 0 && i64::from(limit) < wanted {
        Wrong(format!(
            "the pool wants {wanted}, this login may have {limit}: lower --pool-size or raise the limit"
        ))
    } else if free < wanted {
        Warning(format!(
            "the pool wants {wanted}, the server has {free} free: raise max_connections"
        ))
    } else {
        Fine(format!("{free} free, the pool wants {wanted}"))
    })
}

async fn clock(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let server: f64 = client.query_one(sql::CLOCK, &[]).await?.get(0);
    let here = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    let apart = (here - server).abs();
    Ok(if apart < 2.0 {
        Fine("this machine and the server agree".into())
    } else {
        Warning(format!(
            "this machine and the server differ by {apart:.1} s: use NTP on both"
        ))
    })
}

async fn old_snapshots(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let age: i64 = client.query_one(sql::OLDEST_XMIN, &[]).await?.get(0);
    Ok(if age < 1_000_000 {
        Fine(format!("the oldest is {age} transactions old"))
    } else {
        Warning(format!(
            "one is {age} transactions old: a forgotten transaction, standby or replication slot slows calls"
        ))
    })
}

async fn admins(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let count: i64 = client.query_one(sql::ADMINS, &[]).await?.get(0);
    Ok(if count > 0 {
        Fine(format!("{count} active"))
    } else {
        Wrong("nobody can let others in: run `capconduit user create-admin`".into())
    })
}

async fn counters(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let wrong: i64 = client.query_one(sql::WRONG_COUNTERS, &[]).await?.get(0);
    Ok(if wrong == 0 {
        Fine("every counter equals the rows behind it".into())
    } else {
        Wrong(format!(
            "{wrong} differ: somebody edited by hand; run `select * from reconcile_counters()` as capconduit_admin"
        ))
    })
}

async fn tables(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let rows = client.query(sql::TABLES_NOT_DIRECT, &[]).await?;
    let list = |access: &str| -> Vec<String> {
        let of = rows.iter().filter(|row| row.get::<_, &str>(0) == access);
        of.map(|row| row.get(1)).collect()
    };
    let (refused, dearer) = (list("refused"), list("statement"));
    Ok(if !refused.is_empty() {
        Wrong(format!("calls are refused: {}", refused.join("; ")))
    } else if !dearer.is_empty() {
        Warning(format!("calls cost more than they need: {}", dearer.join("; ")))
    } else {
        Fine("calls reach every table directly".into())
    })
}

/// Settings that the library has taken away, in this session; and those that logins of others have.
async fn extension_settings(
    client: &Client,
    warnings: &mpsc::Receiver<DbError>,
) -> Result<Finding, tokio_postgres::Error> {
    let mut unknown: Vec<String> = client
        .query(sql::UNKNOWN_SETTINGS, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    let removed = warnings
        .try_iter()
        .filter(|warning| *warning.code() == SqlState::INVALID_NAME);
    for warning in removed {
        // The words around it are in the server's language.
        let name = warning.message().split_once("capconduit.");
        let name = name.and_then(|(_, rest)| rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next());
        if let Some(name) = name.map(|name| format!("capconduit.{name}"))
            && !unknown.iter().any(|known| known.starts_with(&format!("{name} ")))
        {
            unknown.push(format!("{name} (the server's configuration, or the address)"));
        }
    }
    Ok(if unknown.is_empty() {
        Fine("no setting capconduit.* without a meaning".into())
    } else {
        Warning(format!(
            "settings that the extension does not have, and that change nothing: {}",
            unknown.join(", ")
        ))
    })
}

async fn leases(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let expired: i64 = client.query_one(sql::EXPIRED_LEASES, &[]).await?.get(0);
    Ok(if expired == 0 {
        Fine("no call is held beyond its lease".into())
    } else {
        Warning(format!(
            "{expired} calls are beyond their lease: is `capconduit serve` or a node agent running?"
        ))
    })
}

async fn nodes(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let silent: Vec<String> = client
        .query(sql::SILENT_NODES, &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    Ok(if silent.is_empty() {
        Fine("no node with calls in flight is silent".into())
    } else {
        Warning(format!(
            "silent for two minutes with calls in flight: {}; the slots return when it speaks, when other nodes have been heard \
             for long enough, with their leases, or by `select * from release_node('{}', 'why')` as capconduit_admin",
            silent.join(", "),
            silent[0]
        ))
    })
}
