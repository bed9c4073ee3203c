//! The REST service under fire: what it answers when the database, the network or its callers misbehave, and that it is
//! well again afterwards without a restart. Its commands on broken deployments, too.

mod bodies;
mod cancelled;
mod connections;
mod create_admin;
mod database;
mod doctor;
mod frozen;
mod full;
mod logins;
mod memory;
mod nginx;
mod stopping;
pub mod support;
mod tls;
mod unfinished;
mod wire;
