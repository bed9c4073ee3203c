//! `flush_seen`: for whoever copies rows to another place, where they would outlive a crash that takes them here.

use pgrx::pg_extern;

use crate::postgres::early_lock_release::flush_what_was_seen;

#[pg_extern(sql = false)]
fn flush_seen() {
    flush_what_was_seen();
}
