//! What `migrate` refuses to work on: each refusal is one line that says how to mend it, before anything is changed.

use anyhow::{Result, bail};
use tokio_postgres::Client;

/// The PostgreSQL majors that the extension is built for.
const MAJORS: std::ops::RangeInclusive<i32> = 15..=18;

pub async fn check(client: &Client) -> Result<()> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::integer / 10000, current_setting('server_version'),
                    pg_is_in_recovery(), current_setting('server_encoding'), current_database()::text",
            &[],
        )
        .await?;
    let (major, version): (i32, String) = (row.get(0), row.get(1));
    let (standby, encoding, name): (bool, String, String) = (row.get(2), row.get(3), row.get(4));
    if !MAJORS.contains(&major) {
        bail!(
            "PostgreSQL {version} is not supported: use a server of major version {} to {}",
            MAJORS.start(),
            MAJORS.end()
        );
    }
    if standby {
        bail!("this server is a standby (read-only): run migrate on the primary");
    }
    if encoding != "UTF8" {
        bail!(
            "database \"{name}\" is encoded in {encoding}: create it with encoding 'UTF8' and template template0"
        );
    }
    Ok(())
}
