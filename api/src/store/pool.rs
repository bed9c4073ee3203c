//! The pool: how many connections, how long anyone waits for one, and what happens to one that was left in mid-use.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use deadpool_postgres::{
    Connect, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};

use crate::db::{Address, SERVICE_CONNECT_TIMEOUT};
use crate::tls::Tls;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Too low: short bursts are refused. Too high: callers queue behind a database that is stuck.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);

/// How long a connection that was left in mid-statement may take to become clean before it is closed.
const CLEAN_UP: Duration = Duration::from_secs(2);

pub fn build(address: &Address, size: usize) -> Result<Pool> {
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
        .recycle_timeout(Some(CLEAN_UP))
        .post_create(Hook::async_fn(|client, _| {
            Box::pin(async move {
                // The first call in a backend loads the library; nobody's request should pay for that.
                client.batch_execute("select 1").await.map_err(HookError::Backend)
            })
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

/// The server of this connection can be written no more, as after a switchover: it is closed, and so are the others that
/// are idle, for they lead to the same server.
pub fn give_up(client: Object) {
    if let Some(pool) = Object::pool(&client) {
        pool.retain(|_, _| false);
    }
    drop(Object::take(client));
}

/// Brings a connection back that was dropped inside a transaction: what still runs is cancelled, then rolled back. A
/// connection that does not become clean in time is closed instead of handed on.
pub async fn clean_up(client: Object, busy: bool, tls: Tls) {
    let cleaned = tokio::time::timeout(CLEAN_UP, async {
        if busy {
            // The answer to the cancel request comes after the signal was sent, so it cannot hit a later statement.
            client.cancel_token().cancel_query(tls).await?;
        }
        client.batch_execute("rollback").await
    })
    .await;
    if !matches!(cleaned, Ok(Ok(()))) {
        drop(Object::take(client));
    }
}
