//! The HTTP server under the simulator.

use std::{convert::Infallible, io, net::Ipv4Addr, pin::pin, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, StatusCode, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::net::TcpListener;

/// Longest request body: a token request is a hundred bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// A free port of the loopback interface, which nobody else can reach.
pub async fn bind() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Answers requests until `shutdown` comes; then answers what has been asked, and ends.
///
/// Apart from [`Simulator::run`](super::Simulator::run), it lets tests put faults, delays and
/// counters around [`Simulator::answer`](super::Simulator::answer).
pub async fn serve<A, F>(listener: TcpListener, answer: A, shutdown: impl Future<Output = ()>)
where
    A: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Bytes>> + Send,
{
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: they come back as connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer.clone();
            async move { Ok::<_, Infallible>(whole(request, answer).await.map(Full::new)) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that went away is no matter here.
            let _ = connection.await;
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Reads the body before the request is answered.
async fn whole<F>(
    request: Request<hyper::body::Incoming>,
    answer: impl Fn(Request<Bytes>) -> F,
) -> Response<Bytes>
where
    F: Future<Output = Response<Bytes>>,
{
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    answer(Request::from_parts(head, body.to_bytes())).await
}
