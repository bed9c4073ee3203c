//! What the service does by itself every few seconds: slots of dead nodes are given back, expired sessions removed.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::AppState;
use crate::error::ApiResult;
use crate::process::listener;
use crate::store::identity::Identity;

/// A route that finds a link full does the same, so this only bounds how long a slot of a quiet link stays taken.
const EVERY: Duration = Duration::from_secs(5);
/// Once an hour.
const SESSIONS_EVERY_ROUNDS: u64 = 720;

const RELEASE_EXPIRED: &str = "select released from release_expired(500)";
const DELETE_EXPIRED_SESSIONS: &str = "select delete_expired_sessions()";
const FORGET_LOGIN_NETWORKS: &str = "select forget_login_networks()";

pub const INTERNAL_STATEMENTS: &[&str] = &[RELEASE_EXPIRED];
pub const OWN_STATEMENTS: &[&str] = &[DELETE_EXPIRED_SESSIONS, FORGET_LOGIN_NETWORKS];

pub async fn run(app: AppState, mut stop: watch::Receiver<bool>) {
    let mut failing = false;
    for round in 0u64.. {
        match once(&app, round.is_multiple_of(SESSIONS_EVERY_ROUNDS)).await {
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
                tracing::warn!(cause, "expired leases cannot be looked for; trying on");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = listener::stopped(&mut stop) => return,
        }
    }
}

async fn once(app: &AppState, sessions: bool) -> ApiResult<i32> {
    app.generation.look(&app.store).await?;
    let released: i32 = app
        .store
        .call_row(&Identity::INTERNAL, RELEASE_EXPIRED, &[])
        .await?
        .get(0);
    if sessions {
        app.store.own(DELETE_EXPIRED_SESSIONS, &[]).await?;
        app.store.own(FORGET_LOGIN_NETWORKS, &[]).await?;
    }
    Ok(released)
}
