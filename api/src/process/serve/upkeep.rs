//! What the service does by itself every few seconds: slots of dead nodes are given back, failed logins told to the audit, caps that
//! filled noted, expired sessions, keys of repeats, old events of caps and marks of callers that have ended removed.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::memory;
use crate::app::AppState;
use crate::error::ApiResult;
use crate::http::once;
use crate::process::running;
use crate::resources::auth;
use crate::resources::caps::events;
use crate::store::identity::Identity;

/// A route that finds a link full does the same, so this only bounds how long a slot of a quiet link stays taken.
const EVERY: Duration = Duration::from_secs(5);
/// Twice a minute. Too low: with very many caps the database has no rest. Too high: a window ends before it is seen how full it was.
const CAPS_EVERY_ROUNDS: u64 = 6;
/// The same of marks of callers: a call each may have left one.
const FORGET_CALLERS_EVERY_ROUNDS: u64 = 6;
/// Once an hour.
const FORGET_EVERY_ROUNDS: u64 = 720;

const RELEASE_EXPIRED: &str = "select released from release_expired(500)";
const DELETE_EXPIRED_SESSIONS: &str = "select delete_expired_sessions()";
const FORGET_LOGIN_NETWORKS: &str = "select forget_login_networks()";
/// So many at a time hold no call up for long, and so often leave the round its time.
const FORGET_SEEN: &str = "select forget_caller_marks(1000, seen => true)";
const FORGET_SEEN_AT_MOST: usize = 10;
const FORGET_MARKS: &str = "select forget_caller_marks(1000, seen => false)";

/// What connections remember of the database, for good or for as long as they live.
const STATE: &str = "\
    select concat_ws(' ', schema_version(), e.oid, e.extversion, e.extnamespace,
                     (select string_agg(s.setconfig::text, ' ' order by s.setdatabase)
                        from pg_catalog.pg_db_role_setting s
                        join pg_catalog.pg_roles r on r.oid = s.setrole and r.rolname = session_user
                       where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d
                                                    where d.datname = current_database()))))
      from pg_catalog.pg_extension e where e.extname = 'capconduit'";

pub const INTERNAL_STATEMENTS: &[&str] = &[RELEASE_EXPIRED];
pub const OWN_STATEMENTS: &[&str] = &[
    STATE,
    DELETE_EXPIRED_SESSIONS,
    FORGET_LOGIN_NETWORKS,
    FORGET_SEEN,
    FORGET_MARKS,
];

pub async fn run(app: AppState, mut stop: watch::Receiver<bool>) {
    let mut failing = false;
    for round in 0u64.. {
        match once_around(&app, round).await {
            Ok(0) => failing = false,
            Ok(released) => {
                failing = false;
                tracing::warn!(
                    released,
                    "slots of calls that nobody reported any more were given back"
                );
            }
            // Once per outage: the database being down is told by every request, too.
            Err(error) if !failing => {
                failing = true;
                let cause = error.0.cause.unwrap_or(error.0.message);
                tracing::warn!(
                    cause,
                    "expired leases and full caps cannot be looked for; trying on"
                );
            }
            Err(_) => {}
        }
        memory::give_back();
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = running::stopped(&mut stop) => break,
        }
    }
    if auth::operations::note_failures(&app, app.failures.take_all())
        .await
        .is_err()
    {
        tracing::warn!("logins that failed are not in the audit: the database did not take them");
    }
}

async fn forget_callers(app: &AppState) -> ApiResult<()> {
    for _ in 0..FORGET_SEEN_AT_MOST {
        if app.store.own(FORGET_SEEN, &[]).await?.get::<_, i64>(0) == 0 {
            break;
        }
    }
    app.store.own(FORGET_MARKS, &[]).await?;
    Ok(())
}

async fn once_around(app: &AppState, round: u64) -> ApiResult<i32> {
    app.generation.saw(app.store.own(STATE, &[]).await?.get(0));
    let released: i32 = app
        .store
        .call_row(&Identity::INTERNAL, RELEASE_EXPIRED, &[])
        .await?
        .get(0);
    auth::operations::note_failures(app, app.failures.take_due(Instant::now())).await?;
    if round.is_multiple_of(CAPS_EVERY_ROUNDS) {
        app.store.call(&Identity::INTERNAL, events::NOTE, &[]).await?;
    }
    if round.is_multiple_of(FORGET_EVERY_ROUNDS) {
        app.store.own(DELETE_EXPIRED_SESSIONS, &[]).await?;
        app.store.own(FORGET_LOGIN_NETWORKS, &[]).await?;
        for forget in [once::FORGET, events::FORGET] {
            app.store.call(&Identity::INTERNAL, forget, &[]).await?;
        }
    }
    if round.is_multiple_of(FORGET_CALLERS_EVERY_ROUNDS) {
        forget_callers(app).await?;
    }
    Ok(released)
}
