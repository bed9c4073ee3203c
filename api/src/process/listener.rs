//! Accepts connections: how many at once, how slowly one may send its headers, and how the service stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use super::running;

/// Too few: a browser's idle connections keep others out. Too many: memory.
const MAX_CONNECTIONS: usize = 4096;

/// Also how long an idle connection is kept.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// A reader that takes nothing of its answer for so long is given up: it would hold its connection and a piece of the
/// answer for ever. Too low: a stalled mobile line loses its export.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests that have begun get this long to end when the service stops. Just above the longest request by default.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Full: new connections wait in the kernel's queue.
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: trying again at once would only spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            },
            () = running::stopped(&mut stop) => break,
        };
        let connection = connections.watch(connection(stream, peer, router.clone()));
        tokio::spawn(async move {
            // A peer that breaks off is its own affair.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_TIMEOUT, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            seconds = STOP_TIMEOUT.as_secs(),
            "some requests did not end in time"
        );
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection {
    // Answers are small and complete: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    // The kernel's own clock, because it alone knows whether the other side still takes bytes.
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT));
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
}
