//! One request, one transaction. It begins with the caller's identity and loses it at its end, whatever that end is:
//! commit, error, or a request that was cancelled in the middle.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::identity::Identity;
use super::pool;
use crate::database::tls::Tls;
use crate::error::postgres::{self, Connection};
use crate::error::{ApiError, ApiResult};

/// For statements whose filters may be absent: each is planned for the values it has, so that one which is not given costs
/// nothing; compiling such a plan would take longer than running it.
pub const PLAN_FOR_VALUES: &str = "set local plan_cache_mode = force_custom_plan; set local jit = off";

pub type Args<'a> = &'a [&'a (dyn ToSql + Sync)];

#[derive(Debug)]
pub struct Tx {
    client: Option<Object>,
    /// What errors have said about the connection: the worst.
    verdict: Mutex<Connection>,
    tls: Tls,
}

/// Where transactions come from. What fails because its connection remembers a schema that is no more has done nothing, and
/// is tried once more, on a connection that finds the schema.
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
        identity.may_write()?;
        self.begin(&identity.begin(false, self.statement_timeout)).await
    }

    async fn unbegun(&self) -> ApiResult<Tx> {
        Ok(Tx {
            client: Some(self.pool.get().await?),
            verdict: Mutex::new(Connection::Good),
            tls: self.tls.clone(),
        })
    }

    /// For the second try. When a connection does not find the schema, the others of its age are closed with it.
    async fn checked(&self) -> ApiResult<Tx> {
        let tx = self.unbegun().await?;
        if pool::is_complete(tx.client()?).await {
            return Ok(tx);
        }
        tx.judge(Connection::Useless);
        tx.done();
        self.unbegun().await
    }

    async fn begin(&self, sql: &str) -> ApiResult<Tx> {
        match self.unbegun().await?.begin(sql).await {
            Err(error) if error.0.stale => self.checked().await?.begin(sql).await,
            begun => begun,
        }
    }

    /// One statement as one identity in a single round trip: begin, statement and commit are sent together. When the
    /// statement fails, the commit of the failed transaction is a rollback.
    pub async fn call(&self, identity: &Identity, sql: &'static str, args: Args<'_>) -> ApiResult<Vec<Row>> {
        identity.may_write()?;
        match self.call_on(self.unbegun().await?, identity, sql, args).await {
            Err(error) if error.0.stale => self.call_on(self.checked().await?, identity, sql, args).await,
            rows => rows,
        }
    }

    async fn call_on(
        &self,
        tx: Tx,
        identity: &Identity,
        sql: &'static str,
        args: Args<'_>,
    ) -> ApiResult<Vec<Row>> {
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
        match self.unbegun().await?.own(sql, args).await {
            Err(error) if error.0.stale => self.checked().await?.own(sql, args).await,
            row => row,
        }
    }
}

impl Tx {
    fn client(&self) -> ApiResult<&Object> {
        self.client
            .as_ref()
            .ok_or_else(|| ApiError::internal("the transaction has ended"))
    }

    async fn begin(self, sql: &str) -> ApiResult<Tx> {
        self.judged(self.client()?.batch_execute(sql).await)?;
        Ok(self)
    }

    async fn own(self, sql: &'static str, args: Args<'_>) -> ApiResult<Row> {
        let row = self.row(sql, args).await;
        self.done();
        row
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

    /// For what was only tried.
    pub async fn roll_back(self) -> ApiResult<()> {
        self.client()?.batch_execute("rollback").await?;
        self.done();
        Ok(())
    }

    fn judged<T>(&self, result: Result<T, Error>) -> ApiResult<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let age = Object::metrics(self.client()?).age();
        self.judge(postgres::connection(&error, age));
        let stale = postgres::is_stale(&error, age);
        let mut error = ApiError::from(error);
        error.0.stale = stale;
        Err(error)
    }

    fn judge(&self, verdict: Connection) {
        let mut worst = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = verdict.max(*worst);
    }

    fn verdict(&self) -> Connection {
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is open any more: the connection may go back as it is.
    fn done(mut self) {
        if let Some(client) = self.client.take() {
            match self.verdict() {
                Connection::Good => drop(client),
                verdict => pool::give_up(client, verdict),
            }
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            match self.verdict() {
                Connection::Good => drop(tokio::spawn(pool::clean_up(client, self.tls.clone()))),
                verdict => pool::give_up(client, verdict),
            }
        }
    }
}
