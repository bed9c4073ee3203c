//! Checks of a platform at work: the clock, old snapshots, accounts, counters, tables, leases, nodes.

use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use tokio_postgres::Client;
use tokio_postgres::error::{DbError, SqlState};

use super::report::{Finding, Fine, Warning, Wrong};
use super::sql;
use crate::resources::platform::statements;

pub async fn clock(client: &Client) -> Result<Finding, tokio_postgres::Error> {
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

/// A clock that ran ahead has begun them: calls count in them until then.
pub async fn windows(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client.query_one(sql::FUTURE_WINDOWS, &[]).await?;
    let ahead: i64 = row.get("ahead");
    Ok(if ahead == 0 {
        Fine("none begins in the future".into())
    } else {
        Warning(format!(
            "{ahead} links, clients, numbers, campaigns or sellers have windows that begin in the future, the last at {}: a clock was ahead; \
             run `select * from mend_future_windows()` as capconduit_admin",
            row.get::<_, &str>("last")
        ))
    })
}

pub async fn old_snapshots(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let age: i64 = client.query_one(sql::OLDEST_XMIN, &[]).await?.get(0);
    Ok(if age < 1_000_000 {
        Fine(format!("the oldest is {age} transactions old"))
    } else {
        Warning(format!(
            "one is {age} transactions old: a forgotten transaction, standby or replication slot slows calls"
        ))
    })
}

pub async fn admins(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let count: i64 = client.query_one(sql::ADMINS, &[]).await?.get(0);
    Ok(if count > 0 {
        Fine(format!("{count} active"))
    } else {
        Wrong("nobody can let others in: run `capconduit user create-admin`".into())
    })
}

pub async fn counters(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let wrong: i64 = client.query_one(sql::WRONG_COUNTERS, &[]).await?.get(0);
    Ok(if wrong == 0 {
        Fine("every counter equals the rows behind it".into())
    } else {
        Wrong(format!(
            "{wrong} differ: somebody edited by hand; run `select * from reconcile_counters()` as capconduit_admin"
        ))
    })
}

pub async fn tables(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let rows = client.query(statements::TABLES_NOT_DIRECT, &[]).await?;
    let list = |access: &str| -> Vec<String> {
        let of = rows.iter().filter(|row| row.get::<_, &str>("access") == access);
        of.map(|row| row.get("told")).collect()
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
pub async fn extension_settings(
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

pub async fn leases(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let expired: i64 = client
        .query_one(statements::EXPIRED_LEASES, &[])
        .await?
        .get("count");
    Ok(if expired == 0 {
        Fine("no call is held beyond its lease".into())
    } else {
        Warning(format!(
            "{expired} calls are beyond their lease: is `capconduit serve` or a node agent running?"
        ))
    })
}

pub async fn nodes(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let silent: Vec<String> = client
        .query(statements::SILENT_NODES, &[])
        .await?
        .iter()
        .filter(|row| row.get::<_, i64>("slots_held") > 0)
        .map(|row| row.get("name"))
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
