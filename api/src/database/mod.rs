//! How every subcommand reaches the database: where the address and the password come from, and one way to connect.
//! A password never comes from an argument (process lists show arguments) and is never printed.

pub mod tls;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};

use tls::Tls;

type TlsStream = <Tls as MakeTlsConnect<Socket>>::Stream;

/// Options shared by every subcommand that connects.
#[derive(Debug, Clone, clap::Args)]
pub struct DatabaseArgs {
    /// Where the database is: postgres://user@host:port/database. Default: the variable DATABASE_URL.
    ///
    /// Put the password into DATABASE_URL or PGPASSWORD: arguments are visible to every user of the machine.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// A database's address, and how the connection to it is encrypted. Of several hosts one is the primary.
#[derive(Debug, Clone)]
pub struct Address {
    pub config: Config,
    pub tls: Tls,
    /// The host that the next attempt begins with; clones share it.
    first: Arc<AtomicUsize>,
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

    /// One attempt: the hosts in turn, beginning with the one that answered last. Before a host is tried the next one is
    /// noted, so that whoever gives up on a host that accepts and stays silent begins with another the next time.
    pub async fn open(&self) -> Result<(Client, Connection<Socket, TlsStream>), tokio_postgres::Error> {
        let hosts = self.config.get_hosts().len();
        if hosts < 2 {
            return self.config.connect(self.tls.clone()).await;
        }
        let first = self.first.load(Ordering::Relaxed);
        let mut tried = 0;
        loop {
            let number = (first + tried) % hosts;
            self.first.store((number + 1) % hosts, Ordering::Relaxed);
            tried += 1;
            match only_host(&self.config, number).connect(self.tls.clone()).await {
                Ok(opened) => {
                    self.first.store(number, Ordering::Relaxed);
                    return Ok(opened);
                }
                Err(error) if tried == hosts => return Err(error),
                Err(_) => {}
            }
        }
    }
}

/// The same address with one of its hosts: the driver's configuration takes hosts, and gives none up.
fn only_host(all: &Config, number: usize) -> Config {
    let mut one = Config::new();
    match &all.get_hosts()[number] {
        Host::Tcp(name) => one.host(name),
        Host::Unix(path) => one.host_path(path),
    };
    if let Some(address) = all.get_hostaddrs().get(number) {
        one.hostaddr(*address);
    }
    one.port(port_of(all, number));
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(timeout) = all.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    if let Some(timeout) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs());
    one
}

fn port_of(config: &Config, number: usize) -> u16 {
    let ports = config.get_ports();
    *ports.get(number).or(ports.first()).unwrap_or(&5432)
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
    let hosts = config.get_hosts().len();
    if hosts == 0 {
        bail!("{source} names no host");
    }
    if ![0, 1, hosts].contains(&config.get_ports().len()) {
        bail!("{source} names {hosts} hosts: give one port for all, or one for each");
    }
    if ![0, hosts].contains(&config.get_hostaddrs().len()) {
        bail!("{source} names {hosts} hosts: give each a hostaddr, or none");
    }
    if config.get_load_balance_hosts() != LoadBalanceHosts::Disable {
        bail!("{source} asks for load_balance_hosts: one host is the primary, there is no choice");
    }
    if hosts > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
        // Of a primary and its standbys the one that can be written: after a failover that is another one.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    if config.get_connect_timeout().is_none() {
        // For all hosts. Too low: a busy server looks dead. Too high: a dead host keeps an operator waiting.
        config.connect_timeout(Duration::from_secs(10) / u32::try_from(hosts)?);
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
    Ok(Address {
        config,
        tls,
        first: Arc::default(),
    })
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

/// Drives a connection, and ends with its client or with what broke it.
pub type Driver = JoinHandle<Result<(), tokio_postgres::Error>>;

pub async fn connect(address: &Address) -> Result<(Client, Driver)> {
    let (client, connection) = address.open().await.with_context(|| cannot_connect(address))?;
    Ok((client, tokio::spawn(connection)))
}

pub fn cannot_connect(config: &Config) -> String {
    format!("cannot connect to {}", describe(config))
}

/// `user@host:port,host:port/database`, for messages: never the password.
pub fn describe(config: &Config) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(number, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port_of(config, number)),
            Host::Unix(path) => format!("{}:{}", path.display(), port_of(config, number)),
        })
        .collect();
    let user = config.get_user().unwrap_or("(default user)");
    let name = config.get_dbname().unwrap_or(user);
    format!("{user}@{}/{name}", hosts.join(","))
}

#[cfg(test)]
mod tests;
