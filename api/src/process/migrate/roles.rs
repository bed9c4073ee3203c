//! The roles step. Roles belong to the whole cluster while the advisory lock belongs to one database, so two databases
//! can be migrated at once: the step asks what is missing, does it in one transaction, and starts over when another
//! was quicker.
//!
//! The rule for what an operator changed by hand: a role's attributes are given only when the role is made; a setting
//! only where the role has none of that name in this database; memberships are added, never taken away. A password is
//! set only when its variable is given.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::change::{Change, UP_TO_DATE, identifier};
use super::retry::sql_state;

/// One role of the platform.
pub struct Role {
    pub name: &'static str,
    /// Given when the role is made. A login without a password cannot log in under password authentication.
    attributes: &'static str,
    /// Its share of the server's connections, in percent, so that no login can take the last one. Too low: calls
    /// wait or fail at peaks. Too high: an administrator cannot get in when a pool runs wild.
    connections_percent: Option<i32>,
    member_of: &'static [&'static str],
    /// `alter role … in database … set`.
    settings: &'static [(&'static str, &'static str)],
    /// The variable that may hold its password.
    password: Option<&'static str>,
}

const fn group(name: &'static str) -> Role {
    Role {
        name,
        attributes: "nologin",
        connections_percent: None,
        member_of: &[],
        settings: &[],
        password: None,
    }
}

pub const ROLES: &[Role] = &[
    group("capconduit_owner"),
    group("capconduit_seller"),
    group("capconduit_staff"),
    group("capconduit_internal"),
    group("capconduit_read"),
    Role {
        name: "capconduit_admin",
        attributes: "login",
        connections_percent: None,
        member_of: &["capconduit_owner"],
        settings: &[
            // Whatever an administrator makes belongs to the owner, as if migrate had made it.
            ("role", "capconduit_owner"),
            ("search_path", "capconduit"),
            // Too low: a change gives up on a busy table. Too high: calls queue behind a change that waits.
            ("lock_timeout", "'10s'"),
            // A forgotten transaction keeps dead counter rows alive and slows every call. Too low: psql is cut off
            // while its user thinks.
            ("idle_in_transaction_session_timeout", "'5min'"),
        ],
        password: Some("CAPCONDUIT_ADMIN_PASSWORD"),
    },
    Role {
        name: "capconduit_api",
        // NOINHERIT: the login alone may do nothing; each request takes one role inside its transaction.
        attributes: "login noinherit",
        connections_percent: Some(30),
        member_of: &["capconduit_seller", "capconduit_staff", "capconduit_internal"],
        settings: &[
            ("search_path", "capconduit"),
            // Too low: a big page or report fails. Too high: slow requests hold the pool.
            ("statement_timeout", "'30s'"),
            // Too low: an update that meets a running one fails. Too high: requests pile up behind a held row.
            ("lock_timeout", "'5s'"),
            // Cuts a transaction whose request died. Too low: cuts one that is waiting for its client's next bytes.
            ("idle_in_transaction_session_timeout", "'15s'"),
        ],
        password: Some("CAPCONDUIT_API_PASSWORD"),
    },
    Role {
        name: "capconduit_asterisk",
        attributes: "login",
        connections_percent: Some(60),
        member_of: &[],
        settings: &[
            ("search_path", "asterisk, capconduit"),
            // Asterisk waits for the database without a limit of its own, and the caller with it. Too low: a stall
            // of the disk rejects good calls. Too high: callers hear nothing that long.
            ("statement_timeout", "'4s'"),
            // Below statement_timeout, so that a held row is told from a slow server.
            ("lock_timeout", "'3s'"),
            // A switch sends single statements; an open transaction is a mistake and would hold its locks.
            ("idle_in_transaction_session_timeout", "'10s'"),
        ],
        password: Some("CAPCONDUIT_ASTERISK_PASSWORD"),
    },
];

/// Passwords from the environment, already turned into SCRAM verifiers: no clear password reaches the server or its log.
pub struct Passwords(Vec<(&'static str, String)>);

impl Passwords {
    pub fn from_env() -> Result<Self> {
        let mut verifiers = Vec::new();
        for role in ROLES {
            let Some(variable) = role.password else { continue };
            match std::env::var(variable) {
                Ok(password) if password.is_empty() => {
                    bail!("{variable} is empty: unset it to leave the password alone")
                }
                Ok(password) => {
                    verifiers.push((
                        role.name,
                        postgres_protocol::password::scram_sha_256(password.as_bytes()),
                    ));
                }
                Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => bail!("{variable} is not valid UTF-8"),
            }
        }
        Ok(Self(verifiers))
    }
}

/// Another migrate, in another database, changed the same row of a shared catalogue: look again.
fn is_race(error: &anyhow::Error) -> bool {
    let Some(state) = sql_state(error) else {
        return false;
    };
    // XX000 is how PostgreSQL reports "tuple concurrently updated".
    [
        SqlState::DUPLICATE_OBJECT,
        SqlState::UNIQUE_VIOLATION,
        SqlState::INTERNAL_ERROR,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(&state)
}

const ATTEMPTS: u32 = 40;

pub(super) async fn apply(client: &mut Client, passwords: &Passwords) -> Result<String> {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await?.get(0);
    let mut attempt = 1;
    loop {
        match try_apply(client, passwords).await {
            Err(error) if attempt < ATTEMPTS && is_race(&error) => {
                // Each server process has its own pace, so that two do not meet again and again.
                let pause = 20 + (pid as u64 * u64::from(attempt)) % 130;
                tokio::time::sleep(Duration::from_millis(pause)).await;
                attempt += 1;
            }
            Err(error) if sql_state(&error) == Some(SqlState::INSUFFICIENT_PRIVILEGE) => {
                return Err(error).context(
                    "this login may not make or change the roles: run migrate as a superuser, or as the database's owner \
                     with CREATEROLE. From PostgreSQL 16 on an owner also needs ADMIN OPTION on those that are there; \
                     a superuser gives it: grant capconduit_owner to … with admin true; grant capconduit_seller, \
                     capconduit_staff, capconduit_internal, capconduit_read, capconduit_admin, capconduit_api, \
                     capconduit_asterisk to … with admin true, inherit false, set false",
                );
            }
            other => return other,
        }
    }
}

async fn try_apply(client: &mut Client, passwords: &Passwords) -> Result<String> {
    let transaction = client.transaction().await?;
    // capconduit_admin logs in as the owner; roles are the login's own business.
    transaction.batch_execute("set local role none").await?;
    let changes = plan(transaction.client(), passwords).await?;
    for change in &changes {
        transaction
            .batch_execute(change.sql())
            .await
            .with_context(|| change.shown().to_owned())?;
    }
    transaction.commit().await?;
    Ok(if changes.is_empty() {
        UP_TO_DATE.to_owned()
    } else {
        format!("{} changes", changes.len())
    })
}

/// The statements that are missing, in order.
pub(super) async fn plan(client: &Client, passwords: &Passwords) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let facts = Facts::read(client).await?;
    for role in ROLES
        .iter()
        .filter(|role| !facts.roles.iter().any(|name| name == role.name))
    {
        let limit = role
            .connections_percent
            .map(|percent| facts.connections * percent / 100);
        let limit = limit
            .map(|number| format!(" connection limit {number}"))
            .unwrap_or_default();
        changes.push(Change::new(format!(
            "create role {} {}{limit}",
            role.name, role.attributes
        )));
    }
    for role in ROLES {
        for group in role.member_of {
            if !facts
                .memberships
                .iter()
                .any(|(member, of)| member == role.name && of == group)
            {
                changes.push(Change::new(format!("grant {group} to {}", role.name)));
            }
        }
    }
    // A database owner who is no superuser makes everything as capconduit_owner, and must be a member for that.
    if !facts.superuser && !super::owner::may_become(client).await? {
        changes.push(Change::new("grant capconduit_owner to session_user"));
    }
    for role in ROLES {
        for (setting, value) in role.settings {
            if !facts
                .settings
                .iter()
                .any(|(of, name)| of == role.name && name == setting)
            {
                changes.push(Change::new(format!(
                    "alter role {} in database {} set {setting} = {value}",
                    role.name,
                    identifier(&facts.database)
                )));
            }
        }
    }
    for (role, verifier) in &passwords.0 {
        changes.push(Change::secret(
            format!("alter role {role} password '{verifier}'"),
            format!("alter role {role} password (from the environment)"),
        ));
    }
    Ok(changes)
}

/// What stands already.
struct Facts {
    database: String,
    superuser: bool,
    connections: i32,
    roles: Vec<String>,
    memberships: Vec<(String, String)>,
    settings: Vec<(String, String)>,
}

impl Facts {
    async fn read(client: &Client) -> Result<Self> {
        let row = client
            .query_one(
                "select current_database()::text as name,
                        (select rolsuper from pg_roles where rolname = session_user) as is_superuser,
                        current_setting('max_connections')::integer
                            - current_setting('superuser_reserved_connections')::integer as connections",
                &[],
            )
            .await?;
        let roles = client
            .query(
                "select rolname::text from pg_roles where rolname like 'capconduit\\_%'",
                &[],
            )
            .await?;
        let memberships = client
            .query(
                "select distinct m.rolname::text as member, g.rolname::text as role from pg_auth_members a
                   join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid
                  where g.rolname like 'capconduit\\_%'",
                &[],
            )
            .await?;
        let settings = client
            .query(
                "select r.rolname::text as role, split_part(c.setting, '=', 1) as name
                   from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
                   join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) c (setting)
                  where d.datname = current_database()",
                &[],
            )
            .await?;
        Ok(Self {
            database: row.get("name"),
            superuser: row.get("is_superuser"),
            connections: row.get("connections"),
            roles: roles.iter().map(|row| row.get(0)).collect(),
            memberships: memberships
                .iter()
                .map(|row| (row.get("member"), row.get("role")))
                .collect(),
            settings: settings
                .iter()
                .map(|row| (row.get("role"), row.get("name")))
                .collect(),
        })
    }
}
