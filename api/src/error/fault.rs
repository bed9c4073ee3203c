//! Decides from SQLSTATE why the database did not take a record, for the agent and for the switch over HTTP. A good record must
//! never be set aside because of a fault of the platform.

use tokio_postgres::error::DbError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A value of the record: the database will never take it.
    Values,
    /// A text is no number or date: of the record, or of a trigger that somebody added.
    Unread,
    /// The platform: the same record may be taken later.
    Ours,
    /// There is no connection, or none that can write.
    Connection,
}

/// What `log_call` raises about its arguments. A trigger that somebody added may raise the same, but not from our library.
const OF_ARGUMENTS: [&str; 2] = ["22023", "P0002"];

const UNREADABLE: [&str; 5] = ["22003", "22007", "22008", "22009", "22P02"];

/// Bytes that are no text in the database's encoding.
const NO_TEXT: &str = "22021";

/// A server that stops or starts, no place left for a login, a server that became a standby.
const NO_SERVER: [&str; 7] = ["57P01", "57P02", "57P03", "57P04", "57P05", "53300", "25006"];

/// A schema, table, column, function or type is not where the connection looks for it.
pub fn is_missing(state: &str) -> bool {
    ["3F000", "42P01", "42703", "42883", "42704"].contains(&state)
}

/// Everything else is the platform's fault: locks, time limits, full disks, missing rights, tables of another release, wrong
/// counters, triggers and constraints that somebody added. The platform's own constraints accept whatever `log_call` writes.
pub fn fault(error: &DbError) -> Fault {
    judge(error.code().code(), error.file())
}

fn judge(state: &str, file: Option<&str>) -> Fault {
    let is_our_library = file.is_some_and(|file| file.ends_with(".rs"));
    if state == NO_TEXT || OF_ARGUMENTS.contains(&state) && is_our_library {
        Fault::Values
    } else if UNREADABLE.contains(&state) {
        Fault::Unread
    } else if state.starts_with("08") || state.starts_with("28") || NO_SERVER.contains(&state) {
        Fault::Connection
    } else {
        Fault::Ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_it_is() {
        for state in ["22023", "P0002"] {
            assert_eq!(judge(state, Some("pg_ext/src/postgres/error.rs")), Fault::Values);
            assert_eq!(judge(state, Some("pl_exec.c")), Fault::Ours);
        }
        assert_eq!(judge("22021", Some("mbutils.c")), Fault::Values);
        for state in ["22P02", "22003", "22007", "22008"] {
            assert_eq!(judge(state, Some("numutils.c")), Fault::Unread, "{state}");
        }
        for state in ["08006", "25006", "28P01", "53300", "57P01", "57P03"] {
            assert_eq!(judge(state, None), Fault::Connection, "{state}");
        }
        for state in [
            "09000", "22001", "22012", "2200H", "23502", "23503", "23505", "23514", "25000", "25P02",
            "40001", "40P01", "42501", "42703", "42883", "42P01", "53100", "53200", "54000", "55000",
            "55P03", "57014", "58030", "P0001", "P0003", "XX000", "XX001",
        ] {
            assert_eq!(judge(state, None), Fault::Ours, "{state}");
        }
    }
}
