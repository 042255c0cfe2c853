//! The baseline: what hyper's own guide shows, answering every request with the same bytes.

use std::{convert::Infallible, env, fs, net::SocketAddr, path::Path, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::{
    common::server::free_port,
    process::{Child, Memory},
};

/// A bare server in a process of its own.
pub struct Bare {
    child: Child,
}

impl Bare {
    /// Answers with the content of a file as if it were a page of metrics.
    pub fn start(body: &Path, gzip: Option<&str>, cpu: Option<usize>) -> Self {
        let port = free_port();
        let mut child = Child::new(&env::current_exe().unwrap(), cpu);
        child
            .command
            .arg("bare")
            .arg(port.to_string())
            .arg(body)
            .args(gzip);
        Self {
            child: child.start(port),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.child.address()
    }

    pub fn port_open_after(&self) -> Duration {
        self.child.port_open_after()
    }

    pub fn cpu(&self) -> super::process::Cpu {
        self.child.cpu()
    }

    pub fn memory(&self) -> Memory {
        self.child.memory()
    }
}

/// The child: port, file, encoding.
pub fn run(arguments: &[&str]) {
    let (port, rest) = arguments.split_first().unwrap();
    let (file, encoding) = rest.split_first().unwrap();
    let body = Bytes::from(fs::read(file).unwrap());
    let encoding = encoding
        .first()
        .map(|name| HeaderValue::from_str(name).unwrap());
    // As many threads as the exporter has.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(serve(port.parse().unwrap(), body, encoding));
}

async fn serve(port: u16, body: Bytes, encoding: Option<HeaderValue>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (body, encoding) = (body.clone(), encoding.clone());
        tokio::spawn(async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                let headers = response.headers_mut();
                headers.insert(
                    CONTENT_TYPE,
                    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
                );
                if let Some(encoding) = &encoding {
                    headers.insert(CONTENT_ENCODING, encoding.clone());
                }
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // Clients come and go.
            let _gone = connection.await;
        });
    }
}
