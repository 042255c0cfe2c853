//! Takes connections from the listeners.

use std::{future::poll_fn, io, net::SocketAddr, task::Poll};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant, sleep_until},
};

/// Until the first try after a failure; doubled with each failure that follows.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

/// Longest time until the next try.
const MOST_PAUSE: Duration = Duration::from_secs(1);

/// Between two lines of the log about failures.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The listeners, and how accepting went lately.
pub struct Acceptor {
    listeners: Vec<TcpListener>,
    /// The listener that is asked first, another one each time: none is starved.
    first: usize,
    pause: Duration,
    paused_until: Option<Instant>,
    logged: Option<Instant>,
    unsaid: u64,
}

impl Acceptor {
    pub fn new(listeners: Vec<TcpListener>) -> Self {
        Self {
            listeners,
            first: 0,
            pause: Duration::ZERO,
            paused_until: None,
            logged: None,
            unsaid: 0,
        }
    }

    /// The next connection of any listener, not before the pause after a failure is over.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        if let Some(instant) = self.paused_until {
            sleep_until(instant).await;
            self.paused_until = None;
        }
        let count = self.listeners.len();
        self.first = (self.first + 1) % count.max(1);
        let (listeners, first) = (&self.listeners, self.first);
        let accepted = poll_fn(|context| {
            for listener in listeners.iter().cycle().skip(first).take(count) {
                if let Poll::Ready(accepted) = listener.poll_accept(context) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await;
        if accepted.is_ok() {
            self.pause = Duration::ZERO;
        }
        accepted
    }

    /// Makes the next try wait, longer with each failure in a row, and logs once a minute at most.
    pub fn back_off(&mut self, error: &io::Error) {
        self.pause = (self.pause * 2).clamp(LEAST_PAUSE, MOST_PAUSE);
        self.paused_until = Some(Instant::now() + self.pause);
        self.log(error);
    }

    /// Logs a failure, once a minute at most.
    pub fn log(&mut self, error: &io::Error) {
        let now = Instant::now();
        if self.logged.is_some_and(|last| now - last < LOG_INTERVAL) {
            self.unsaid += 1;
            return;
        }
        tracing::warn!(
            %error,
            failures_not_logged = self.unsaid,
            "cannot accept connections, trying again; said once a minute at most"
        );
        self.logged = Some(now);
        self.unsaid = 0;
    }
}

/// Whether accepting failed for what the one client did.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Whether there are no file descriptors left, which closing a connection can help.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    const OF_THE_SYSTEM: i32 = 23;
    const OF_THE_PROCESS: i32 = 24;
    matches!(error.raw_os_error(), Some(OF_THE_SYSTEM | OF_THE_PROCESS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_wait_longer_and_longer_up_to_a_bound() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut acceptor = Acceptor::new(vec![listener]);
        let error = io::Error::from_raw_os_error(24);
        assert!(is_out_of_descriptors(&error));
        let mut waited = Vec::new();
        for _ in 0..8 {
            acceptor.back_off(&error);
            let start = Instant::now();
            waited.push(acceptor.paused_until.unwrap() - start);
        }
        assert_eq!(waited[0], LEAST_PAUSE);
        assert!(waited.is_sorted());
        assert_eq!(waited[7], MOST_PAUSE);
        assert_eq!(acceptor.unsaid, 7, "one line for eight failures");

        let client = TcpStream::connect(address).await.unwrap();
        let start = Instant::now();
        acceptor.accept().await.unwrap();
        assert!(start.elapsed() >= MOST_PAUSE);
        acceptor.back_off(&error);
        assert_eq!(
            acceptor.pause, LEAST_PAUSE,
            "it starts again after a success"
        );
        drop(client);
    }

    #[tokio::test]
    async fn no_listener_is_starved() {
        let listeners = [
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ];
        let addresses = listeners.each_ref().map(|one| one.local_addr().unwrap());
        let mut acceptor = Acceptor::new(listeners.into());
        let mut clients = Vec::new();
        for address in [addresses[0], addresses[0], addresses[0], addresses[1]] {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut ports = Vec::new();
        for _ in 0..2 {
            let (stream, _) = acceptor.accept().await.unwrap();
            ports.push(stream.local_addr().unwrap().port());
        }
        assert!(ports.contains(&addresses[1].port()), "{ports:?}");
    }
}
