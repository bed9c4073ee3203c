//! `capconduit migrate`: roles → schemas → extension → tables → rights, each step idempotent and announced.

mod preflight;

use std::process::ExitCode;

use anyhow::Result;

use crate::db::{self, DatabaseArgs};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub async fn run(args: Args) -> Result<ExitCode> {
    let config = args.database.config()?;
    let (client, _driver) = db::connect(&config).await?;
    preflight::check(&client).await?;
    Ok(ExitCode::SUCCESS)
}
