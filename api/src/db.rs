//! How every subcommand reaches the database: where the address and the password come from, and one way to connect.
//! A password never comes from an argument (process lists show arguments) and is never printed.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use crate::tls::Tls;

/// Options shared by every subcommand that connects.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseArgs {
    /// Where the database is: postgres://user@host:port/database. Default: the variable DATABASE_URL.
    ///
    /// Put the password into DATABASE_URL or PGPASSWORD: arguments are visible to every user of the machine.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

impl DatabaseArgs {
    /// The address to connect to, from the argument or the environment, checked.
    pub fn config(&self) -> Result<Config> {
        let mut config = match &self.database_url {
            Some(url) => {
                let config = parse(url, "--database-url")?;
                if config.get_password().is_some() {
                    bail!(
                        "--database-url holds a password, which process lists show: use DATABASE_URL or PGPASSWORD"
                    );
                }
                config
            }
            None => match std::env::var("DATABASE_URL") {
                Ok(url) => parse(&url, "DATABASE_URL")?,
                Err(_) => bail!("no database given: set DATABASE_URL or use --database-url"),
            },
        };
        if config.get_password().is_none()
            && let Ok(password) = std::env::var("PGPASSWORD")
        {
            config.password(password);
        }
        Ok(config)
    }

    /// The address, and how the connection is to be encrypted.
    pub fn config_and_tls(&self) -> Result<(Config, Tls)> {
        Ok((self.config()?, tokio_postgres::NoTls))
    }
}

fn parse(url: &str, source: &str) -> Result<Config> {
    // The parser's own message names the part that is wrong, not the address with its password.
    let mut config: Config = url
        .parse()
        .with_context(|| format!("{source} is not a PostgreSQL address"))?;
    if config.get_hosts().is_empty() {
        bail!("{source} names no host");
    }
    if config.get_connect_timeout().is_none() {
        // Too low: a busy server looks dead. Too high: a dead host keeps an operator waiting.
        config.connect_timeout(Duration::from_secs(10));
    }
    Ok(config)
}

/// Connects. The task that drives the connection ends when the client is dropped.
pub async fn connect(config: &Config) -> Result<(Client, JoinHandle<()>)> {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .with_context(|| format!("cannot connect to {}", describe(config)))?;
    let driver = tokio::spawn(async move {
        // A broken connection fails the query that was waiting for it; there is nothing to add here.
        let _ = connection.await;
    });
    Ok((client, driver))
}

/// `user@host:port/database`, for messages: never the password.
pub fn describe(config: &Config) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let user = config.get_user().unwrap_or("(default user)");
    let name = config.get_dbname().unwrap_or(user);
    format!("{user}@{}:{port}/{name}", hosts.join(","))
}
