//! One connection to the database that is made again whenever it is lost, statements that always end, and whose fault a
//! failure is.

use std::time::Duration;

use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

use crate::database::{self, Address, Driver};
use crate::error::fault::{self, Fault};

/// Above the role's own limit of four seconds: the server gives up first, and says why. Too high: a frozen server holds
/// the agent.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// For all of it, encryption and login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The database will never take this statement: its values are at fault.
    Refused(String),
    /// Some value cannot be read: it is to be seen whose.
    Unread(String),
    /// It may take it another time.
    Later(String),
    /// A function or table that the statement names is not there: the database is of another release.
    Missing(String),
    /// This login may not do it.
    Denied(String),
    /// There is no connection, or none that can write.
    Unreachable(String),
}

impl Failure {
    pub fn text(&self) -> &str {
        let (Failure::Refused(text)
        | Failure::Unread(text)
        | Failure::Later(text)
        | Failure::Missing(text)
        | Failure::Denied(text)
        | Failure::Unreachable(text)) = self;
        text
    }
}

#[derive(Debug)]
pub struct Database {
    address: Address,
    link: Option<(Client, Driver)>,
}

impl Database {
    pub fn new(address: &Address, name: &str) -> Self {
        let mut address = address.for_service(name);
        // Of a single host that cannot be written, too, it is better to wait than to use it.
        address.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Self { address, link: None }
    }

    /// A second connection to the same database, not made yet.
    pub fn another(&self) -> Self {
        Self {
            address: self.address.clone(),
            link: None,
        }
    }

    /// Connected afterwards, if it was not.
    pub async fn open(&mut self) -> Result<(), Failure> {
        if self.link.as_ref().is_none_or(|(client, _)| client.is_closed()) {
            self.link = Some(self.connect().await?);
        }
        Ok(())
    }

    /// One statement, in a transaction of its own, that answers with a row.
    pub async fn row(&mut self, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<Row, Failure> {
        let rows = self.rows(sql, params).await?;
        let row = rows.into_iter().next();
        row.ok_or_else(|| Failure::Later("the database answered without a row".into()))
    }

    /// One statement, in a transaction of its own.
    pub async fn rows(
        &mut self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Failure> {
        let result = self.try_rows(sql, params).await;
        if matches!(result, Err(Failure::Unreachable(_))) {
            self.give_up();
        }
        result
    }

    /// In order: the driver says goodbye to the server once the client has gone.
    pub fn close(&mut self) {
        self.link = None;
    }

    fn give_up(&mut self) {
        if let Some((_, driver)) = self.link.take() {
            driver.abort();
        }
    }

    async fn try_rows(
        &mut self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Failure> {
        self.open().await?;
        let Some((client, _)) = &self.link else {
            return Err(Failure::Unreachable("not connected".into()));
        };
        // Not prepared: a pooler between us could not keep it.
        match tokio::time::timeout(STATEMENT_TIMEOUT, client.query_typed(sql, params)).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let failure = judge(&error);
                // A connection that was made before `migrate` had given the login its search path would never find it.
                if matches!(failure, Failure::Missing(_)) {
                    self.give_up();
                }
                Err(failure)
            }
            Err(_) => Err(Failure::Unreachable(format!(
                "the database did not answer within {STATEMENT_TIMEOUT:?}"
            ))),
        }
    }

    async fn connect(&self) -> Result<(Client, Driver), Failure> {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, database::connect(&self.address)).await;
        let text = match connected {
            Ok(Ok(link)) => return Ok(link),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!(
                "{} did not answer within {CONNECT_TIMEOUT:?}",
                database::describe(&self.address)
            ),
        };
        Err(Failure::Unreachable(text))
    }
}

fn judge(error: &Error) -> Failure {
    let Some(db) = error.as_db_error() else {
        // The driver's own text says only that something broke; its source says what.
        let cause = std::error::Error::source(error).map(ToString::to_string);
        return Failure::Unreachable(cause.unwrap_or_else(|| error.to_string()));
    };
    let text = describe(db);
    match fault::fault(db) {
        Fault::Values => Failure::Refused(text),
        Fault::Unread => Failure::Unread(text),
        Fault::Ours if fault::is_missing(db.code().code()) => Failure::Missing(text),
        Fault::Ours if *db.code() == SqlState::INSUFFICIENT_PRIVILEGE => Failure::Denied(text),
        Fault::Ours => Failure::Later(text),
        Fault::Connection => Failure::Unreachable(text),
    }
}

fn describe(db: &DbError) -> String {
    format!("{} {}", db.code().code(), db.message())
}
