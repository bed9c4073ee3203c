//! The settings of `capconduit node`: flags and environment, each explained, each checked before anything starts.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use capconduit_core::text;
use clap::builder::FalseyValueParser;

use super::asterisk::Asterisk;
use super::sip;
use crate::database::{Address, DatabaseArgs};
use crate::process::running::socket_address;

/// The switch's own login: it can do nothing but the call functions, and its limits are set on it.
const LOGIN: &str = "capconduit_asterisk";

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// The name of this node: Asterisk's `systemname`. Another one in Asterisk's own settings is not announced.
    #[arg(long, env = "CAPCONDUIT_NODE", value_name = "NAME")]
    pub node: String,

    /// The command that reaches the running Asterisk; `-rx` and what to ask are put behind it. Split at blanks.
    ///
    /// It ends in Asterisk's own console, as with `nsenter`. Behind `docker exec` a frozen Asterisk cannot be told from a frozen
    /// docker, and is not reported as alive.
    #[arg(
        long,
        env = "CAPCONDUIT_ASTERISK_COMMAND",
        default_value = "asterisk",
        value_name = "COMMAND"
    )]
    pub asterisk_command: String,

    /// The folder in which the dialplan leaves the records that the database did not take.
    #[arg(
        long,
        env = "CAPCONDUIT_SPOOL",
        default_value = "/var/spool/asterisk/capconduit",
        value_name = "FOLDER"
    )]
    pub spool: PathBuf,

    /// Seconds between two lists of live calls, and between two looks for new call centers. Too low: work for nothing. Too
    /// high: lost calls keep their slots longer.
    #[arg(long, env = "CAPCONDUIT_HEARTBEAT_SECONDS", default_value_t = 10, value_name = "SECONDS",
          value_parser = clap::value_parser!(u16).range(1..=30))]
    pub heartbeat_seconds: u16,

    /// Address and port of /health and /metrics. Keep it where only the monitoring reaches it.
    #[arg(
        long,
        env = "CAPCONDUIT_NODE_LISTEN",
        default_value = "127.0.0.1:9465",
        value_name = "ADDRESS:PORT"
    )]
    pub listen: String,

    /// Loopback address and UDP port at which Asterisk's copies of SIP messages arrive (hep.conf), to count what it refuses.
    #[arg(
        long,
        env = "CAPCONDUIT_SIP_LISTEN",
        default_value = "127.0.0.1:9466",
        value_name = "ADDRESS:PORT"
    )]
    pub sip_listen: String,

    /// Log as JSON, one object per line.
    #[arg(long, env = "CAPCONDUIT_LOG_JSON", value_parser = FalseyValueParser::new())]
    pub log_json: bool,
}

/// Checked and ready to use.
#[derive(Debug)]
pub struct Settings {
    pub database: Address,
    pub node: String,
    pub asterisk: Asterisk,
    pub spool: PathBuf,
    pub heartbeat_every: Duration,
    pub listen: String,
    pub sip_listen: String,
}

impl Args {
    pub fn settings(&self) -> Result<Settings> {
        socket_address(&self.listen, "--listen")?;
        if !sip::is_own(socket_address(&self.sip_listen, "--sip-listen")?) {
            bail!(
                "--sip-listen {} is not a loopback address: anybody could send messages there",
                self.sip_listen
            );
        }
        let database = self.database.config()?;
        if database.get_user() != Some(LOGIN) {
            bail!("the agent logs in as {LOGIN} and as nobody else: name it in the database's address");
        }
        if !text::is_node(&self.node) {
            bail!(
                "--node {:?} is no name of a node: 1 to {} letters, digits, _ and -",
                self.node,
                text::NODE
            );
        }
        Ok(Settings {
            database,
            node: self.node.clone(),
            asterisk: Asterisk::new(&self.asterisk_command)?,
            spool: self.spool.clone(),
            heartbeat_every: Duration::from_secs(self.heartbeat_seconds.into()),
            listen: self.listen.clone(),
            sip_listen: self.sip_listen.clone(),
        })
    }
}
