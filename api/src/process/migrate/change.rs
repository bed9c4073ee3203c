//! One statement that a step wants to run, and how it may be shown: a password's verifier never is.

/// What a step says when it found nothing to do.
pub const UP_TO_DATE: &str = "up to date";

#[derive(Debug)]
pub struct Change {
    sql: String,
    shown: Option<String>,
}

impl Change {
    pub fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            shown: None,
        }
    }
    pub fn secret(sql: String, shown: String) -> Self {
        Self {
            sql,
            shown: Some(shown),
        }
    }
    /// A statement that only says who does the next ones.
    pub fn is_role_switch(&self) -> bool {
        self.sql.starts_with("set local role")
    }
    pub fn sql(&self) -> &str {
        &self.sql
    }
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.sql)
    }
}

/// `"name"`, quoted as an SQL identifier.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
