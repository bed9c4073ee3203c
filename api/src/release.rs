//! What belongs to this command: the extension's version, which is its own, and the schema's, with the migrations that make
//! it.

use std::ops::RangeInclusive;

use refinery::{Migration, Runner};

refinery::embed_migrations!("../migrations");

/// A release has one version for the command and the extension.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The majors of PostgreSQL that the extension is built for.
pub const POSTGRESQL: RangeInclusive<i32> = 15..=18;

/// Where the database keeps which migrations it has.
pub const HISTORY: &str = "capconduit.refinery_schema_history";

pub fn migrations() -> Runner {
    let mut runner = migrations::runner();
    runner.set_migration_table_name(HISTORY);
    runner
}

pub fn schema_version() -> i32 {
    migrations()
        .get_migrations()
        .iter()
        .map(Migration::version)
        .max()
        .unwrap_or(0)
}
