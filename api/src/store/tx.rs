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
use crate::tls::Tls;

/// For statements whose filters may be absent: each is planned for the values it has, so that one which is not given costs
/// nothing; compiling such a plan would take longer than running it.
pub const PLAN_FOR_VALUES: &str = "set local plan_cache_mode = force_custom_plan; set local jit = off";

pub type Args<'a> = &'a [&'a (dyn ToSql + Sync)];

#[derive(Debug)]
pub struct Tx {
    client: Option<Object>,
    /// A statement was sent whose answer has not been read: dropping the transaction now must cancel it.
    busy: AtomicBool,
    /// The server refused to write: it was the primary once.
    demoted: AtomicBool,
    tls: Tls,
}

/// Where transactions come from.
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
            busy: AtomicBool::new(true),
            demoted: AtomicBool::new(false),
            tls: self.tls.clone(),
        })
    }

    async fn begin(&self, sql: &str) -> ApiResult<Tx> {
        let tx = self.unbegun().await?;
        tx.client()?.batch_execute(sql).await?;
        tx.busy.store(false, Ordering::Relaxed);
        Ok(tx)
    }

    /// One statement as one identity in a single round trip: begin, statement and commit are sent together. When the
    /// statement fails, the commit of the failed transaction is a rollback.
    pub async fn call(&self, identity: &Identity, sql: &'static str, args: Args<'_>) -> ApiResult<Vec<Row>> {
        let tx = self.unbegun().await?;
        let client = tx.client()?;
        let statement = client.prepare_cached(sql).await?;
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
        self.busy.store(true, Ordering::Relaxed);
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, args).await;
        self.busy.store(false, Ordering::Relaxed);
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
        self.busy.store(true, Ordering::Relaxed);
        let statement = client.prepare_cached(sql).await?;
        let count = client.execute(&statement, args).await;
        self.busy.store(false, Ordering::Relaxed);
        self.judged(count)
    }

    /// A setting for the rest of this transaction.
    pub async fn set(&self, sql: &'static str) -> ApiResult<()> {
        self.busy.store(true, Ordering::Relaxed);
        let done = self.client()?.batch_execute(sql).await;
        self.busy.store(false, Ordering::Relaxed);
        Ok(done?)
    }

    pub async fn commit(self) -> ApiResult<()> {
        self.busy.store(true, Ordering::Relaxed);
        self.client()?.batch_execute("commit").await?;
        self.done();
        Ok(())
    }

    fn judged<T>(&self, result: Result<T, Error>) -> ApiResult<T> {
        if let Err(error) = &result
            && error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
        {
            self.demoted.store(true, Ordering::Relaxed);
        }
        Ok(result?)
    }

    /// Nothing is open any more: the connection may go back as it is.
    fn done(mut self) {
        if let Some(client) = self.client.take()
            && self.demoted.load(Ordering::Relaxed)
        {
            pool::give_up(client);
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            if self.demoted.load(Ordering::Relaxed) {
                return pool::give_up(client);
            }
            tokio::spawn(pool::clean_up(
                client,
                self.busy.load(Ordering::Relaxed),
                self.tls.clone(),
            ));
        }
    }
}
