//! One connection: its requests one after another, until somebody has had enough.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use hyper::{
    Request, Response,
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Site,
    activity::{Activity, WRITE_TIMEOUT},
    answer::Parts,
    deadline::WriteDeadline,
    guard,
    secure::secure,
};
use crate::chain::chain;

/// Bytes of request line and headers. Of headers there may be 100, which is hyper's own bound.
pub const MOST_HEADER_BYTES: usize = 32 * 1024;

/// Requests at a time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 16;

/// Bytes of bodies that an HTTP/2 client may send ahead; nobody reads them.
const LEAST_WINDOW: u32 = 65_535;

/// What an orderly end may take once the time of a connection is over.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Answers the requests of one connection until the client or a deadline ends it, or `stop` comes
/// or its rules are replaced and no answer is under way.
pub async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    site: Arc<Site>,
    activity: Arc<Activity>,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    // The rules themselves are not held on to: a connection may outlive many of them.
    let (tls, retired) = {
        let policy = site.web_config.policy();
        let tls = policy.tls.as_ref().map(|tls| Arc::clone(&tls.config));
        (tls, Arc::clone(&policy.retired))
    };
    let mut end = pin!(async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = retired.cancelled() => {}
        }
    });
    let Some(config) = tls else {
        let client = Client::new(site, peer, activity);
        return Box::pin(http1(stream, client, end)).await;
    };
    let secured = tokio::select! {
        secured = Box::pin(secure(stream, config)) => secured,
        () = &mut end => return,
    };
    let stream = match secured {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%peer, error = chain(&error), "no TLS connection");
            return;
        }
    };
    activity.restart();
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let client = Client::new(site, peer, activity);
    // Boxed, each connection takes the memory of its own kind only.
    if is_http2 {
        Box::pin(http2(stream, client, end)).await;
    } else {
        Box::pin(http1(stream, client, end)).await;
    }
}

/// Whoever asks, and what is known of the connection.
#[derive(Clone)]
struct Client {
    site: Arc<Site>,
    peer: IpAddr,
    activity: Arc<Activity>,
}

impl Client {
    fn new(site: Arc<Site>, peer: SocketAddr, activity: Arc<Activity>) -> Self {
        Self {
            site,
            peer: peer.ip(),
            activity,
        }
    }

    /// Answers one request.
    async fn ask(self, request: Request<Incoming>) -> Result<Response<Parts>, Infallible> {
        let working = self.activity.request();
        let response = guard::answer(&self.site, self.peer, &request).await;
        let writing = working.answered();
        Ok(response.map(|parts| parts.until_sent(writing)))
    }
}

async fn http1<S>(stream: S, client: Client, stop: impl Future<Output = ()>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let activity = Arc::clone(&client.activity);
    let stream = Heard {
        stream: WriteDeadline::new(stream, WRITE_TIMEOUT),
        activity: Arc::clone(&activity),
    };
    let service = service_fn(move |request| client.clone().ask(request));
    let connection = http1::Builder::new()
        // Activity keeps the time, with one timer for all requests of a connection.
        .header_read_timeout(None)
        .max_header_size(MOST_HEADER_BYTES)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    drive(
        connection,
        http1::Connection::graceful_shutdown,
        &activity,
        stop,
    )
    .await;
}

async fn http2<S>(stream: S, client: Client, stop: impl Future<Output = ()>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let activity = Arc::clone(&client.activity);
    let stream = WriteDeadline::new(stream, WRITE_TIMEOUT);
    let service = service_fn(move |request| client.clone().ask(request));
    let streams = Streams::default();
    // Answers end with the connection, whatever ends that.
    let _end = streams.0.clone().drop_guard();
    let connection = http2::Builder::new(streams)
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(MOST_HEADER_BYTES).unwrap_or(u32::MAX))
        .initial_stream_window_size(LEAST_WINDOW)
        .initial_connection_window_size(LEAST_WINDOW)
        .serve_connection(TokioIo::new(stream), service);
    drive(
        connection,
        http2::Connection::graceful_shutdown,
        &activity,
        stop,
    )
    .await;
}

/// Runs the answers of one HTTP/2 connection, each in a task of its own.
#[derive(Clone, Default)]
struct Streams(CancellationToken);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, answer: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(answer));
    }
}

/// Polls a connection to its end; `end` asks it to end once no answer is under way.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    end: fn(Pin<&mut C>),
    activity: &Activity,
    stop: impl Future<Output = ()>,
) {
    let mut connection = pin!(connection);
    let mut expired = pin!(activity.expired());
    let mut stop = pin!(stop);
    let mut is_ending = false;
    let result = loop {
        tokio::select! {
            // The connection first: its progress moves the deadline.
            biased;
            result = connection.as_mut() => break result,
            () = &mut stop, if !is_ending => {
                is_ending = true;
                end(connection.as_mut());
            }
            () = &mut expired => {
                end(connection.as_mut());
                let Ok(result) = timeout(LAST_WORDS, connection.as_mut()).await else {
                    tracing::debug!("a connection ran out of time");
                    return;
                };
                break result;
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "connection ended early"
        );
    }
}

/// A stream that notes when bytes come.
struct Heard<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let progress = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        progress
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
