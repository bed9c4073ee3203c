//! One test binary: one server, started once. A module per subject.

mod api;
mod api_faults;
mod asterisk;
mod browser;
mod concurrency;
mod console;
mod cost;
mod crash;
mod docs;
mod faults;
mod harness;
mod life;
mod migrate;
mod model;
mod node;
mod outage;
mod scripts;
mod sql;
mod tables;
