//! A real Alertmanager. Debian package: `prometheus-alertmanager`.

#![allow(
    clippy::expect_used,
    reason = "what a test needs and does not find fails the test"
)]

use std::{path::PathBuf, time::Duration};

use url::Url;

use super::server::{Home, Process, on_a_free_port, program, until_ready};

/// A running Alertmanager that knows no other.
pub struct Alertmanager {
    port: u16,
    _process: Process,
    _home: Home,
}

impl Alertmanager {
    /// Starts one with the content of its config file and waits until it answers.
    pub async fn start(config: &str) -> Self {
        let home = Home::new(&["prometheus"]);
        home.write("alertmanager.yml", config);
        let (port, process) = on_a_free_port(async |port| {
            let mut command = home.command(&program_file());
            command
                .arg("--config.file=alertmanager.yml")
                .arg("--storage.path=data")
                .arg("--cluster.listen-address=")
                .arg(format!("--web.listen-address=127.0.0.1:{port}"));
            let log = home.path().join("log");
            let mut process = Process::start(command, &log);
            let url = Url::parse(&format!("http://127.0.0.1:{port}/-/ready")).expect("an address");
            let client =
                contact_rate_exporter::sources::transport::client(Duration::from_secs(5), &url)
                    .expect("a client");
            until_ready(&mut process, &log, async || {
                let response = client.get(url.clone()).send().await;
                response.is_ok_and(|response| response.status().is_success())
            })
            .await?;
            Some((port, process))
        })
        .await;
        Self {
            port,
            _process: process,
            _home: home,
        }
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Debian's name, since `alertmanager` is taken there.
fn program_file() -> PathBuf {
    program("prometheus-alertmanager", &[], "prometheus-alertmanager")
}
