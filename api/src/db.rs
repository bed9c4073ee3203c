//! How every subcommand reaches the database: where the address and the password come from, and one way to connect.
//! A password never comes from an argument (process lists show arguments) and is never printed.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};

use crate::tls::{self, Tls};

/// Options shared by every subcommand that connects.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseArgs {
    /// Where the database is: postgres://user@host:port/database. Default: the variable DATABASE_URL.
    ///
    /// Put the password into DATABASE_URL or PGPASSWORD: arguments are visible to every user of the machine.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// A database's address, and how the connection to it is encrypted.
#[derive(Debug, Clone)]
pub struct Address {
    pub config: Config,
    pub tls: Tls,
}

/// A server that does not answer a service by then is treated as down.
pub const SERVICE_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl Address {
    /// For a process that runs for ever: whatever becomes of the network, it finds out in bounded time.
    pub fn for_service(&self, name: &str) -> Address {
        let mut address = self.clone();
        address.connect_timeout(SERVICE_CONNECT_TIMEOUT);
        // A peer that vanished without a word is noticed, whatever a statement is waiting for.
        address.tcp_user_timeout(Duration::from_secs(10));
        address.keepalives_idle(Duration::from_secs(30));
        address.application_name(name);
        address
    }
}

impl Deref for Address {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.config
    }
}

impl DerefMut for Address {
    fn deref_mut(&mut self) -> &mut Config {
        &mut self.config
    }
}

impl DatabaseArgs {
    /// The address to connect to, from the argument or the environment, checked.
    pub fn config(&self) -> Result<Address> {
        let mut address = match &self.database_url {
            Some(url) => {
                let address = parse(url, "--database-url")?;
                if address.get_password().is_some() {
                    bail!(
                        "--database-url holds a password, which process lists show: use DATABASE_URL or PGPASSWORD"
                    );
                }
                address
            }
            None => match std::env::var("DATABASE_URL") {
                Ok(url) => parse(&url, "DATABASE_URL")?,
                Err(_) => bail!("no database given: set DATABASE_URL or use --database-url"),
            },
        };
        if address.get_password().is_none()
            && let Ok(password) = std::env::var("PGPASSWORD")
        {
            address.password(password);
        }
        Ok(address)
    }
}

fn parse(url: &str, source: &str) -> Result<Address> {
    let (rest, mut encryption) = take_encryption(url);
    // The parser's own message names the part that is wrong, not the address with its password.
    let mut config: Config = rest
        .parse()
        .with_context(|| format!("{source} is not a PostgreSQL address"))?;
    if config.get_hosts().is_empty() {
        bail!("{source} names no host");
    }
    if config.get_connect_timeout().is_none() {
        // Too low: a busy server looks dead. Too high: a dead host keeps an operator waiting.
        config.connect_timeout(Duration::from_secs(10));
    }
    if encryption.mode.is_none() && !url.contains("://") {
        encryption.mode = match config.get_ssl_mode() {
            SslMode::Disable => Some("disable".into()),
            SslMode::Require => Some("require".into()),
            _ => None,
        };
    }
    let (mode, tls) = encryption
        .or_environment()
        .build()
        .with_context(|| format!("the encryption that {source} asks for"))?;
    config.ssl_mode(mode);
    Ok(Address { config, tls })
}

/// The driver knows no certificate files: what an address says about encryption is read here, the rest is the driver's,
/// which refuses options that it does not know.
fn take_encryption(url: &str) -> (String, tls::Options) {
    let mut options = tls::Options::default();
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), options);
    };
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let value = form_urlencoded::parse(pair.as_bytes()).next();
        let (key, value) = value
            .map(|(k, v)| (k.into_owned(), v.into_owned()))
            .unwrap_or_default();
        match key.as_str() {
            "sslmode" => options.mode = Some(value),
            "sslrootcert" => options.root_cert = Some(value),
            "sslcert" => options.cert = Some(value),
            "sslkey" => options.key = Some(value),
            _ => rest.push(pair),
        }
    }
    let query = rest.join("&");
    let url = if query.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{query}")
    };
    (url, options)
}

/// Connects. The task that drives the connection ends when the client is dropped.
pub async fn connect(address: &Address) -> Result<(Client, JoinHandle<()>)> {
    let (client, connection) = address
        .connect(address.tls.clone())
        .await
        .with_context(|| format!("cannot connect to {}", describe(address)))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_taken_out_of_the_address() {
        let (rest, options) = take_encryption(
            "postgres://u:p@h/d?sslmode=verify-full&application_name=x&sslrootcert=%2Fetc%2Fca.pem",
        );
        assert_eq!(rest, "postgres://u:p@h/d?application_name=x");
        assert_eq!(options.mode.as_deref(), Some("verify-full"));
        assert_eq!(options.root_cert.as_deref(), Some("/etc/ca.pem"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for url in [
            "postgres://h/d?sslmode=verify-full",
            "postgres://h/d?sslcrl=/x",
            "postgres://h/d?sslmode=x",
        ] {
            assert!(parse(url, "test").is_err(), "{url}");
        }
        assert_eq!(
            parse("host=h sslmode=require", "test").unwrap().get_ssl_mode(),
            SslMode::Require
        );
    }
}
