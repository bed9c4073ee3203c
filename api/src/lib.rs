//! The `capconduit` command as a library: each subcommand is a module, so that tests can call what the command calls.

pub mod access;
pub mod cli;
pub mod db;
pub mod doctor;
pub mod http;
pub mod migrate;
pub mod node;
pub mod openapi;
pub mod purge;
pub mod resources;
pub mod serve;
pub mod sqlstate;
pub mod store;
pub mod tls;
pub mod user;
pub mod wipe;
