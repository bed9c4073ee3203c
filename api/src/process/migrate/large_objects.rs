//! Large objects: PostgreSQL lets every login make and fill them, tables or not. The platform has none, so the functions
//! that make or write them are taken away from PUBLIC. They belong to the server's superuser, one set in each database.

use tokio_postgres::{Client, Error};

/// Which of them PUBLIC still may execute, and whether the login who asks may change that.
const OPEN: &str = "\
    select string_agg(p.oid::regprocedure::text, ', ' order by p.proname, p.oid) as functions,
           coalesce(bool_and(pg_has_role(session_user, p.proowner, 'USAGE')), false) as is_possible
      from pg_catalog.pg_proc p
     where p.pronamespace = 'pg_catalog'::regnamespace
       and p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put', 'lo_truncate',
                         'lo_truncate64', 'lo_unlink', 'lowrite')
       and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                    where a.grantee = 0 and a.privilege_type = 'EXECUTE')";

/// The statement that closes them, where one is needed.
pub struct Closing {
    pub statement: String,
    /// Whether this login has the power; a database's owner who is no superuser has not.
    pub possible: bool,
}

pub async fn closing(client: &Client) -> Result<Option<Closing>, Error> {
    let row = client.query_one(OPEN, &[]).await?;
    Ok(row
        .get::<_, Option<String>>("functions")
        .map(|functions| Closing {
            statement: format!("revoke execute on function {functions} from public"),
            possible: row.get("is_possible"),
        }))
}
