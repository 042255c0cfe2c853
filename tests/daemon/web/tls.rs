//! TLS of the web server, judged by real peers: curl, `openssl s_client` and Prometheus.
//! Debian packages: `curl`, `openssl`, `prometheus`.

use crate::common::web_certificates;
use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use crate::common::exporter::Exporter;
use crate::common::prometheus::Prometheus;
use crate::common::site::{Options, Server};
use contact_rate_exporter::web::{
    HANDSHAKE_TIMEOUT, HEADER_TIMEOUT, IDLE_TIMEOUT, WRITE_TIMEOUT, WebConfig,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

/// How long a change of a file may take to show on a machine that does much else; 5 s otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with certificates and a web config of these settings.
struct Site {
    folder: TempDir,
    server: Server,
}

impl Site {
    async fn serve(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        web_certificates::make(folder.path());
        let path = folder.path().join("web.yml");
        fs::write(&path, settings).unwrap();
        let web_config = WebConfig::load(Some(&path)).unwrap_or_else(|error| panic!("{error}"));
        let server = Server::start(Options {
            web_config,
            ..Options::default()
        })
        .await;
        Self { folder, server }
    }

    /// With the server's certificate and these lines of `tls_server_config`.
    async fn tls(lines: &[&str]) -> Self {
        let mut settings =
            "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n".to_owned();
        for line in lines {
            writeln!(settings, "  {line}").unwrap();
        }
        Self::serve(&settings).await
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The status that curl got over a verified connection, and what it said.
    async fn curl(&self, arguments: &[&str]) -> (String, String) {
        let url = url(self.server.address, "/metrics");
        let output = curl(self.path(), &[arguments, &[&url]].concat()).await;
        (text(&output.stdout), text(&output.stderr))
    }

    /// What `openssl s_client` said after one request.
    async fn s_client(&self, arguments: &[&str]) -> String {
        let mut child = Command::new("openssl")
            .args(["s_client", "-connect", &self.server.address.to_string()])
            .args(["-CAfile", "authority.pem", "-verify_return_error"])
            .args(["-servername", "localhost"])
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("openssl");
        let mut input = child.stdin.take().unwrap();
        let request = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        // Refused, it does not read its input.
        let _ = input.write_all(request).await;
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        drop(input);
        let output = output.expect("openssl ends").unwrap();
        text(&output.stdout) + &text(&output.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("https://localhost:{}{path}", address.port())
}

/// Prints the status and the version of HTTP.
async fn curl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--max-time",
            "30",
        ])
        .args(["--cacert", "authority.pem", "--output", "answer", "--ipv4"])
        .args(["--write-out", "%{http_code} %{http_version}"])
        .args(arguments)
        .current_dir(folder)
        .env_remove("SSLKEYLOGFILE")
        .kill_on_drop(true)
        .output()
        .await
        .expect("curl (Debian package curl)")
}

const CLIENT: [&str; 4] = ["--cert", "client.pem", "--key", "client.key"];
const STRANGER: [&str; 4] = ["--cert", "stranger.pem", "--key", "stranger.key"];

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_http_and_tls_are_those_that_are_configured() {
    let site = Site::tls(&[]).await;
    assert_eq!(site.curl(&[]).await.0, "200 2");
    assert_eq!(site.curl(&["--http1.1"]).await.0, "200 1.1");
    assert_eq!(site.curl(&["--tls-max", "1.2"]).await.0, "200 2");
    for (version, protocol) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let said = site.s_client(&[version]).await;
        assert!(
            said.contains(protocol) && said.contains("\nhealthy"),
            "{said}"
        );
    }
    let said = site
        .s_client(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        .await;
    assert!(!said.contains("healthy"), "{said}");

    let site = Site::tls(&["min_version: TLS13", "curve_preferences: [CurveP384]"]).await;
    let said = site.s_client(&["-tls1_2"]).await;
    assert!(!said.contains("healthy"), "{said}");
    let said = site.s_client(&[]).await;
    assert!(
        said.contains("secp384r1") || said.contains("P-384"),
        "{said}"
    );
    let said = site.s_client(&["-groups", "X25519"]).await;
    assert!(!said.contains("healthy"), "{said}");

    let site = Site::tls(&[
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
    ])
    .await;
    let said = site.s_client(&[]).await;
    assert!(said.contains("ECDHE-ECDSA-CHACHA20-POLY1305"), "{said}");
    let said = site
        .s_client(&["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"])
        .await;
    assert!(!said.contains("healthy"), "{said}");
    let said = site.s_client(&["-tls1_3"]).await;
    assert!(!said.contains("healthy"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_what_their_policy_asks_for() {
    const AUTHORITY: &str = "client_ca_file: authority.pem";
    // Without a certificate, with one of the authority, with one of a stranger.
    for (policy, authority, expected) in [
        ("NoClientCert", "", [true, true, true]),
        ("RequestClientCert", "", [true, true, true]),
        ("RequireAnyClientCert", "", [false, true, true]),
        ("VerifyClientCertIfGiven", AUTHORITY, [true, true, false]),
        (
            "RequireAndVerifyClientCert",
            AUTHORITY,
            [false, true, false],
        ),
    ] {
        let policy = format!("client_auth_type: {policy}");
        let site = Site::tls(&[&policy, authority]).await;
        for (arguments, expected) in [&[][..], &CLIENT, &STRANGER].iter().zip(expected) {
            for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
                let (status, said) = site.curl(&[arguments, version].concat()).await;
                let is_answered = status.starts_with("200");
                assert_eq!(
                    is_answered, expected,
                    "{policy} {arguments:?}: {status} {said}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_clients_with_an_allowed_name_are_answered() {
    for (names, expected) in [
        ("[prometheus.example.org]", true),
        ("[other, 192.0.2.1]", true),
        ("[ops@example.org]", true),
        ("['spiffe://example.org/prometheus']", true),
        ("[example.org, client, '*.example.org']", false),
    ] {
        let names = format!("client_allowed_sans: {names}");
        let site = Site::tls(&[
            "client_auth_type: RequireAndVerifyClientCert",
            "client_ca_file: authority.pem",
            &names,
        ])
        .await;
        let (status, said) = site.curl(&CLIENT).await;
        assert_eq!(status.starts_with("200"), expected, "{names}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_gets_an_answer_that_people_can_read() {
    let site = Site::tls(&[]).await;
    let answer = site.server.get("/metrics").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.text(),
        "Client sent an HTTP request to an HTTPS server.\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_go_on_ends_and_holds_up_nobody() {
    let site = Site::tls(&[]).await;
    for sent in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut stream = site.server.connect().await;
        stream.write_all(sent).await.unwrap();
        let start = Instant::now();
        let mut bytes = Vec::new();
        let _reset = stream.read_to_end(&mut bytes).await;
        let time = start.elapsed();
        assert!(
            time >= HANDSHAKE_TIMEOUT && time < HANDSHAKE_TIMEOUT * 2,
            "{time:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_do_not_make_a_scrape_wait() {
    let site = Site::tls(&[]).await;
    let mut crowd = Vec::new();
    for _ in 0..1000 {
        let mut stream = site.server.connect().await;
        let _gone = stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00").await;
        crowd.push(stream);
    }
    let start = Instant::now();
    assert_eq!(site.curl(&[]).await.0, "200 2");
    let time = start.elapsed();
    println!("beside 1000 half-open handshakes, curl and all: {time:?}");
    assert!(time < HANDSHAKE_TIMEOUT / 2, "{time:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_has_the_same_bounds_and_the_same_headers() {
    let site = Site::serve(
        "tls_server_config: {cert_file: server.pem, key_file: server.key}\n\
         http_server_config: {headers: {X-Frame-Options: deny}}\n",
    )
    .await;
    let many: Vec<String> = (0..99).map(|number| format!("X-{number}: 1")).collect();
    let mut arguments = Vec::new();
    for header in &many {
        arguments.extend(["-H", header]);
    }
    // User-Agent and Accept are two more; curl sends no Host over HTTP/2.
    assert_eq!(site.curl(&arguments).await.0, "431 2");
    assert_eq!(site.curl(&arguments[..190]).await.0, "200 2");
    let large = format!("X-Large: {}", "x".repeat(33 * 1024));
    let (status, said) = site.curl(&["-H", &large]).await;
    assert!(!status.starts_with("200"), "{status} {said}");
    let (dumped, _) = site.curl(&["--dump-header", "-"]).await;
    assert!(dumped.contains("x-frame-options: deny"), "{dumped}");
    let (dumped, _) = site.curl(&["--dump-header", "-", "--head"]).await;
    assert!(dumped.starts_with("HTTP/2 200"), "{dumped}");
}

/// How long the server keeps a connection over HTTP/2 whose client asks `requests` times and takes
/// answers `window` bytes at a time, then does nothing more.
async fn time_over_http2(site: &Site, requests: usize, window: u32) -> Duration {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(site.path().join("authority.pem")).unwrap();
    roots.add(authority).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = site.server.connect().await;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    let stream = connector.connect(name, stream).await.unwrap();
    let (mut client, connection) = h2::client::Builder::new()
        .initial_window_size(window)
        .handshake::<_, &[u8]>(stream)
        .await
        .unwrap();
    let ended = tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..requests {
        let request = hyper::Request::get("https://localhost/metrics")
            .body(())
            .unwrap();
        client = client.ready().await.unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        // What has arrived is not acknowledged.
        answers.push(answer);
    }
    let start = Instant::now();
    let _reset = ended.await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn http2_connections_that_do_nothing_or_do_not_take_their_answers_end() {
    let site = Site::tls(&[]).await;
    for (requests, window, bound) in [
        (0, 65_535, HEADER_TIMEOUT),
        (1, 65_535, IDLE_TIMEOUT),
        (3, 1, IDLE_TIMEOUT),
        (1, 0, WRITE_TIMEOUT),
    ] {
        let time = time_over_http2(&site, requests, window).await;
        let expected = bound..bound + Duration::from_secs(12);
        assert!(expected.contains(&time), "{requests} {window}: {time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_and_old_connections_end() {
    let site = Site::tls(&[]).await;
    let following = tokio::spawn({
        let web_config = std::sync::Arc::clone(&site.server.web_config);
        web_config.follow(|_| {})
    });
    // A connection that is kept, idle.
    let mut kept = Command::new("openssl")
        .args(["s_client", "-quiet", "-CAfile", "authority.pem", "-connect"])
        .arg(site.server.address.to_string())
        .current_dir(site.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let input = kept.stdin.as_mut().unwrap();
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n";
    input.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    let output = kept.stdout.as_mut().unwrap();
    output.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let name = "DNS:localhost,DNS:renewed.example.org";
    web_certificates::sign(site.path(), "server", name, "serverAuth");
    let start = Instant::now();
    let renewed = async {
        loop {
            let said = site
                .s_client(&["-verify_hostname", "renewed.example.org"])
                .await;
            if said.contains("\nhealthy") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, renewed)
        .await
        .expect("the new certificate");
    println!("new certificate in use after {:?}", start.elapsed());
    let ended = timeout(PATIENCE, kept.wait()).await;
    ended.expect("the kept connection ends").unwrap();
    following.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_over_mutual_tls_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    web_certificates::make(folder.path());
    let path = folder.path().join("web.yml");
    let settings = format!(
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  \
         client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.pem\n\
         basic_auth_users:\n  prometheus: {}\n",
        bcrypt::hash("a secret word", 6).unwrap()
    );
    fs::write(&path, &settings).unwrap();
    let flag = format!("--web.config.file={}", path.display());
    let mut exporter = Exporter::start(&["demo", "--web.enable-lifecycle", &flag], &[]);
    exporter.wait_for_output("metrics  https://");
    let address: SocketAddr = exporter.address().parse().unwrap();

    let pem = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let job = |name: &str, password: &str| {
        format!(
            "- job_name: {name}\n  scheme: https\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  \
             basic_auth: {{username: prometheus, password: '{password}'}}\n  \
             tls_config: {{ca_file: authority.pem, cert_file: client.pem, key_file: client.key, server_name: localhost}}\n  \
             static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
            address.port()
        )
    };
    let config = format!(
        "scrape_configs:\n{}{}",
        job("right", "a secret word"),
        job("wrong", "another word")
    );
    let prometheus = Prometheus::with_files(&[
        ("prometheus.yml", config),
        ("authority.pem", pem("authority.pem")),
        ("client.pem", pem("client.pem")),
        ("client.key", pem("client.key")),
    ])
    .await;
    let scraped = async {
        while prometheus
            .instant("up{job='right'} == 1 and on () up{job='wrong'} == 0")
            .await
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        while prometheus.instant("contact_rate_ratio").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_mins(1), scraped)
        .await
        .expect("scrapes");
    let known = prometheus
        .instant("contact_exporter_web_config_last_reload_successful")
        .await;
    assert_eq!(known[0]["value"][1], "1");

    // A reload with a broken web config: 500, and the old one stays.
    fs::write(
        &path,
        settings.replace("key_file: server.key", "key_file: client.key"),
    )
    .unwrap();
    let arguments = [&CLIENT[..], &["--user", "prometheus:a secret word"]].concat();
    let reload = url(address, "/-/reload");
    let post = [&arguments[..], &["--request", "POST", &reload]].concat();
    let output = curl(folder.path(), &post).await;
    assert_eq!(text(&output.stdout), "500 2", "{}", text(&output.stderr));
    let answer = fs::read_to_string(folder.path().join("answer")).unwrap();
    assert!(answer.contains("is not the key of"), "{answer}");
    let metrics = url(address, "/metrics");
    let get = [&arguments[..], &[&*metrics]].concat();
    assert_eq!(text(&curl(folder.path(), &get).await.stdout), "200 2");
    let page = fs::read_to_string(folder.path().join("answer")).unwrap();
    assert!(page.contains("\ncontact_exporter_web_config_last_reload_successful 0\n"));

    fs::write(&path, &settings).unwrap();
    let output = curl(folder.path(), &post).await;
    assert_eq!(text(&output.stdout), "200 2", "{}", text(&output.stderr));
    // Nothing of passwords and keys is told.
    let log = exporter.output();
    assert!(
        !log.contains("secret word") && !log.contains("$2b$"),
        "{log}"
    );
}
