//! The HTTP server over real sockets.

use std::{
    io::Read as _,
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use contact_rate_exporter::{
    exposition::Exposition,
    web::{
        self, DRAIN_TIMEOUT, HEADER_TIMEOUT, IDLE_TIMEOUT, MOST_HEADER_BYTES, Paths, ReloadRequest,
        Site, WRITE_TIMEOUT, WebConfig,
    },
};
use flate2::read::GzDecoder;
use prometheus::Registry;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, timeout},
};

use crate::common::{
    example_snapshot, itself,
    site::{Answer, Options, Server},
};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

#[tokio::test]
async fn every_path_takes_its_methods_only() {
    let server = Server::start(Options::default()).await;
    server.ready.send_replace(true);
    for path in [
        "/metrics",
        "/",
        "/-/healthy",
        "/-/ready",
        "/-/ready?x=/-/reload",
    ] {
        let get = server.get(path).await;
        assert_eq!(get.status, 200, "{path}");
        for method in METHODS {
            let answer = server.ask(method, path, "").await;
            match method {
                "GET" => {}
                "HEAD" => {
                    assert_eq!((answer.status, answer.text()), (200, ""), "{path}");
                    let content_type = answer.header("content-type");
                    assert_eq!(content_type, get.header("content-type"), "{path}");
                    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
                    assert!(length > 0);
                }
                _ => {
                    assert_eq!(answer.status, 405, "{method} {path}");
                    assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {path}");
                }
            }
        }
    }
    for path in [
        "/metrics/",
        "//",
        "/-/",
        "/-/reload/",
        "/favicon.ico",
        "/metrics%20",
        "/a/../metrics",
    ] {
        for method in METHODS {
            assert_eq!(
                server.ask(method, path, "").await.status,
                404,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn reloading_needs_the_flag_and_tells_what_is_wrong() {
    let server = Server::start(Options::default()).await;
    for method in METHODS {
        let answer = server.ask(method, "/-/reload", "").await;
        if method == "POST" {
            assert_eq!(answer.status, 403);
            assert!(answer.text().contains("--web.enable-lifecycle"));
        } else {
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        }
    }

    let (requests, mut received) = mpsc::channel::<ReloadRequest>(1);
    let server = Server::start(Options {
        reload: Some(requests),
        ..Options::default()
    })
    .await;
    assert_eq!(server.get("/-/reload").await.status, 405);
    let reloader = tokio::spawn(async move {
        let mut outcomes = [Ok(()), Err("line 3: unknown key `windwos`".to_owned())].into_iter();
        for outcome in outcomes.by_ref() {
            received.recv().await.unwrap().send(outcome).unwrap();
        }
    });
    // A body is neither needed nor read.
    let body = "Content-Length: 1000000\r\n";
    assert_eq!(server.ask("POST", "/-/reload", body).await.status, 200);
    let answer = server.ask("POST", "/-/reload", "").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("line 3: unknown key `windwos`"));
    reloader.await.unwrap();
    let answer = server.ask("POST", "/-/reload", "").await;
    assert_eq!(answer.status, 503, "nobody is left who could reload");
}

#[tokio::test]
async fn ready_after_the_first_refresh() {
    let server = Server::start(Options::default()).await;
    assert_eq!(server.get("/-/ready").await.status, 503);
    assert_eq!(server.get("/-/healthy").await.status, 200);
    server.ready.send_replace(true);
    assert_eq!(server.get("/-/ready").await.status, 200);
}

#[tokio::test]
async fn the_telemetry_path_can_be_any() {
    let server = Server::start(Options {
        telemetry_path: "/probe/contact",
        ..Options::default()
    })
    .await;
    assert!(
        server
            .get("/probe/contact")
            .await
            .text()
            .starts_with("# HELP")
    );
    assert_eq!(server.get("/metrics").await.status, 404);
    let landing = server.get("/").await;
    assert!(landing.text().contains("href=\"probe/contact\""));

    let server = Server::start(Options {
        telemetry_path: "/",
        ..Options::default()
    })
    .await;
    assert!(server.get("/").await.text().starts_with("# HELP"));
    assert_eq!(
        server.ask("POST", "/", "").await.header("allow"),
        Some("GET, HEAD")
    );
}

#[tokio::test]
async fn format_and_encoding_are_negotiated() {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let server = Server::start(Options::default()).await;
    let prometheus = "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n";
    for (headers, content_type, encoding) in [
        (String::new(), TEXT, None),
        ("Accept-Encoding: gzip;q=0\r\n".to_owned(), TEXT, None),
        (
            "Accept-Encoding: br, gzip\r\n".to_owned(),
            TEXT,
            Some("gzip"),
        ),
        (prometheus.to_owned(), OPEN_METRICS, None),
        (
            format!("{prometheus}Accept-Encoding: gzip\r\n"),
            OPEN_METRICS,
            Some("gzip"),
        ),
    ] {
        let answer = server.ask("GET", "/metrics", &headers).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some(content_type),
            "{headers}"
        );
        assert_eq!(answer.header("content-encoding"), encoding, "{headers}");
        assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert_eq!(length, answer.body.len());
        let text = match encoding {
            Some(_) => std::io::read_to_string(GzDecoder::new(&*answer.body)).unwrap(),
            None => answer.text().to_owned(),
        };
        assert!(text.contains("\ncontact_rate_ratio{"), "{headers}");
        assert_eq!(text.ends_with("\n# EOF\n"), content_type == OPEN_METRICS);
    }
}

#[tokio::test]
async fn a_new_snapshot_is_served_on_an_open_connection() {
    let server = Server::start(Options {
        snapshot: example_snapshot::empty(),
        ..Options::default()
    })
    .await;
    let mut stream = server.connect().await;
    for (snapshot, up) in [(None, 0), (Some(example_snapshot::full()), 1)] {
        if let Some(snapshot) = snapshot {
            server.exposition.publish(Arc::new(snapshot));
        }
        let request = b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let answer = Answer::read_one(&mut stream).await;
        let expected = format!("\ncontact_source_up{{source=\"tickets\"}} {up}\n");
        assert!(answer.text().contains(&expected));
    }
}

#[tokio::test]
async fn the_landing_page_shows_rates_and_sources_and_nothing_unescaped() {
    let server = Server::start(Options::default()).await;
    let answer = server.get("/").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let page = answer.text();
    for part in [
        "href=\"metrics\"",
        "href=\"-/ready\"",
        "href=\"-/healthy\"",
        "<strong>5.25&nbsp;%</strong><small>4.09 to 6.63&nbsp;%</small><small>was 8.9&nbsp;% (−41&nbsp;%)</small>",
        "▲ above 5&nbsp;% target",
        "<strong>status</strong>: GET /v2/reports/happiness answered 500: &lt;try&gt; again &amp;",
        "\"bugs\" &amp; &lt;b&gt;\\n\nété&lt;/b&gt;",
        "datetime=\"2018-01-01T00:00:00Z\"",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    for part in [
        "<script", "<b>", "<try>", "http:", "https:", "src=", "style=\"",
    ] {
        assert!(!page.contains(part), "{part} is in\n{page}");
    }
    server
        .exposition
        .publish(Arc::new(example_snapshot::empty()));
    let answer = server.get("/").await;
    let page = answer.text();
    assert!(page.contains("The first refresh has not ended yet."));
    let sources = example_snapshot::sources().len();
    assert_eq!(page.matches("not read yet").count(), sources);
}

#[tokio::test]
async fn the_landing_page_is_bounded() {
    let mut snapshot = example_snapshot::full();
    let mut frame = (*snapshot.frame).clone();
    frame.segments = (0..2000).map(|index| format!("segment {index}")).collect();
    snapshot.frame = Arc::new(frame);
    let server = Server::start(Options {
        snapshot,
        ..Options::default()
    })
    .await;
    let answer = server.get("/").await;
    assert!(answer.body.len() < 200_000, "{}", answer.body.len());
    assert!(
        answer
            .text()
            .contains("More rates may be among the metrics.")
    );
}

/// How long until the server closes a connection on which `sent` was sent.
async fn time_until_closed(server: &Server, sent: &[u8]) -> Duration {
    let mut stream = server.connect().await;
    stream.write_all(sent).await.unwrap();
    let start = Instant::now();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn headers_that_come_too_slowly_and_idle_connections_are_closed() {
    let server = Server::start(Options::default()).await;
    for (sent, bound) in [
        (&b""[..], HEADER_TIMEOUT),
        (b"GET /metr", HEADER_TIMEOUT),
        (
            b"GET /metrics HTTP/1.1\r\nHost: test\r\nX-Slow: ",
            HEADER_TIMEOUT,
        ),
        (
            b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n",
            IDLE_TIMEOUT,
        ),
    ] {
        let time = time_until_closed(&server, sent).await;
        assert!(time >= bound && time < bound * 2, "{time:?} of {bound:?}");
    }
    // A byte now and then does not help.
    let mut stream = server.connect().await;
    let start = Instant::now();
    while stream.write_all(b"G").await.is_ok() && start.elapsed() < HEADER_TIMEOUT * 3 {
        let mut byte = [0];
        if let Ok(Ok(0)) = timeout(Duration::from_secs(1), stream.read(&mut byte)).await {
            break;
        }
    }
    assert!(
        start.elapsed() < HEADER_TIMEOUT * 2,
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let server = Server::start(Options::default()).await;
    let large = "x".repeat(MOST_HEADER_BYTES + 1024);
    let answer = server
        .ask("GET", "/-/healthy", &format!("X-Large: {large}\r\n"))
        .await;
    assert_eq!(answer.status, 431);
    let many = "X-Many: 1\r\n".repeat(99);
    assert_eq!(server.ask("GET", "/-/healthy", &many).await.status, 431);
    let fits = "x".repeat(MOST_HEADER_BYTES - 1024);
    let answer = server
        .ask("GET", "/-/healthy", &format!("X-Fits: {fits}\r\n"))
        .await;
    assert_eq!(answer.status, 200);
    // Host and Connection are the other two.
    let many = "X-Many: 1\r\n".repeat(98);
    assert_eq!(server.ask("GET", "/-/healthy", &many).await.status, 200);
}

#[tokio::test]
async fn what_is_not_http_gets_400() {
    let server = Server::start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"\x16\x03\x01 hello\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(Answer::read_to_end(&mut stream).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let mut snapshot = example_snapshot::full();
    let mut frame = (*snapshot.frame).clone();
    // More than the sockets' buffers hold.
    frame.segments[0] = "x".repeat(2 * 1024 * 1024);
    snapshot.frame = Arc::new(frame);
    let server = Server::start(Options {
        snapshot,
        ..Options::default()
    })
    .await;
    let mut stream = server.connect().await;
    let request = b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    tokio::time::sleep(WRITE_TIMEOUT * 2).await;
    let mut bytes = Vec::new();
    // What was under way arrives, or the connection is reset.
    let _ = stream.read_to_end(&mut bytes).await;
    let whole = server.get("/metrics").await.body.len();
    assert!(bytes.len() < whole, "{} of {whole}", bytes.len());
}

/// A server whose reload has been asked for and not been answered yet.
async fn server_with_an_answer_under_way() -> (Server, TcpStream, ReloadRequest) {
    let (requests, mut received) = mpsc::channel::<ReloadRequest>(1);
    let server = Server::start(Options {
        reload: Some(requests),
        ..Options::default()
    })
    .await;
    let mut stream = server.connect().await;
    let request = b"POST /-/reload HTTP/1.1\r\nHost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let reply = received.recv().await.unwrap();
    (server, stream, reply)
}

#[tokio::test(start_paused = true)]
async fn an_answer_under_way_outlives_the_stop_and_nothing_new_is_taken() {
    let (mut server, mut stream, reply) = server_with_an_answer_under_way().await;
    let mut idle = server.connect().await;
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n";
    idle.write_all(request).await.unwrap();
    Answer::read_one(&mut idle).await;
    let mut unused = server.connect().await;
    // The server has taken it once it has answered a later one.
    server.get("/-/healthy").await;
    server.stop();
    for stream in [&mut idle, &mut unused] {
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "closed at once");
    }
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.stopped.is_finished());
    reply.send(Ok(())).unwrap();
    let answer = Answer::read_to_end(&mut stream).await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    server.stopped.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_stop_waits_no_longer_than_its_bound() {
    let (mut server, mut stream, reply) = server_with_an_answer_under_way().await;
    server.stop();
    let start = Instant::now();
    server.stopped.await.unwrap();
    assert!(start.elapsed() >= DRAIN_TIMEOUT && start.elapsed() < DRAIN_TIMEOUT * 2);
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "cut off");
    assert!(reply.is_closed());
}

#[tokio::test]
async fn several_addresses_are_served() {
    let registry = Registry::new();
    let exposition = Arc::new(Exposition::new(
        registry,
        Arc::new(example_snapshot::empty()),
    ));
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.2:0").await.unwrap(),
    ];
    let addresses = listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap());
    let (_, ready) = watch::channel(false);
    let site = Site {
        exposition,
        paths: Paths::new("", "/metrics"),
        web_config: Arc::new(WebConfig::none()),
        ready,
        reload: None,
    };
    let serving = tokio::spawn(web::serve(listeners.into(), site, std::future::pending()));
    for address in addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.0\r\n\r\n";
        stream.write_all(request).await.unwrap();
        assert_eq!(Answer::read_to_end(&mut stream).await.status, 200);
    }
    // Dropped, it takes its connections with it.
    let mut stream = TcpStream::connect(addresses[0]).await.unwrap();
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    Answer::read_one(&mut stream).await;
    serving.abort();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

/// The part of the next test that runs in a process with few file descriptors: serves, and prints
/// its address.
const FEW_DESCRIPTORS: &str = "TEST_WITH_FEW_DESCRIPTORS";

#[tokio::test]
async fn running_out_of_file_descriptors_is_survived() {
    if std::env::var_os(FEW_DESCRIPTORS).is_some() {
        let server = Server::start(Options::default()).await;
        println!("address {}", server.address);
        server.stopped.await.unwrap();
        return;
    }
    let itself = itself::command(
        module_path!(),
        "running_out_of_file_descriptors_is_survived",
    );
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\""])
        .arg(itself.get_program())
        .args(itself.get_args())
        .env(FEW_DESCRIPTORS, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut printed = Vec::new();
    let address: SocketAddr = loop {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        printed.push(byte[0]);
        let text = String::from_utf8_lossy(&printed);
        if let Some((_, rest)) = text.split_once("address ")
            && let Some((address, _)) = rest.split_once('\n')
        {
            break address.parse().unwrap();
        }
    };
    let mut connections = Vec::new();
    for _ in 0..60 {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    // The process has 40 descriptors: the connections idle longest make room for this one.
    let request = b"GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut last = connections.pop().unwrap();
    last.write_all(request).await.unwrap();
    let answer = timeout(Duration::from_secs(10), Answer::read_one(&mut last)).await;
    let closed = timeout(Duration::from_secs(10), connections[0].read(&mut [0])).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answer.expect("not accepted").status, 200);
    let closed = closed.expect("there were descriptors for all");
    assert_eq!(closed.unwrap_or(0), 0);
}
