//! The rights step: views, policies, grants and comments, stated whole and applied in one transaction whenever they, the
//! tables or the extension changed since.

use anyhow::Result;
use tokio_postgres::{Client, Transaction};

use super::change::UP_TO_DATE;
use super::retry;
use crate::release::schema_version;

const AFTER: &str = include_str!("../../../../migrations/after.sql");
const COMMENTS: &str = include_str!("../../../../migrations/comments.sql");

pub(super) async fn apply(client: &mut Client, force: bool) -> Result<String> {
    let fingerprint = fingerprint(client).await?;
    if !force && applied(client).await? == Some(fingerprint.clone()) {
        return Ok(UP_TO_DATE.to_owned());
    }
    retry::while_locked(client, async |client| {
        let transaction = client.transaction().await?;
        lock_everything(&transaction).await?;
        transaction.batch_execute(AFTER).await?;
        transaction.batch_execute(COMMENTS).await?;
        transaction
            .execute(
                "insert into capconduit.applied_rights (fingerprint) values ($1)
                 on conflict (only_one) do update set fingerprint = excluded.fingerprint, applied_at = now()",
                &[&fingerprint],
            )
            .await?;
        Ok(transaction.commit().await?)
    })
    .await?;
    Ok("views, policies, grants and comments applied".into())
}

/// Takes all locks at once, or none. Whoever has waited for deadlock_timeout (1 s), be it behind somebody else, while this
/// holds some locks and waits for others, is the victim of a circle. Calls are in none: each begins with `live_calls`, and
/// so does this, with nothing in hand. For all others the whole statement is bounded well below that time. Too low: a busy
/// platform is never reached. Too high: calls fail or wait.
async fn lock_everything(transaction: &Transaction<'_>) -> Result<()> {
    let names: Option<String> = transaction
        .query_one(
            "select string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by c.relname = 'live_calls' desc, c.relkind desc, c.oid)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname in ('capconduit', 'asterisk') and c.relkind in ('r', 'v')",
            &[],
        )
        .await?
        .get(0);
    let Some(names) = names else { return Ok(()) };
    let lock = format!("lock table {names} in access exclusive mode");
    transaction
        .batch_execute("set local statement_timeout = '400ms'; set local lock_timeout = '400ms'")
        .await?;
    transaction.batch_execute(&lock).await?;
    transaction
        .batch_execute("set local statement_timeout = 0")
        .await?;
    Ok(())
}

pub(super) async fn pending(client: &Client, force: bool) -> Result<Option<String>> {
    let current = !force && applied(client).await? == Some(fingerprint(client).await?);
    Ok((!current).then(|| "apply views, policies, grants and comments".into()))
}

/// Names what was applied to what: the two files, the schema's version, and the extension as it is installed (an
/// extension that was dropped and created again has lost its grants).
async fn fingerprint(client: &Client) -> Result<String> {
    let row = client
        .query_one(
            "select encode(sha256(convert_to($1 || $2, 'UTF8')), 'hex') || ' V' || $3::integer
                    || coalesce((select ' ' || extversion || ' ' || oid from pg_extension where extname = 'capconduit'), '')",
            &[&AFTER, &COMMENTS, &schema_version()],
        )
        .await?;
    Ok(row.get(0))
}

async fn applied(client: &Client) -> Result<Option<String>> {
    let exists: bool = client
        .query_one("select to_regclass('capconduit.applied_rights') is not null", &[])
        .await?
        .get(0);
    if !exists {
        return Ok(None);
    }
    Ok(client
        .query_opt("select fingerprint from capconduit.applied_rights", &[])
        .await?
        .map(|row| row.get(0)))
}
