//! Checks of the server, the database and the login: what must be so before a service starts.

use anyhow::Result;
use tokio_postgres::Client;

use super::report::{Finding, Fine, Warning, Wrong};
use super::sql;
use crate::app::settings::Settings;
use crate::database::Address;
use crate::process::migrate;
use crate::release::{self, POSTGRESQL, VERSION};

pub async fn encryption(client: &Client, address: &Address) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::ENCRYPTION, &[]).await?;
    let local: bool = row.get("is_local");
    Ok(match row.get::<_, Option<String>>("encryption") {
        Some(version) => Fine(version),
        None if local => Fine("none: the server is on this machine".into()),
        None => Warning(format!(
            "none, to another machine (sslmode {:?}): use sslmode=verify-full with sslrootcert",
            address.get_ssl_mode()
        )),
    })
}

pub async fn server(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::SERVER, &[]).await?;
    let (version, encoding): (i32, &str) = (row.get("version"), row.get("encoding"));
    let standby: bool = row.get("is_standby");
    Ok(match version / 10_000 {
        _ if encoding != "UTF8" => Wrong(format!("the database's encoding is {encoding}: UTF8 is needed")),
        _ if standby => Wrong("a standby: connect to the primary".into()),
        major if POSTGRESQL.contains(&major) => Fine(format!("PostgreSQL {major}, UTF8, primary")),
        major => Wrong(format!(
            "PostgreSQL {major}: {} to {} are supported",
            POSTGRESQL.start(),
            POSTGRESQL.end()
        )),
    })
}

pub async fn durability(client: &Client) -> Result<Finding, tokio_postgres::Error> {
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

pub async fn versions(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::VERSIONS, &[]).await?;
    let schema: Option<i32> = row.get("schema_version");
    let extension: Option<String> = row.get("extversion");
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

pub async fn login(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::LOGIN, &[]).await?;
    let name: String = row.get("name");
    let missing: Vec<String> = row.get("roles_missing");
    Ok(if row.get("is_superuser") {
        Wrong(format!(
            "{name} is a superuser: row level security would not bind the service; use capconduit_api"
        ))
    } else if !missing.is_empty() {
        Wrong(format!(
            "{name} may not become {}: use capconduit_api, or run `capconduit migrate`",
            missing.join(", ")
        ))
    } else if row.get("reads_without_role") {
        Warning(format!(
            "{name} reads tables without taking on a role first: use capconduit_api"
        ))
    } else {
        Fine(format!("{name} may only do what a request's role may"))
    })
}

pub async fn limits(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::LIMITS, &[]).await?;
    let unset: Vec<String> = row.get("unset");
    let search_path: String = row.get("search_path");
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

pub async fn functions(client: &Client) -> Result<Finding, tokio_postgres::Error> {
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
pub async fn large_objects(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    Ok(match migrate::large_objects::closing(client).await? {
        None => Fine("PUBLIC may make none".into()),
        Some(closing) => Warning(format!(
            "every login may make them: as a superuser, in this database, run `{}`",
            closing.statement
        )),
    })
}

pub async fn connections(
    client: &Client,
    settings: Option<&Settings>,
) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::CONNECTIONS, &[]).await?;
    let (free, limit): (i64, i32) = (row.get("free"), row.get("connection_limit"));
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
