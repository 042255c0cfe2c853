//! Certificates of HTTP endpoints.

use std::{fmt::Write as _, path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::common::{
    desk::{Folder, good},
    exporter::{Exporter, value},
    upstream::{Reply, Upstream},
    web_certificates::{make, sign_for},
};

/// A port where a server shows the certificate `name` and hands on what it is asked.
async fn shows(folder: &Path, name: &str, behind: String) -> u16 {
    let chain = CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // Who does not trust the certificate breaks off.
                let Ok(mut client) = acceptor.accept(client).await else {
                    return;
                };
                let mut server = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoints_certificate_is_checked() {
    let certificates = tempfile::tempdir().unwrap();
    let path = certificates.path();
    make(path);
    sign_for(path, "expired", "IP:127.0.0.1", "serverAuth", -1);
    sign_for(path, "other", "DNS:other.example.org", "serverAuth", 2);
    let endpoint = Upstream::start(|_| Reply::json(200, r#"{"count": 3}"#)).await;
    let behind = endpoint.url.authority().to_owned();
    let cases = [
        ("good", "server", ""),
        ("untrusted", "stranger", "certificate"),
        ("expired", "expired", "expired"),
        ("elsewhere", "other", "not valid for name"),
    ];
    let mut more = String::from("populations:\n");
    for (population, certificate, _) in cases {
        let port = shows(path, certificate, behind.clone()).await;
        writeln!(
            more,
            "  {population}: {{total: {{http: {{url: 'https://127.0.0.1:{port}/{population}?at={{end}}', pointer: /count}}}}}}"
        )
        .unwrap();
    }
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, &more);
    let authority = path.join("authority.pem");
    let environment = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    let exporter = Exporter::start(&[&folder.flag()], &environment);
    let page = exporter.ready().await;
    let log = exporter.output();
    assert_eq!(value(&page, "contact_good"), Some(3.0), "{page} {log}");
    for (population, _, said) in &cases[1..] {
        let up = format!("contact_source_up{{source=\"{population}\"}}");
        assert_eq!(value(&page, &up), Some(0.0), "{log}");
        let failures =
            format!("contact_source_failures_total{{reason=\"connect\",source=\"{population}\"}}");
        assert!(value(&page, &failures) > Some(0.0), "{log}");
        assert!(
            !page.contains(&format!("contact_{population}")),
            "{population}"
        );
        let told = log
            .lines()
            .any(|line| line.contains(population) && line.contains(said));
        assert!(told, "{population}: {said}? {log}");
    }
    // Nothing was asked over a connection that is not trusted.
    let asked = endpoint.asked();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.path == "/good"));
}
