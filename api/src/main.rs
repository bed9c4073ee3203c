//! The `capconduit` command: parses the command line and reports failures. Everything else is in the library.

use std::process::ExitCode;

use capconduit_api::cli::Cli;
use clap::Parser;

/// Hashing a password takes 19 MiB for a moment. The system's allocator would keep that for ever, per thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            // One line, causes included: what failed, and how to mend it.
            eprintln!("capconduit: {}", format!("{error:#}").replace('\n', "; "));
            ExitCode::FAILURE
        }
    }
}
