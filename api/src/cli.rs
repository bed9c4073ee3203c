//! The command line: which subcommands there are, and which module runs each.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

use crate::process::{doctor, migrate, node, openapi, purge, serve, statements, user, wipe};

/// Routes inbound calls to call centers under exact caps. PostgreSQL is the platform; this command looks after it.
#[derive(Debug, Parser)]
#[command(name = "capconduit", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring a database to this version: roles, schemas, extension, tables, rights.
    Migrate(migrate::Args),
    /// Serve the REST API until told to stop.
    Serve(Box<serve::Args>),
    /// Watch over the Asterisk on this machine: replay its records, tell its live calls, until told to stop.
    Node(node::Args),
    /// Accounts of the service.
    User(user::Args),
    /// Check what a deployment needs, with the settings of `serve`, and say how to mend what is wrong.
    Doctor(Box<serve::Args>),
    /// Delete the records of old calls in small batches, beside the calls; totals stay.
    Purge(purge::Args),
    /// Print the API description (OpenAPI 3.1, JSON).
    Openapi,
    /// Drop what this project made in a database, after its name is typed or given.
    Wipe(wipe::Args),
    /// Print every statement of the service and the role that runs it, as JSON: for the test that prepares each.
    #[command(hide = true)]
    Statements,
    /// Write manual pages, of the command and each of its own, into a folder: for packagers.
    #[command(hide = true)]
    Man { folder: PathBuf },
}

impl Cli {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Migrate(args) => migrate::run(args).await,
            Command::Serve(args) => serve::run(*args).await,
            Command::Node(args) => node::run(args).await,
            Command::User(args) => user::run(args).await,
            Command::Doctor(args) => doctor::run(*args).await,
            Command::Purge(args) => purge::run(args).await,
            Command::Openapi => openapi::run(),
            Command::Wipe(args) => wipe::run(args).await,
            Command::Statements => statements::run(),
            Command::Man { folder } => {
                clap_mangen::generate_to(Cli::command(), &folder)
                    .with_context(|| format!("{}", folder.display()))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
