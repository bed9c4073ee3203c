//! The pool: how many connections, how long anyone waits for one, and what happens to one that was left in mid-use.

use std::time::Duration;

use anyhow::{Context, Result};
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};

use crate::db::{Address, SERVICE_CONNECT_TIMEOUT};
use crate::tls::Tls;

/// Too low: short bursts are refused. Too high: callers queue behind a database that is stuck.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(3);

/// How long a connection that was left in mid-statement may take to become clean before it is closed.
const CLEAN_UP: Duration = Duration::from_secs(2);

pub fn build(address: &Address, size: usize) -> Result<Pool> {
    let address = address.for_service("capconduit serve");
    let manager = Manager::from_config(
        address.config,
        address.tls,
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
