//! One request, one transaction. It begins with the caller's identity and loses it at its end, whatever that end is:
//! commit, error, or a request that was cancelled in the middle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::identity::Identity;
use super::pool;
use crate::http::error::{ApiError, ApiResult};
use crate::http::sql_error;
use crate::tls::Tls;

/// For statements whose filters may be absent: each is planned for the values it has, so that one which is not given costs
/// nothing; compiling such a plan would take longer than running it.
pub const PLAN_FOR_VALUES: &str = "set local plan_cache_mode = force_custom_plan; set local jit = off";

pub type Args<'a> = &'a [&'a (dyn ToSql + Sync)];

#[derive(Debug)]
pub struct Tx {
    client: Option<Object>,
    /// The server refused to write, since it was the primary once, or the connection remembers another schema.
    useless: AtomicBool,
    tls: Tls,
}

/// Where transactions come from. What fails because its connection remembers a schema that is no more has done nothing, and
/// is tried once more on another.
#[derive(Debug, Clone)]
pub struct Store {
    pub pool: Pool,
    pub tls: Tls,
    pub statement_timeout: Duration,
}

impl Store {
    pub async fn read(&self, identity: &Identity) -> ApiResult<Tx> {
        self.begin(&identity.begin(true, self.statement_timeout)).await
    }

    pub async fn write(&self, identity: &Identity) -> ApiResult<Tx> {
        self.begin(&identity.begin(false, self.statement_timeout)).await
    }

    async fn unbegun(&self) -> ApiResult<Tx> {
        Ok(Tx {
            client: Some(self.pool.get().await?),
            useless: AtomicBool::new(false),
            tls: self.tls.clone(),
        })
    }

    async fn begin(&self, sql: &str) -> ApiResult<Tx> {
        match self.begin_once(sql).await {
            Err(error) if error.0.stale => self.begin_once(sql).await,
            begun => begun,
        }
    }

    async fn begin_once(&self, sql: &str) -> ApiResult<Tx> {
        let tx = self.unbegun().await?;
        tx.judged(tx.client()?.batch_execute(sql).await)?;
        Ok(tx)
    }

    /// One statement as one identity in a single round trip: begin, statement and commit are sent together. When the
    /// statement fails, the commit of the failed transaction is a rollback.
    pub async fn call(&self, identity: &Identity, sql: &'static str, args: Args<'_>) -> ApiResult<Vec<Row>> {
        match self.call_once(identity, sql, args).await {
            Err(error) if error.0.stale => self.call_once(identity, sql, args).await,
            rows => rows,
        }
    }

    async fn call_once(&self, identity: &Identity, sql: &'static str, args: Args<'_>) -> ApiResult<Vec<Row>> {
        let tx = self.unbegun().await?;
        let client = tx.client()?;
        let statement = tx.judged(client.prepare_cached(sql).await)?;
        let begin = identity.begin(false, self.statement_timeout);
        let (begun, rows, committed) = tokio::join!(
            client.batch_execute(&begin),
            client.query(&statement, args),
            client.batch_execute("commit")
        );
        let rows = tx.judged(rows);
        tx.done();
        begun?;
        let rows = rows?;
        committed?;
        Ok(rows)
    }

    /// `call` for a statement that always gives one row.
    pub async fn call_row(&self, identity: &Identity, sql: &'static str, args: Args<'_>) -> ApiResult<Row> {
        let row = self.call(identity, sql, args).await?.into_iter().next();
        row.ok_or_else(|| ApiError::internal("a statement gave no row"))
    }

    /// One statement of the service itself, without a caller's identity: sessions and look-ups.
    pub async fn own(&self, sql: &'static str, args: Args<'_>) -> ApiResult<Row> {
        match self.own_once(sql, args).await {
            Err(error) if error.0.stale => self.own_once(sql, args).await,
            row => row,
        }
    }

    async fn own_once(&self, sql: &'static str, args: Args<'_>) -> ApiResult<Row> {
        let tx = self.unbegun().await?;
        let row = tx.row(sql, args).await;
        tx.done();
        row
    }
}

impl Tx {
    fn client(&self) -> ApiResult<&Object> {
        self.client
            .as_ref()
            .ok_or_else(|| ApiError::internal("the transaction has ended"))
    }

    pub async fn rows(&self, sql: &'static str, args: Args<'_>) -> ApiResult<Vec<Row>> {
        let client = self.client()?;
        let statement = self.judged(client.prepare_cached(sql).await)?;
        let rows = client.query(&statement, args).await;
        self.judged(rows)
    }

    pub async fn row(&self, sql: &'static str, args: Args<'_>) -> ApiResult<Row> {
        self.optional_row(sql, args)
            .await?
            .ok_or_else(|| ApiError::internal("a statement gave no row"))
    }

    pub async fn optional_row(&self, sql: &'static str, args: Args<'_>) -> ApiResult<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    pub async fn execute(&self, sql: &'static str, args: Args<'_>) -> ApiResult<u64> {
        let client = self.client()?;
        let statement = self.judged(client.prepare_cached(sql).await)?;
        let count = client.execute(&statement, args).await;
        self.judged(count)
    }

    /// A setting for the rest of this transaction.
    pub async fn set(&self, sql: &'static str) -> ApiResult<()> {
        let done = self.client()?.batch_execute(sql).await;
        Ok(done?)
    }

    pub async fn commit(self) -> ApiResult<()> {
        self.client()?.batch_execute("commit").await?;
        self.done();
        Ok(())
    }

    fn judged<T>(&self, result: Result<T, Error>) -> ApiResult<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let age = Object::metrics(self.client()?).age();
        let stale = sql_error::is_stale(&error, age);
        if stale || error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) {
            self.useless.store(true, Ordering::Relaxed);
        }
        let mut error = ApiError::from(error);
        error.0.stale = stale;
        Err(error)
    }

    /// Nothing is open any more: the connection may go back as it is.
    fn done(mut self) {
        if let Some(client) = self.client.take()
            && self.useless.load(Ordering::Relaxed)
        {
            pool::give_up(client);
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            if self.useless.load(Ordering::Relaxed) {
                return pool::give_up(client);
            }
            tokio::spawn(pool::clean_up(client, self.tls.clone()));
        }
    }
}
