//! The agent beside Asterisk: each record of the spool reaches the database once, whatever is killed, cut, full or
//! hostile. What it asks of Asterisk is tested with a real one.

mod database;
mod files;
mod hostile;
mod killed;
mod many;
mod ours;
mod refused;
mod start;
pub mod support;
mod unfinished;
