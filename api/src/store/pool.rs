//! The pool: how many connections, how long anyone waits for one, which are let in, and what happens to one that was left
//! in mid-use.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use deadpool_postgres::{
    Connect, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};

use crate::database::tls::Tls;
use crate::database::{Address, SERVICE_CONNECT_TIMEOUT};
use crate::error::postgres::Connection;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Too low: short bursts are refused. Too high: callers queue behind a database that is stuck.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);

/// What an abandoned statement may take to end by itself. Too low: many connections are made anew. Too high: a long one
/// keeps its connection from others.
const LET_END: Duration = Duration::from_millis(250);

/// How long the server may take to act on a cancel request before the connection is closed all the same.
const CANCEL: Duration = Duration::from_secs(2);

/// Needs the whole schema, on the path that only `migrate` gives to this login: a connection that was made before that
/// would look for names in the wrong place as long as it lives.
const IS_COMPLETE: &str = "select schema_version()";

/// Connections that are older than the last change of what they remember are not used again.
#[derive(Debug, Clone, Default)]
pub struct Generation(Arc<Mutex<Option<Seen>>>);

#[derive(Debug)]
struct Seen {
    state: String,
    since: Option<Instant>,
}

impl Generation {
    /// `state` is what connections remember of the database, as it is now.
    pub fn saw(&self, state: String) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*seen {
            Some(before) if before.state == state => {}
            before => {
                let since = before.is_some().then(Instant::now);
                *seen = Some(Seen { state, since });
            }
        }
    }

    fn is_old(&self, created: Instant) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = seen.as_ref().and_then(|seen| seen.since);
        since.is_some_and(|since| created < since)
    }
}

pub fn build(address: &Address, size: usize, generation: Generation) -> Result<Pool> {
    let address = address.for_service("capconduit serve");
    let manager = Manager::from_connect(
        address.config.clone(),
        address,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_FOR_CONNECTION))
        .create_timeout(Some(SERVICE_CONNECT_TIMEOUT))
        .recycle_timeout(Some(CANCEL))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                // Also, the first call in a backend loads the library; nobody's request should pay for that.
                client
                    .query_one(IS_COMPLETE, &[])
                    .await
                    .map(drop)
                    .map_err(HookError::Backend)
            })
        }))
        .pre_recycle(Hook::sync_fn(move |_, metrics| {
            if generation.is_old(metrics.created) {
                return Err(HookError::message("made before the schema changed"));
            }
            Ok(())
        }))
        .build()
        .context("the connection pool cannot be made")
}

/// The pool's connections are made as everybody's are: of several hosts the primary.
impl Connect for Address {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        Box::pin(async move {
            let (client, connection) = self.open().await?;
            let driver = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a database connection was lost");
                }
            });
            Ok((client, driver))
        })
    }
}

/// Closes this connection. When it is useless, as after a switchover, the idle ones are closed with it: they are like it.
pub fn give_up(client: Object, verdict: Connection) {
    if verdict == Connection::Useless
        && let Some(pool) = Object::pool(&client)
    {
        pool.retain(|_, _| false);
    }
    drop(Object::take(client));
}

/// Whether this connection finds the schema.
pub async fn is_complete(client: &Client) -> bool {
    let found = client.query_typed(IS_COMPLETE, &[]);
    matches!(tokio::time::timeout(CANCEL, found).await, Ok(Ok(_)))
}

/// Brings a connection back that was dropped inside a transaction, or closes it. What still runs gets a moment to end;
/// then it is cancelled, and its connection is used no more: the server may act on the request at any time after it was
/// sent, and would cancel what somebody else runs there by then.
pub async fn clean_up(client: Object, tls: Tls) {
    if !is_clean_again(&client, tls).await {
        drop(Object::take(client));
    }
}

async fn is_clean_again(client: &Object, tls: Tls) -> bool {
    // Behind whatever the connection is still busy with.
    let rollback = client.batch_execute("rollback");
    tokio::pin!(rollback);
    if let Ok(ended) = tokio::time::timeout(LET_END, &mut rollback).await {
        return ended.is_ok();
    }
    // Kept until the statement has ended, so that no more run at once than the pool has connections.
    let cancelled = async {
        client.cancel_token().cancel_query(tls).await?;
        rollback.await
    };
    let _ = tokio::time::timeout(CANCEL, cancelled).await;
    false
}
