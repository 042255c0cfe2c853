//! Scrapes without pause, or once a second, from a process of its own.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{self, Command, Stdio},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_rustls::TlsConnector;

use super::process::{connector, pinned};

/// How scrapes follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One after the other on connections that stay open.
    Kept,
    /// One after the other, each on a connection of its own.
    Fresh,
    /// One a second on one connection that stays open, as many Prometheus servers would.
    Paced,
}

impl Mode {
    const ALL: [(&str, Self); 3] = [
        ("kept", Self::Kept),
        ("fresh", Self::Fresh),
        ("paced", Self::Paced),
    ];

    fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, mode)| *mode == self);
        named.unwrap().0
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub requests: f64,
    pub seconds: f64,
    pub median: f64,
    pub p99: f64,
}

/// A child that scrapes.
pub struct Load {
    child: process::Child,
}

impl Load {
    pub fn start(
        address: SocketAddr,
        connections: usize,
        time: Duration,
        mode: Mode,
        gzip: bool,
    ) -> Self {
        Self::pinned(None, address, connections, time, mode, gzip)
    }

    /// On one CPU only.
    pub fn pinned(
        cpu: Option<usize>,
        address: SocketAddr,
        connections: usize,
        time: Duration,
        mode: Mode,
        gzip: bool,
    ) -> Self {
        Self::with(cpu, address, connections, time, (mode, gzip), None)
    }

    /// Over TLS, if there is an authority to trust.
    pub fn with(
        cpu: Option<usize>,
        address: SocketAddr,
        connections: usize,
        time: Duration,
        (mode, gzip): (Mode, bool),
        authority: Option<&Path>,
    ) -> Self {
        let mut command: Command = pinned(&env::current_exe().unwrap(), cpu);
        command
            .arg("scrape")
            .arg(address.to_string())
            .arg(connections.to_string())
            .arg(time.as_millis().to_string())
            .arg(mode.name())
            .arg(if gzip { "gzip" } else { "identity" })
            .args(authority)
            .stdout(Stdio::piped());
        Self {
            child: command.spawn().unwrap(),
        }
    }

    /// Waits for the end.
    pub fn outcome(mut self) -> Outcome {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(self.child.wait().unwrap().success(), "the load failed");
        let mut numbers = line.split_whitespace().map(|word| word.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Outcome {
            requests: next(),
            seconds: next(),
            median: next(),
            p99: next(),
        }
    }

    /// Looks at something every 50 ms until the end.
    pub fn sampling(mut self, mut look: impl FnMut()) {
        loop {
            look();
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The child: address, connections, milliseconds, mode, encoding, and for TLS an authority.
pub fn run(arguments: &[&str]) {
    let [address, connections, milliseconds, mode, encoding, tls @ ..] = arguments else {
        panic!("scrape ADDRESS CONNECTIONS MILLISECONDS MODE ENCODING [AUTHORITY]");
    };
    let address: SocketAddr = address.parse().unwrap();
    let time = Duration::from_millis(milliseconds.parse().unwrap());
    let (_, mode) = *Mode::ALL.iter().find(|(name, _)| name == mode).unwrap();
    let tls = tls
        .first()
        .map(|authority| TlsConnector::from(connector(Path::new(authority))));
    // What Prometheus sends, but for the format.
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Prometheus/2.42.0\r\n\
         Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\nAccept-Encoding: {encoding}\r\n\
         X-Prometheus-Scrape-Timeout-Seconds: 10\r\n{}\r\n",
        if mode == Mode::Fresh {
            "Connection: close\r\n"
        } else {
            ""
        }
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let start = Instant::now();
    let mut latencies: Vec<Duration> = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..connections.parse().unwrap() {
            tasks.spawn(scrape(
                address,
                tls.clone(),
                request.clone(),
                mode,
                start + time,
            ));
        }
        tasks.join_all().await.concat()
    });
    let seconds = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let quantile = |q: f64| {
        let rank = (q * latencies.len() as f64) as usize;
        latencies[rank.min(latencies.len() - 1)].as_secs_f64()
    };
    println!(
        "{} {seconds} {} {}",
        latencies.len(),
        quantile(0.5),
        quantile(0.99)
    );
}

async fn scrape(
    address: SocketAddr,
    tls: Option<TlsConnector>,
    request: String,
    mode: Mode,
    end: Instant,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut kept = None;
    let mut buffer = vec![0; 256 * 1024];
    let mut next = Instant::now();
    while next < end {
        sleep_until(next).await;
        let started = Instant::now();
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => connect(address, tls.as_ref()).await,
        };
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        read(&mut *stream, &mut buffer).await;
        latencies.push(started.elapsed());
        if mode != Mode::Fresh {
            kept = Some(stream);
        }
        next = match mode {
            Mode::Paced => started + Duration::from_secs(1),
            Mode::Kept | Mode::Fresh => Instant::now(),
        };
    }
    latencies
}

/// With or without TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn connect(address: SocketAddr, tls: Option<&TlsConnector>) -> Box<dyn Stream> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let Some(tls) = tls else {
        return Box::new(stream);
    };
    let name = ServerName::try_from("localhost").unwrap();
    Box::new(tls.connect(name, stream).await.unwrap())
}

/// Reads one answer to its end; panics unless it is a 200 of known length.
async fn read(stream: &mut dyn Stream, buffer: &mut [u8]) {
    let mut held = 0;
    let body = loop {
        let read = stream.read(&mut buffer[held..]).await.unwrap();
        assert_ne!(read, 0, "the server hung up");
        held += read;
        if let Some(end) = buffer[..held]
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
        {
            break end + 4;
        }
    };
    let text = std::str::from_utf8(&buffer[..body]).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    let length: usize = text
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .expect("a length");
    let mut left = (body + length).checked_sub(held).expect("one answer");
    while left > 0 {
        let most = left.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).await.unwrap();
        assert_ne!(read, 0, "the server hung up");
        left -= read;
    }
}
