//! Acting as capconduit_owner: everything in the database is made and owned by that role.

use anyhow::{Context, Result};
use tokio_postgres::Client;

pub const NAME: &str = "capconduit_owner";

/// Whether the login may act as the owner now. Before PostgreSQL 16 membership is enough.
pub async fn may_become(client: &Client) -> Result<bool> {
    let row = client
        .query_one(
            "select coalesce((select pg_has_role(session_user, r.oid,
                        case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end)
                    from pg_roles r where r.rolname = 'capconduit_owner'), false)",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

pub async fn become_owner(client: &Client) -> Result<()> {
    client
        .batch_execute("set role capconduit_owner; set search_path = capconduit")
        .await
        .context("this login may not act as capconduit_owner: as a superuser, grant capconduit_owner to it")
}
