//! The `capconduit` command as a library: each subcommand is a module, so that tests can call what the command calls.

pub mod cli;
pub mod db;
pub mod migrate;
