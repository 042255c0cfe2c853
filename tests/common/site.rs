//! A server of the example snapshot, and a client that sees every byte of its answers.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{net::SocketAddr, sync::Arc};

use contact_rate_exporter::{
    exposition::{Exposition, SelfMetrics},
    snapshot::Snapshot,
    web::{self, Paths, ReloadRequest, Site, WebConfig},
};
use prometheus::Registry;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use super::example_snapshot;

/// A running server, stopped with the test.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    pub stopped: JoinHandle<()>,
    pub ready: watch::Sender<bool>,
    pub exposition: Arc<Exposition>,
    pub web_config: Arc<WebConfig>,
}

pub struct Options {
    pub prefix: &'static str,
    pub telemetry_path: &'static str,
    pub reload: Option<mpsc::Sender<ReloadRequest>>,
    pub snapshot: Snapshot,
    pub web_config: WebConfig,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "",
            telemetry_path: "/metrics",
            reload: None,
            snapshot: example_snapshot::full(),
            web_config: WebConfig::none(),
        }
    }
}

impl Server {
    pub async fn start(options: Options) -> Self {
        let registry = Registry::new();
        SelfMetrics::register(&registry).unwrap();
        let exposition = Arc::new(Exposition::new(registry, Arc::new(options.snapshot)));
        let (ready, is_ready) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let web_config = Arc::new(options.web_config);
        let site = Site {
            exposition: Arc::clone(&exposition),
            paths: Paths::new(options.prefix, options.telemetry_path),
            web_config: Arc::clone(&web_config),
            ready: is_ready,
            reload: options.reload,
        };
        let (stop, stopping) = oneshot::channel();
        let stopped = tokio::spawn(web::serve(vec![listener], site, async {
            let _ = stopping.await;
        }));
        Self {
            address,
            stop: Some(stop),
            stopped,
            ready,
            exposition,
            web_config,
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends one request on a connection of its own.
    pub async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = self.connect().await;
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Answer::read_to_end(&mut stream).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub async fn read_to_end(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        Self::parse(&bytes)
    }

    /// Reads one answer from a connection that stays open.
    pub async fn read_one(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        loop {
            assert_ne!(
                stream.read_buf(&mut bytes).await.unwrap(),
                0,
                "closed early"
            );
            if !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
                continue;
            }
            let answer = Self::parse(&bytes);
            let length: usize = answer.header("content-length").unwrap().parse().unwrap();
            if answer.body.len() == length {
                return answer;
            }
        }
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        Self {
            status: status.parse().unwrap(),
            headers: lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice");
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
