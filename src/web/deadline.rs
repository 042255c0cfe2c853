//! A limit on how long a client may take to read an answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Sleep, sleep},
};

/// A stream whose writes fail once an answer has taken too long.
///
/// The time runs from the first write that has to wait until everything written has been flushed.
/// An answer that fits the socket's buffer, as most do, needs no timer.
pub struct WriteDeadline<S> {
    stream: S,
    limit: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteDeadline<S> {
    /// Limits `stream`.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            running: None,
        }
    }

    fn check<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_pending() {
            let limit = self.limit;
            let running = self.running.get_or_insert_with(|| Box::pin(sleep(limit)));
            ready!(running.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client took too long to read the answer",
            )));
        }
        progress
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.check(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        if progress.is_ready() {
            self.running = None;
        }
        self.check(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(context);
        self.check(context, progress)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::{Instant, advance},
    };

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (client, server) = duplex(8);
        let start = Instant::now();
        let mut server = WriteDeadline::new(server, LIMIT);
        let error = server.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= LIMIT);
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_is_given_up_too() {
        let (mut client, server) = duplex(8);
        let start = Instant::now();
        let mut server = WriteDeadline::new(server, LIMIT);
        let answer = server.write_all(&[0; 1000]);
        let reading = async {
            while client.read_u8().await.is_ok() {
                sleep(LIMIT / 10).await;
            }
        };
        let error = tokio::select! {
            result = answer => result.unwrap_err(),
            () = reading => unreachable!(),
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < LIMIT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn time_between_answers_does_not_count() {
        let (mut client, server) = duplex(8);
        let mut server = WriteDeadline::new(server, LIMIT);
        for _ in 0..3 {
            let mut read = [0; 20];
            let (written, read) = tokio::join!(
                async {
                    server.write_all(&[7; 20]).await?;
                    server.flush().await
                },
                client.read_exact(&mut read)
            );
            written.unwrap();
            read.unwrap();
            advance(LIMIT).await;
        }
    }
}
