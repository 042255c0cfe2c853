//! The baseline: what hyper's own guide shows, answering every request with the same bytes.

use std::{convert::Infallible, env, fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{
    common::{certificates::Certificates, server::free_port},
    process::{Child, Memory},
};

/// A bare server in a process of its own.
pub struct Bare {
    child: Child,
}

impl Bare {
    /// Answers with the content of a file as if it were a page of metrics.
    pub fn start(body: &Path, gzip: Option<&str>, cpu: Option<usize>) -> Self {
        Self::with(body, gzip, cpu, None)
    }

    /// The same over TLS, if there are a certificate and its key.
    pub fn with(
        body: &Path,
        gzip: Option<&str>,
        cpu: Option<usize>,
        tls: Option<&Certificates>,
    ) -> Self {
        let port = free_port();
        let mut child = Child::new(&env::current_exe().unwrap(), cpu);
        child
            .command
            .arg("bare")
            .arg(port.to_string())
            .arg(body)
            .arg(gzip.unwrap_or("identity"));
        if let Some(tls) = tls {
            child.command.arg(&tls.certificate).arg(&tls.key);
        }
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

/// The child: port, file, encoding, and for TLS certificate and key.
pub fn run(arguments: &[&str]) {
    let (port, rest) = arguments.split_first().unwrap();
    let [file, encoding, tls @ ..] = rest else {
        panic!("bare PORT FILE ENCODING [CERTIFICATE KEY]");
    };
    let body = Bytes::from(fs::read(file).unwrap());
    let encoding = (*encoding != "identity").then(|| HeaderValue::from_str(encoding).unwrap());
    let tls = tls.first().map(|certificate| {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_file(certificate).unwrap()],
                PrivateKeyDer::from_pem_file(tls[1]).unwrap(),
            );
        TlsAcceptor::from(Arc::new(config.unwrap()))
    });
    // As many threads as the exporter has.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(serve(port.parse().unwrap(), body, encoding, tls));
}

async fn serve(port: u16, body: Bytes, encoding: Option<HeaderValue>, tls: Option<TlsAcceptor>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (body, encoding, tls) = (body.clone(), encoding.clone(), tls.clone());
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
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new());
            // Clients come and go.
            let _gone = match tls {
                None => {
                    builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                }
                Some(tls) => {
                    // Whoever only looks whether the port is open does not shake hands.
                    let Ok(stream) = tls.accept(stream).await else {
                        return;
                    };
                    builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                }
            };
        });
    }
}
