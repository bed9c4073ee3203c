//! What `migrate` and `wipe` refuse to work on: each refusal is one line that says how to mend it, before any change.

use anyhow::{Result, bail};
use tokio_postgres::Client;

use super::owner;
use crate::release::{POSTGRESQL, VERSION};

/// Of the server and the database as such.
pub async fn check(client: &Client) -> Result<()> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::integer / 10000 as major,
                    current_setting('server_version') as version, pg_is_in_recovery() as is_standby,
                    current_setting('server_encoding') as encoding, current_database()::text as name",
            &[],
        )
        .await?;
    let (major, version): (i32, String) = (row.get("major"), row.get("version"));
    let standby: bool = row.get("is_standby");
    let (encoding, name): (String, String) = (row.get("encoding"), row.get("name"));
    if !POSTGRESQL.contains(&major) {
        bail!(
            "PostgreSQL {version} is not supported: use a server of major version {} to {}",
            POSTGRESQL.start(),
            POSTGRESQL.end()
        );
    }
    if standby {
        bail!("this server is a standby (read-only): connect to the primary");
    }
    if encoding != "UTF8" {
        bail!(
            "database \"{name}\" is encoded in {encoding}: create it with encoding 'UTF8' and template template0"
        );
    }
    Ok(())
}

/// Things of the same names that this command did not make, and extension files that are missing.
pub async fn refuse_foreign_state(client: &Client) -> Result<()> {
    let foreign = client
        .query_opt(
            "select n.nspname::text as schema, pg_get_userbyid(n.nspowner)::text as owner from pg_namespace n
              where n.nspname in ('capconduit', 'asterisk') and pg_get_userbyid(n.nspowner) <> $1
              order by 1 limit 1",
            &[&owner::NAME],
        )
        .await?;
    if let Some(row) = foreign {
        let (schema, role): (String, String) = (row.get("schema"), row.get("owner"));
        bail!(
            "schema {schema} exists and belongs to {role}: rename or drop it, or, if a restore without owners made it, \
             alter its objects' owner to {}",
            owner::NAME
        );
    }
    let row = client
        .query_one(
            "select (select extversion from pg_extension where extname = 'capconduit'),
                    exists (select from pg_available_extension_versions where name = 'capconduit' and version = $1)
                        as is_offered,
                    exists (select from pg_extension e, pg_extension_update_paths('capconduit') p
                             where e.extname = 'capconduit' and p.source = e.extversion and p.target = $1
                               and p.path is not null) as is_reachable",
            &[&VERSION],
        )
        .await?;
    let installed: Option<String> = row.get("extversion");
    let (offered, reachable): (bool, bool) = (row.get("is_offered"), row.get("is_reachable"));
    match installed {
        Some(version) if version == VERSION => Ok(()),
        _ if !offered => bail!(
            "the server has no files of extension capconduit {VERSION}: \
             install its .so, .control and .sql files on the server first"
        ),
        Some(version) if !reachable => bail!(
            "the database has extension capconduit {version} and the server no way from it to {VERSION}: \
             use the capconduit that belongs to {version}, or a newer one"
        ),
        _ => Ok(()),
    }
}
