//! The HTTP server: accepts connections, answers, and stops when told to.
//!
//! Paths are relative to the route prefix.
//!
//! | path | methods | answer |
//! | --- | --- | --- |
//! | the telemetry path | GET, HEAD | the exposition |
//! | `/` | GET, HEAD | the landing page, unless it is the telemetry path |
//! | `/-/healthy` | GET, HEAD | 200 |
//! | `/-/ready` | GET, HEAD | 503 until the first refresh has ended, then 200 |
//! | `/-/reload` | POST | reloads the configuration; 403 unless that is enabled |
//!
//! Before every route stands the web config ([`WebConfig`]): TLS, passwords, a rate limit, headers.
//!
//! Everything a client can make the server hold is bounded: connections, header bytes, and the time
//! to send a request and to take an answer. Bodies of requests are never read.

mod accept;
mod activity;
mod answer;
mod client_certificate;
mod connection;
mod connections;
mod deadline;
mod guard;
mod negotiate;
mod paths;
mod policy;
mod rate;
mod routes;
mod secure;
mod settings;
mod users;

use std::{pin::pin, sync::Arc};

use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::exposition::Exposition;
use accept::{Acceptor, is_of_one_connection, is_out_of_descriptors};
use activity::Activity;
use connection::converse;
use connections::Connections;

pub use activity::{HEADER_TIMEOUT, IDLE_TIMEOUT, WRITE_TIMEOUT};
pub use connection::MOST_HEADER_BYTES;
pub use connections::MOST_CONNECTIONS;
#[cfg(fuzzing)]
pub use negotiate::{encoding, format};
pub use paths::{Paths, external_url, route_prefix, telemetry_path};
pub use policy::WebConfig;
pub use secure::HANDSHAKE_TIMEOUT;
pub use settings::Error;
#[cfg(fuzzing)]
pub use settings::load;

/// How long answers that are under way may take once the server stops.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A request to reload the configuration. The answer says what is wrong with the new one.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// What the server shows and whom it asks.
#[derive(Clone)]
pub struct Site {
    /// Where pages come from.
    pub exposition: Arc<Exposition>,
    /// Which path asks for what.
    pub paths: Paths,
    /// Who may ask, over what, and how often.
    pub web_config: Arc<WebConfig>,
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
    let stop = CancellationToken::new();
    let mut acceptor = Acceptor::new(listeners);
    let mut connections = Connections::default();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            true = connections.ended() => {}
            accepted = acceptor.accept() => match accepted {
                Ok((stream, peer)) => {
                    let activity = Activity::start();
                    let task = converse(
                        stream,
                        peer,
                        Arc::clone(&site),
                        Arc::clone(&activity),
                        stop.clone(),
                    );
                    connections.add(activity, task).await;
                }
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "connection lost before it was accepted");
                }
                Err(error) if is_out_of_descriptors(&error) && connections.close_idlest().await => {
                    acceptor.log(&error);
                }
                Err(error) => acceptor.back_off(&error),
            }
        }
    }
    drop(acceptor);
    stop.cancel();
    let drained = timeout(DRAIN_TIMEOUT, async { while connections.ended().await {} });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "answers were still under way {} s after the stop and are cut off",
            DRAIN_TIMEOUT.as_secs()
        );
    }
}
