//! The `capconduit` command as a library: each subcommand is a module, so that tests can call what the command calls.

pub mod access;
pub mod app;
pub mod cli;
pub mod database;
pub mod error;
pub mod http;
pub mod process;
pub mod resources;
pub mod store;
