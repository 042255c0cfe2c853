//! The HTTP server: accepts connections, answers, and stops when told to.
//!
//! | path | methods | answer |
//! | --- | --- | --- |
//! | the telemetry path | GET, HEAD | the exposition |
//! | `/` | GET, HEAD | the landing page, unless it is the telemetry path |
//! | `/-/healthy` | GET, HEAD | 200 |
//! | `/-/ready` | GET, HEAD | 503 until the first refresh has ended, then 200 |
//! | `/-/reload` | POST | reloads the configuration; 403 unless that is enabled |
//!
//! Everything a client can make the server hold is bounded: connections, header bytes, and the time
//! to send a request and to take an answer. Bodies of requests are never read.

mod answer;
mod deadline;
mod negotiate;
mod routes;

use std::{convert::Infallible, future::poll_fn, io, pin::pin, sync::Arc, task::Poll};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{Duration, Instant, sleep_until, timeout},
};

use crate::exposition::Exposition;
use deadline::WriteDeadline;

/// Connections at a time; more wait to be accepted.
pub const MOST_CONNECTIONS: usize = 512;

/// From the end of an answer, or the start of the connection, to the end of the next request's
/// headers. Over the shortest common scrape interval of 10 s, which would else often meet a
/// connection that is just being closed.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(12);

/// From the first write that has to wait to the end of the answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long answers that are under way may take once the server stops.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of request line and headers.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// Until the next try when no connection can be accepted, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A request to reload the configuration. The answer says what is wrong with the new one.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// What the server shows and whom it asks.
#[derive(Clone)]
pub struct Site {
    /// Where pages come from.
    pub exposition: Arc<Exposition>,
    /// Path of the exposition, `/metrics` by default. Starts with `/`.
    pub telemetry_path: String,
    /// Whether the first refresh has ended.
    pub ready: watch::Receiver<bool>,
    /// Who reloads the configuration; `None` where the flag does not allow it.
    pub reload: Option<mpsc::Sender<ReloadRequest>>,
}

/// Answers requests on all of `listeners` until `shutdown` is done; then closes the listeners, waits
/// at most [`DRAIN_TIMEOUT`] for answers that are under way, and returns. Nothing it started
/// outlives it, even if it is dropped before its end.
pub async fn serve(listeners: Vec<TcpListener>, site: Site, shutdown: impl Future<Output = ()>) {
    let site = Arc::new(site);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut paused_until = None;
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task failed");
                }
            }
            accepted = accept(&listeners, &mut paused_until), if connections.len() < MOST_CONNECTIONS => {
                match accepted {
                    Ok(stream) => {
                        connections.spawn(converse(stream, Arc::clone(&site), graceful.watcher()));
                    }
                    Err(error) if is_of_one_connection(&error) => {
                        tracing::debug!(%error, "connection lost before it was accepted");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept connections, trying again");
                        paused_until = Some(Instant::now() + ACCEPT_PAUSE);
                    }
                }
            }
        }
    }
    drop(listeners);
    let drained = timeout(DRAIN_TIMEOUT, async {
        graceful.shutdown().await;
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "answers were still under way {} s after the stop and are cut off",
            DRAIN_TIMEOUT.as_secs()
        );
    }
}

/// The next connection of any listener, not before the pause after a failure is over.
async fn accept(
    listeners: &[TcpListener],
    paused_until: &mut Option<Instant>,
) -> io::Result<TcpStream> {
    if let Some(instant) = *paused_until {
        sleep_until(instant).await;
        *paused_until = None;
    }
    poll_fn(|context| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted.map(|(stream, _)| stream));
            }
        }
        Poll::Pending
    })
    .await
}

/// Whether accepting failed for what the one client did.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Answers the requests of one connection, one after another.
async fn converse(stream: TcpStream, site: Arc<Site>, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(routes::answer(&site, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MOST_HEADER_BYTES)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(
            TokioIo::new(WriteDeadline::new(stream, WRITE_TIMEOUT)),
            service,
        );
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "connection ended early"
        );
    }
}
