//! The database step: who may connect, the two schemas, and the extension at exactly this command's version.
//!
//! A grant to PUBLIC is taken away at every run, as far as the login may; grants to named roles stay. The schemas are made
//! before the extension, so that they are no members of it, and everything belongs to capconduit_owner.

use anyhow::{Context, Result, bail};
use tokio_postgres::Client;

use super::change::{Change, UP_TO_DATE, identifier};
use super::{large_objects, owner};
use crate::release::VERSION;

const MAY_CONNECT: &[&str] = &[
    "capconduit_owner",
    "capconduit_admin",
    "capconduit_api",
    "capconduit_asterisk",
    "capconduit_read",
];

pub(super) async fn apply(client: &mut Client) -> Result<String> {
    let changes = plan(client).await?;
    if changes.is_empty() {
        return Ok(UP_TO_DATE.to_owned());
    }
    let transaction = client.transaction().await?;
    // capconduit_admin logs in as the owner; rights to the database are the login's own business.
    transaction.batch_execute("set local role none").await?;
    for change in &changes {
        transaction
            .batch_execute(change.sql())
            .await
            .with_context(|| change.shown().to_owned())?;
    }
    // PostgreSQL only warns when a login may not grant: look whether it happened.
    if let Some(change) = access(transaction.client()).await?.first() {
        bail!(
            "only the database's owner or a superuser may do this: {}",
            change.shown()
        );
    }
    transaction.commit().await?;
    let made = changes.iter().filter(|change| !change.is_role_switch()).count();
    Ok(format!("{made} changes, extension {VERSION}"))
}

pub(super) async fn plan(client: &Client) -> Result<Vec<Change>> {
    let mut changes = access(client).await?;
    // Without the power it is no change of this login's: `doctor` tells of it.
    if let Some(closing) = large_objects::closing(client).await?
        && closing.possible
    {
        changes.push(Change::new(closing.statement));
    }
    let row = client
        .query_one(
            "select to_regnamespace('capconduit') is null as no_schema, to_regnamespace('asterisk') is null as no_asterisk,
                    (select extversion from pg_extension where extname = 'capconduit'),
                    (select pg_get_userbyid(extowner) = $1 from pg_extension where extname = 'capconduit') as is_owned",
            &[&owner::NAME],
        )
        .await?;
    let (no_schema, no_asterisk): (bool, bool) = (row.get("no_schema"), row.get("no_asterisk"));
    let (installed, owned): (Option<String>, Option<bool>) = (row.get("extversion"), row.get("is_owned"));
    let as_owner = format!("set local role {}", owner::NAME);
    if no_schema {
        changes.extend([as_owner.as_str(), "create schema capconduit"].map(Change::new));
    }
    if no_asterisk {
        changes.extend([as_owner.as_str(), "create schema asterisk"].map(Change::new));
    }
    match installed {
        // The extension is trusted: its owner is whoever creates it, and must be able to update it later.
        None => {
            changes.push(Change::new(as_owner));
            changes.push(Change::new(format!(
                "create extension capconduit version '{VERSION}'"
            )));
        }
        Some(version) if version != VERSION => {
            // A restore makes it belong to whoever restored: then only they or a superuser can update it.
            let who = if owned == Some(true) {
                &as_owner
            } else {
                "set local role none"
            };
            changes.push(Change::new(who));
            changes.push(Change::new(format!(
                "alter extension capconduit update to '{VERSION}'"
            )));
        }
        Some(_) => {}
    }
    Ok(changes)
}

/// Connecting is for the platform's roles; temporary tables are for the owner (a switch needs none).
async fn access(client: &Client) -> Result<Vec<Change>> {
    let row = client
        .query_one(
            "select d.datname::text as name,
                    (select coalesce(array_agg(a.privilege_type order by 1), '{}')
                       from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                      where a.grantee = 0 and a.privilege_type in ('CONNECT', 'TEMPORARY')) as public,
                    (select coalesce(array_agg(r.rolname || ' ' || a.privilege_type), '{}')
                       from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                       join pg_roles r on r.oid = a.grantee) as granted
               from pg_database d where d.datname = current_database()",
            &[],
        )
        .await?;
    let name: String = row.get("name");
    let (public, granted): (Vec<String>, Vec<String>) = (row.get("public"), row.get("granted"));
    let name = identifier(&name);
    let mut changes = Vec::new();
    if !public.is_empty() {
        changes.push(Change::new(format!(
            "revoke {} on database {name} from public",
            public.join(", ").to_lowercase()
        )));
    }
    let holds = |role: &str, privilege: &str| {
        granted
            .iter()
            .any(|entry| *entry == format!("{role} {privilege}"))
    };
    for role in MAY_CONNECT.iter().filter(|role| !holds(role, "CONNECT")) {
        changes.push(Change::new(format!("grant connect on database {name} to {role}")));
    }
    if !holds(owner::NAME, "CREATE") || !holds(owner::NAME, "TEMPORARY") {
        changes.push(Change::new(format!(
            "grant create, temporary on database {name} to {}",
            owner::NAME
        )));
    }
    Ok(changes)
}
