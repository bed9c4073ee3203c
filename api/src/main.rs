//! The `capconduit` command: parses the command line and reports failures. One crate, no library beside it, so that the
//! compiler sees what nobody uses.

mod access;
mod app;
mod cli;
mod console;
mod database;
mod docs;
mod error;
mod http;
mod process;
mod release;
mod resources;
mod store;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

/// Hashing a password takes 19 MiB for a moment. The system's allocator would keep that for ever, per thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The kernel may back the allocator's memory by pages of 2 MiB: the service would idle at 40 MiB and use 8 of them.
    // A kernel that cannot be told so costs memory, and nothing else.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    run()
}

#[tokio::main]
async fn run() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            // One line, causes included: what failed, and how to mend it.
            eprintln!("capconduit: {}", format!("{error:#}").replace('\n', "; "));
            ExitCode::FAILURE
        }
    }
}
