//! One test binary: one server, started once. A module per subject.

mod docs;
mod harness;
mod migrate;
mod sql;
