//! `capconduit node`: the agent beside each Asterisk. It replays the records that the dialplan could not hand to the
//! database, tells which calls are live, announces Asterisk's starts, and tells Asterisk of new call centers. Calls go on
//! without it; slots come back later.

mod asterisk;
mod connection;
mod files;
mod health;
mod heartbeat;
mod qualify;
mod replay;
mod settings;
mod sip;
mod spool;
mod state;
mod statement;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::UdpSocket;

use crate::process::{listener, running};
use connection::Database;
use health::Health;
use heartbeat::Heart;
use qualify::Qualifier;
use replay::Replay;
pub use settings::Args;
use sip::Watcher;
use spool::Spool;
use state::State;

pub async fn run(args: Args) -> Result<ExitCode> {
    running::start_logging(args.log_json);
    let settings = args.settings()?;
    let spool = Spool::open(&settings.spool)?;
    let state = State::load(&settings.spool);
    let health = Arc::new(Health::new(&settings.node)?);
    let listener = running::bind(&settings.listen).await?;
    let stop = running::stop_signal()?;
    tracing::info!(
        node = settings.node,
        instance = state.instance(),
        spool = %settings.spool.display(),
        address = %listener.local_addr()?,
        "watching"
    );
    // A connection each: a long replay must not delay a heartbeat.
    let replay = Replay::new(
        spool,
        Database::new(&settings.database, "capconduit node replay"),
        health.clone(),
    );
    // One more: Asterisk takes its time to read many call centers.
    let qualifier = Qualifier {
        asterisk: settings.asterisk.clone(),
        database: Database::new(&settings.database, "capconduit node qualify"),
        every: settings.heartbeat_every,
    };
    // Without it calls are what they are: another agent on the machine may have the port.
    let watcher = match UdpSocket::bind(&settings.sip_listen).await {
        Ok(socket) => Some(Watcher {
            socket,
            asterisk: settings.asterisk.clone(),
            health: health.clone(),
        }),
        Err(error) => {
            tracing::warn!(%error, address = settings.sip_listen, "refusals before the dialplan are not counted");
            None
        }
    };
    let heart = Heart {
        node: settings.node,
        asterisk: settings.asterisk,
        database: Database::new(&settings.database, "capconduit node"),
        state,
        every: settings.heartbeat_every,
        health: health.clone(),
        was_heard: false,
    };
    let replay = tokio::spawn(replay.run(stop.clone()));
    let heart = tokio::spawn(heart.run(stop.clone()));
    let qualifier = tokio::spawn(qualifier.run(stop.clone()));
    let watcher = watcher.map(|watcher| tokio::spawn(watcher.run(stop.clone())));
    listener::serve(listener, health::router(health), stop).await;
    replay.await.context("the replay task failed")?;
    heart.await.context("the heartbeat task failed")?;
    qualifier.await.context("the qualifying task failed")?;
    if let Some(watcher) = watcher {
        watcher.await.context("the counting task failed")?;
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}
