//! What Alertmanager sends its messages to.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A message: the path it came to, and its body.
pub type Message = (String, Value);

/// A receiver on a port of its own, ended when dropped.
pub struct Webhook {
    port: u16,
    messages: Arc<Mutex<Vec<Message>>>,
    task: JoinHandle<()>,
}

impl Webhook {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&messages);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let received = Arc::clone(&received);
                tokio::spawn(async move {
                    let message = receive(stream).await.unwrap();
                    received.lock().unwrap().push(message);
                });
            }
        });
        Self {
            port,
            messages,
            task,
        }
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The alerts of all messages to `path` so far.
    pub fn alerts(&self, path: &str) -> Vec<Value> {
        let messages = self.messages.lock().unwrap();
        let to_path = messages
            .iter()
            .filter(|(received_at, _)| received_at == path);
        to_path
            .flat_map(|(_, body)| body["alerts"].as_array().unwrap())
            .cloned()
            .collect()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(mut stream: TcpStream) -> std::io::Result<Message> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, length)| length.parse().unwrap())
        .unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        .await?;
    stream.shutdown().await?;
    Ok((path, serde_json::from_slice(&body).unwrap()))
}
