//! What the commands that run until they are told to stop have in common: logs, the signal to stop, sockets.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub fn socket_address(text: &str, flag: &str) -> Result<SocketAddr> {
    text.parse()
        .with_context(|| format!("{flag} {text} is not ADDRESS:PORT"))
}

pub async fn bind(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Filtered by RUST_LOG; without it, one line per request and everything that needs an operator.
pub fn start_logging(json: bool) {
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
pub fn stop_signal() -> Result<watch::Receiver<bool>> {
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

/// Returns when the service is told to stop.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
