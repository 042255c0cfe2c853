//! What the exporter reads: a simulated Help Scout behind TLS, and a real PostgreSQL.

use std::{
    convert::Infallible,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use contact_rate_exporter::demo::{
    DEFAULT_SEED, Scenario,
    simulator::{Options, Simulator},
    story::Story,
};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::common::{certificates::Certificates, postgres::Postgres, server::Home};

/// Where Linux systems keep the certificates they trust.
const SYSTEM: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Both, ended when dropped.
pub struct Upstream {
    home: Home,
    made: Certificates,
    certificates: PathBuf,
    help_scout: String,
    postgres: Postgres,
}

impl Upstream {
    pub async fn start() -> Self {
        let home = Home::new(&[]);
        let made = Certificates::make(&home);
        // All that the system trusts, as in real life, and our own.
        let mut bundle = fs::read(&made.authority).unwrap();
        let system = SYSTEM.iter().find_map(|path| fs::read(path).ok());
        bundle.extend(system.unwrap_or_default());
        let certificates = home.path().join("bundle.pem");
        fs::write(&certificates, bundle).unwrap();
        let help_scout = help_scout(&made).await;
        let postgres = Postgres::start(&[]).await;
        postgres
            .execute(
                "CREATE TABLE dossiers (depose_at timestamptz NOT NULL); \
                 INSERT INTO dossiers SELECT now() - interval '10 minutes' * n FROM generate_series(1, 20000) AS n; \
                 CREATE INDEX ON dossiers (depose_at); \
                 ANALYZE dossiers",
            )
            .await;
        Self {
            home,
            made,
            certificates,
            help_scout,
            postgres,
        }
    }

    /// The certificate and key for `localhost`, and the authority that signed it: what the servers
    /// under measurement show, too.
    pub fn made(&self) -> &Certificates {
        &self.made
    }

    /// For files.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Every certificate that is trusted.
    pub fn certificates(&self) -> &Path {
        &self.certificates
    }

    pub fn help_scout(&self) -> &str {
        &self.help_scout
    }

    pub fn database(&self) -> String {
        // Without TLS: on a loopback interface few have it.
        self.postgres.url("sslmode=disable")
    }
}

/// Starts the simulator and gives its address.
async fn help_scout(made: &Certificates) -> String {
    // The exporter installs it for itself.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_file(&made.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&made.key).unwrap();
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let story = Arc::new(Story::new(
        Scenario::Incident,
        DEFAULT_SEED,
        Timestamp::now(),
    ));
    let options = Options {
        requests_per_minute: 1_000_000,
        ..Options::default()
    };
    let simulator = Arc::new(Simulator::new(story, options));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, simulator) = (acceptor.clone(), Arc::clone(&simulator));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = service_fn(move |request: Request<Incoming>| {
                    let simulator = Arc::clone(&simulator);
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap_or_default().to_bytes();
                        let answer = simulator.answer(&Request::from_parts(head, body));
                        Ok::<_, Infallible>(answer.map(Full::new))
                    }
                });
                // Exporters come and go.
                let _gone = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    format!("https://localhost:{port}")
}
