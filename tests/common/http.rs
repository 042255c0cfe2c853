//! An HTTP server that answers as it is told, faults included.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What to do with a request.
pub enum Reply {
    /// Send these bytes and close.
    Bytes(Vec<u8>),
    /// Send these bytes again and again, as long as somebody reads.
    Endless {
        /// The status line, the headers and what begins the body.
        first: Vec<u8>,
        /// What follows for ever.
        then: Vec<u8>,
    },
    /// Read the request and never answer.
    Silence,
    /// Close without a word.
    HangUp,
}

impl Reply {
    /// An answer with a status and a JSON body.
    pub fn json(status: u16, body: &str) -> Self {
        Self::with(status, &["Content-Type: application/json"], body.as_bytes())
    }

    /// An answer with a status, headers and a body.
    pub fn with(status: u16, headers: &[&str], body: &[u8]) -> Self {
        let mut bytes = format!(
            "HTTP/1.1 {status} Whatever\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for header in headers {
            bytes.push_str(header);
            bytes.push_str("\r\n");
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(body);
        Self::Bytes(bytes)
    }
}

/// A server on a port of its own, ended when dropped.
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server that answers the request number `n` (from 0) with the head `head` by
    /// `reply(n, head)`.
    pub async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let reply = Arc::new(reply);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, reply) = (Arc::clone(&seen), Arc::clone(&reply));
                tokio::spawn(async move {
                    // A client that goes away is part of the tests.
                    let _gone = answer(stream, &seen, &*reply).await;
                });
            }
        });
        Self {
            port,
            requests,
            task,
        }
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    reply: &(impl Fn(usize, &str) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let number = {
        let mut seen = seen.lock().expect("no panic");
        seen.push(head.clone());
        seen.len() - 1
    };
    match reply(number, &head) {
        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
        Reply::Endless { first, then } => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&then).await?;
            }
        }
        Reply::Silence => {
            // Until the other side gives up.
            let _end = stream.read_u8().await;
        }
        Reply::HangUp => {}
    }
    stream.shutdown().await
}
