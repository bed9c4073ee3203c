//! As whom a transaction runs: the database role and the caller's id, set for that transaction only. Row level security
//! reads both, so a handler's SQL needs no ownership conditions of its own.

use std::fmt::Write;
use std::time::Duration;

use crate::error::{ApiError, ApiResult};

/// How long a write may hold its rows between two statements when this process stands still. Too low: a moment without
/// the processor ends a good write. Too high, above a switch's lock_timeout of 3 s: calls behind its rows are refused.
const IDLE_WRITE: &str = "; set local idle_in_transaction_session_timeout = '2s'";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbRole {
    Seller,
    Staff,
    Internal,
}

impl DbRole {
    pub fn name(self) -> &'static str {
        match self {
            DbRole::Seller => "capconduit_seller",
            DbRole::Staff => "capconduit_staff",
            DbRole::Internal => "capconduit_internal",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Identity {
    pub role: DbRole,
    pub user_id: Option<i64>,
    /// An admin, and so may write users.
    pub admin: bool,
    /// The session that stays when its user changes the own password: the hash as hexadecimal digits.
    pub keep_session: Option<[u8; 32]>,
    /// Somebody else's, to be looked at: nothing is written as it.
    pub read_only: bool,
}

impl Identity {
    pub const INTERNAL: Identity = Identity {
        role: DbRole::Internal,
        user_id: None,
        admin: false,
        keep_session: None,
        read_only: false,
    };

    /// Whoever looks at another's console changes nothing there, whatever page is asked.
    pub fn may_write(&self) -> ApiResult<()> {
        if self.read_only {
            return Err(ApiError::forbidden(
                "looking",
                "Nothing can be changed while you look at a seller's console.",
            ));
        }
        Ok(())
    }

    /// One simple-protocol message that opens the transaction. Only numbers, fixed words and hexadecimal digits enter it.
    pub fn begin(&self, read_only: bool, timeout: Duration) -> String {
        let mut sql = String::with_capacity(250);
        sql.push_str(if read_only { "begin read only" } else { "begin" });
        let _ = write!(sql, "; set local role {}", self.role.name());
        let _ = write!(sql, "; set local statement_timeout = {}", timeout.as_millis());
        if !read_only {
            sql.push_str(IDLE_WRITE);
        }
        if let Some(id) = self.user_id {
            let _ = write!(sql, "; set local capconduit.user_id = '{id}'");
        }
        if self.admin {
            sql.push_str("; set local capconduit.user_role = 'admin'");
        }
        if let Some(hash) = &self.keep_session {
            sql.push_str("; set local capconduit.keep_session = '");
            for byte in hash {
                let _ = write!(sql, "{byte:02x}");
            }
            sql.push('\'');
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_as_somebody_who_is_looked_at() {
        let looked_at = Identity {
            read_only: true,
            ..Identity::INTERNAL
        };
        assert!(looked_at.may_write().is_err() && Identity::INTERNAL.may_write().is_ok());
    }

    #[test]
    fn everything_is_local_to_the_transaction() {
        let identity = Identity {
            role: DbRole::Staff,
            user_id: Some(7),
            admin: true,
            keep_session: Some([0xab; 32]),
            read_only: false,
        };
        let sql = identity.begin(false, Duration::from_secs(3));
        let parts: Vec<&str> = sql.split("; ").collect();
        assert_eq!(parts[0], "begin");
        assert!(
            parts[1..].iter().all(|part| part.starts_with("set local ")),
            "{sql}"
        );
        assert!(sql.contains("capconduit.user_id = '7'") && sql.contains(&"ab".repeat(32)));
    }
}
