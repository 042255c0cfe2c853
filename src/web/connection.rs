//! One connection: its requests one after another, until somebody has had enough.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use hyper::{server::conn::http1, service::service_fn};
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
    deadline::WriteDeadline,
    routes,
};

/// Bytes of request line and headers. Of headers there may be 100, which is hyper's own bound.
pub const MOST_HEADER_BYTES: usize = 32 * 1024;

/// What an orderly end may take once the time of a connection is over.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Answers the requests of one connection until the client or a deadline ends it, or `stop` comes
/// and no answer is under way.
pub async fn converse(
    stream: TcpStream,
    site: Arc<Site>,
    activity: Arc<Activity>,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let asked = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let (site, working) = (Arc::clone(&site), asked.request());
        async move {
            let route = site.paths.route(request.uri().path());
            let response = routes::answer(&site, route, &request).await;
            let writing = working.answered();
            Ok::<_, Infallible>(response.map(|parts| parts.until_sent(writing)))
        }
    });
    let stream = Heard {
        stream: WriteDeadline::new(stream, WRITE_TIMEOUT),
        activity: Arc::clone(&activity),
    };
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

/// Polls a connection to its end; `end` asks it to end once no answer is under way.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    end: fn(Pin<&mut C>),
    activity: &Activity,
    stop: CancellationToken,
) {
    let mut connection = pin!(connection);
    let mut expired = pin!(activity.expired());
    let mut stopping = pin!(stop.cancelled());
    let mut is_ending = false;
    let result = loop {
        tokio::select! {
            // The connection first: its progress moves the deadline.
            biased;
            result = connection.as_mut() => break result,
            () = &mut stopping, if !is_ending => {
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
