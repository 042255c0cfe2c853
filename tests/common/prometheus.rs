//! A real Prometheus server that scrapes itself. Debian package: `prometheus`.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::time::Duration;

use url::Url;

use super::server::{Home, Process, on_a_free_port, program, until_ready};

/// A Prometheus whose paths all begin with `/metrics-of/app`.
pub struct Prometheus {
    url: Url,
    _process: Process,
    _home: Home,
}

impl Prometheus {
    /// Starts one and waits for its first scrape of itself.
    pub async fn start() -> Self {
        let home = Home::new(&["prometheus"]);
        let (url, process) = on_a_free_port(async |port| {
            let url =
                Url::parse(&format!("http://127.0.0.1:{port}/metrics-of/app")).expect("an address");
            let file = home.write(
                "prometheus.yml",
                &format!(
                    "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
                     scrape_configs:\n\
                     - job_name: itself\n\
                     \x20 metrics_path: /metrics-of/app/metrics\n\
                     \x20 static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
                ),
            );
            let mut command = home.command(&program("prometheus", &[], "prometheus"));
            command
                .arg(format!("--config.file={}", file.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    home.path().join("data").display()
                ))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--web.route-prefix=/metrics-of/app");
            let log = home.path().join("log");
            let mut process = Process::start(command, &log);
            until_ready(&mut process, &log, async || has_scraped(&url).await).await?;
            Some((url, process))
        })
        .await;
        Self {
            url,
            _process: process,
            _home: home,
        }
    }

    /// The address to configure.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

async fn has_scraped(url: &Url) -> bool {
    let client =
        contact_rate_exporter::transport::client(Duration::from_secs(5), url).expect("a client");
    let query = format!("{url}/api/v1/query?query=sum(up)");
    match client.get(query).send().await {
        Ok(response) => response
            .text()
            .await
            .is_ok_and(|text| text.contains("\"1\"")),
        Err(_) => false,
    }
}
