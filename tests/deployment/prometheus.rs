//! A real Prometheus scrapes the exporter: the judge of the OpenMetrics form.

use std::{fs, net::SocketAddr, process::Stdio, sync::Arc, time::Duration};

use contact_rate_exporter::{
    exposition::{Encoding, Exposition, Format, SelfMetrics},
    web::{self, Paths, Site, WebConfig},
};
use prometheus::Registry;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::common::example_snapshot;

/// How long Prometheus may take for all that is asked of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Serves the example snapshot.
async fn serve() -> (SocketAddr, Arc<Exposition>) {
    let registry = Registry::new();
    let self_metrics = SelfMetrics::register(&registry).unwrap();
    self_metrics.show(&example_snapshot::empty().sources);
    let snapshot = Arc::new(example_snapshot::full());
    let exposition = Arc::new(Exposition::new(registry, snapshot));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, ready) = watch::channel(true);
    let site = Site {
        exposition: Arc::clone(&exposition),
        paths: Paths::new("", "/metrics"),
        web_config: Arc::new(WebConfig::none()),
        ready,
        reload: None,
    };
    tokio::spawn(web::serve(vec![listener], site, std::future::pending()));
    (address, exposition)
}

/// Starts Prometheus on a port of its own choice and reads that from its log.
async fn start_prometheus(folder: &std::path::Path) -> (Child, SocketAddr) {
    let mut child = Command::new("prometheus")
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .args(["--web.listen-address=127.0.0.1:0", "--log.level=debug"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("prometheus must be installed: apt-get install prometheus");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = log.next_line().await.unwrap().expect("prometheus ended");
        // level=info component=web msg="Listening on" address=127.0.0.1:41251
        if let Some((_, address)) = line.split_once("msg=\"Listening on\" address=") {
            break address.trim().parse().unwrap();
        }
    };
    // Whoever writes a log needs a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    (child, address)
}

async fn get(address: SocketAddr, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// The series that a selector finds.
async fn query(address: SocketAddr, selector: &str) -> Vec<Value> {
    let selector =
        percent_encoding::utf8_percent_encode(selector, percent_encoding::NON_ALPHANUMERIC);
    let answer = get(address, &format!("/api/v1/query?query={selector}")).await;
    let result = answer
        .as_ref()
        .and_then(|answer| answer.pointer("/data/result"));
    result
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

async fn wait_until_scraped(prometheus: SocketAddr) -> Value {
    loop {
        let answer = get(prometheus, "/api/v1/targets").await;
        let target = answer
            .as_ref()
            .and_then(|answer| answer.pointer("/data/activeTargets/0"));
        if let Some(target) = target
            && target["health"] != "unknown"
        {
            return target.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_reads_every_series() {
    let (exporter, exposition) = serve().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = format!(
        "scrape_configs:\n  - job_name: contact\n    scrape_interval: 1s\n    scrape_timeout: 1s\n\
         \x20   static_configs:\n      - targets: ['{exporter}']\n"
    );
    fs::write(folder.path().join("prometheus.yml"), configuration).unwrap();
    let started = timeout(PATIENCE, start_prometheus(folder.path())).await;
    let (mut child, prometheus) = started.expect("prometheus did not start");
    let target = timeout(PATIENCE, wait_until_scraped(prometheus)).await;
    let target = target.expect("prometheus did not scrape");
    assert_eq!(target["lastError"], "", "{target}");
    assert_eq!(target["health"], "up", "{target}");

    // Prometheus asked for OpenMetrics with gzip, and nothing else was rendered.
    for format in Format::ALL {
        for encoding in Encoding::ALL {
            let asked = (format, encoding) == (Format::OpenMetrics, Encoding::Gzip);
            assert_eq!(exposition.is_prepared(format, encoding), asked);
        }
    }

    let page = exposition.page(Format::OpenMetrics, Encoding::Identity);
    let text = String::from_utf8(page.parts.concat()).unwrap();
    let printed = text.lines().filter(|line| !line.starts_with('#')).count();
    // A target is known to be up a moment before its samples can be asked for.
    let read = timeout(PATIENCE, async {
        loop {
            let read = query(prometheus, "scrape_samples_scraped").await;
            if !read.is_empty() {
                return read;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let read = read.await.expect("prometheus keeps no samples");
    assert_eq!(read[0]["value"][1], printed.to_string());

    for (selector, expected) in [
        (
            "contact_rate_ratio{segment=\"all\",population=\"dossiers\",window=\"28d\",tickets=\"created\"}",
            "0.0525",
        ),
        (
            "contact_created_tickets{segment=\"\\\"bugs\\\" & <b>\\\\n\\nété</b>\",window=\"28d\"}",
            "9",
        ),
        (
            "contact_rate_lower_ratio{population=\"users\",window=\"28d\"}",
            "0.000079",
        ),
        (
            "contact_source_failures_total{source=\"users\",reason=\"query\"}",
            "0",
        ),
        ("contact_users", "1234567"),
    ] {
        let found = query(prometheus, selector).await;
        let values: Vec<&Value> = found.iter().map(|series| &series["value"][1]).collect();
        assert_eq!(values, [expected], "{selector}");
    }

    let metadata = get(prometheus, "/api/v1/metadata?metric=contact_rate_ratio")
        .await
        .unwrap();
    let metadata = &metadata["data"]["contact_rate_ratio"][0];
    assert_eq!(
        (&metadata["type"], &metadata["unit"]),
        (&"gauge".into(), &"ratio".into())
    );
    child.kill().await.unwrap();
}
