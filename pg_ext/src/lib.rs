//! The CapConduit extension: the functions that a switch, the API and a DBA call. Three layers, each of which names only those
//! below it: `functions`, one file per SQL function; `calls`, what is read, locked and written for a call; `postgres`, what that
//! needs of the server. The rules themselves are in `capconduit-core`, the public names, defaults and rights in
//! `pg_ext/sql/capconduit--<version>.sql`.
//!
//! In which order they lock what: docs/ARCHITECTURE.md, "Lock order".

// Glue to a C server: nearly all unsafe blocks are in `postgres`. In `calls`, `locks`, `rejects`, `links`, `live_call` and
// `reservation` have one or two each, to call one function of the server.
#![allow(unsafe_code)]

mod calls;
mod functions;
mod postgres;

pgrx::pg_module_magic!(name, version);

#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    use calls::rejects;
    use postgres::{catalogue, early_lock_release, guc, standby_wait};

    guc::define();
    early_lock_release::register();
    standby_wait::register();
    catalogue::register();
    rejects::register();
}
