//! `capconduit serve`: from settings to a running service and back to a clean stop.

pub mod arguments;
pub mod metrics;
pub mod router;
pub mod surround;
pub mod upkeep;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, AppState};
use crate::process::listener;
pub use arguments::Args;

pub async fn run(args: Args) -> Result<ExitCode> {
    start_logging(args.log_json);
    let settings = args.settings()?;
    let app = AppState(Arc::new(App::new(settings)?));
    let listener = bind(&app.settings.listen).await?;
    let metrics = bind(&app.settings.metrics_listen).await?;
    let stop = stop_signal()?;
    tracing::info!(address = %listener.local_addr()?, metrics = %metrics.local_addr()?, "serving");
    let upkeep = tokio::spawn(upkeep::run(app.clone(), stop.clone()));
    let observe = tokio::spawn(listener::serve(
        metrics,
        metrics::router(app.clone()),
        stop.clone(),
    ));
    listener::serve(listener, router::build(app.clone()), stop).await;
    upkeep.await.context("the upkeep task failed")?;
    observe.await.context("the metrics listener failed")?;
    app.store.pool.close();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn bind(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Filtered by RUST_LOG; without it, one line per request and everything that needs an operator.
pub(crate) fn start_logging(json: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second start in one process (tests) keeps the first one's logging.
    let _ = if json {
        logs.json().flatten_event(true).try_init()
    } else {
        logs.with_ansi(false).try_init()
    };
}

/// Turns true at SIGTERM or Ctrl-C.
pub(crate) fn stop_signal() -> Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (tell, stop) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing what has begun");
        let _ = tell.send(true);
    });
    Ok(stop)
}
