//! The commands, one module each: what a process does from its arguments to its exit code.

pub mod doctor;
pub mod listener;
pub mod migrate;
pub mod node;
pub mod openapi;
pub mod purge;
pub mod running;
pub mod serve;
pub mod statements;
pub mod user;
pub mod wipe;
