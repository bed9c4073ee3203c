//! What the calls need of PostgreSQL: rows read and written without a plan, statements, snapshots, durability, settings, errors.
//! Nothing here names a call.

pub mod access;
pub mod argument;
pub mod armed;
pub mod by_statement;
pub mod catalogue;
pub mod column;
pub mod early_lock_release;
pub mod error;
pub mod guc;
pub mod held_rows;
pub mod index_choice;
pub mod index_scan;
pub mod insert;
pub mod json;
pub mod key;
pub mod look;
pub mod lookup;
pub mod remembered;
pub mod result_row;
pub mod row_change;
pub mod row_writer;
pub mod rows;
pub mod savepoint;
pub mod scan;
pub mod search_path;
pub mod sequence;
pub mod server;
pub mod side_effects;
pub mod spi;
pub mod standby_wait;
pub mod table;
pub mod tables;
pub mod texts;
pub mod transaction;
