//! A real Prometheus server. Debian package: `prometheus`.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::{fs, time::Duration};

use serde_json::Value;
use url::Url;

use super::server::{Home, Process, on_a_free_port, program, until_ready};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A running Prometheus.
pub struct Prometheus {
    url: Url,
    client: reqwest::Client,
    _process: Process,
    _home: Home,
}

impl Prometheus {
    /// Starts one that scrapes itself and whose paths all begin with `/metrics-of/app`, and waits
    /// for its first scrape.
    pub async fn start() -> Self {
        let prometheus = Self::launch("/metrics-of/app", |port| {
            let config = format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
                 scrape_configs:\n\
                 - job_name: itself\n\
                 \x20 metrics_path: /metrics-of/app/metrics\n\
                 \x20 static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
            );
            vec![("prometheus.yml".to_owned(), config)]
        })
        .await;
        let deadline = std::time::Instant::now() + super::server::PATIENCE;
        while prometheus.instant("up == 1").await.is_empty() {
            assert!(std::time::Instant::now() < deadline, "no scrape of itself");
            tokio::time::sleep(super::server::PAUSE).await;
        }
        prometheus
    }

    /// Starts one with these files, of which `prometheus.yml` is its config, and waits until it
    /// answers.
    pub async fn with_files(files: &[(&str, String)]) -> Self {
        Self::launch("/", |_port| {
            files
                .iter()
                .map(|(name, content)| ((*name).to_owned(), content.clone()))
                .collect()
        })
        .await
    }

    async fn launch(prefix: &str, files: impl Fn(u16) -> Vec<(String, String)>) -> Self {
        let home = Home::new(&["prometheus"]);
        let client = contact_rate_exporter::sources::transport::client(
            TIMEOUT,
            &Url::parse("http://127.0.0.1").expect("an address"),
        )
        .expect("a client");
        let (url, process) = on_a_free_port(async |port| {
            let url = Url::parse(&format!("http://127.0.0.1:{port}{prefix}")).expect("an address");
            for (name, content) in files(port) {
                let folder = home.path().join(&name);
                let folder = folder.parent().expect("the server's folder");
                fs::create_dir_all(folder).expect("a folder in the server's folder");
                home.write(&name, &content);
            }
            let mut command = home.command(&program("prometheus", &[], "prometheus"));
            command
                .arg("--config.file=prometheus.yml")
                .arg("--storage.tsdb.path=data")
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg(format!("--web.route-prefix={prefix}"));
            let log = home.path().join("log");
            let mut process = Process::start(command, &log);
            let ready = at(&url, "-/ready", &[]);
            until_ready(&mut process, &log, async || {
                client
                    .get(ready.clone())
                    .send()
                    .await
                    .is_ok_and(|response| response.status().is_success())
            })
            .await?;
            Some((url, process))
        })
        .await;
        Self {
            url,
            client,
            _process: process,
            _home: home,
        }
    }

    /// The address to configure.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What the API answers at `path` below `/api/v1/`: the field `data`.
    pub async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let url = at(&self.url, &format!("api/v1/{path}"), parameters);
        let response = self.client.get(url).send().await.expect("an answer");
        let text = response.text().await.expect("a body");
        let mut answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            answer["status"], "success",
            "{path} {parameters:?}: {answer}"
        );
        answer["data"].take()
    }

    /// The series that an expression has now: an object with `metric` and `value` each.
    pub async fn instant(&self, query: &str) -> Vec<Value> {
        list(self.api("query", &[("query", query)]).await["result"].take())
    }

    /// The series that an expression has at some steps: an object with `metric` and `values` each.
    pub async fn range(&self, query: &str, start: f64, end: f64, step: u32) -> Vec<Value> {
        let parameters = [
            ("query", query),
            ("start", &start.to_string()),
            ("end", &end.to_string()),
            ("step", &step.to_string()),
        ];
        list(self.api("query_range", &parameters).await["result"].take())
    }

    /// The groups of rules and how their last evaluation went.
    pub async fn rule_groups(&self) -> Vec<Value> {
        list(self.api("rules", &[]).await["groups"].take())
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        other => panic!("not a list: {other}"),
    }
}

fn at(url: &Url, path: &str, parameters: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    let prefix = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/{path}"));
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    url
}
