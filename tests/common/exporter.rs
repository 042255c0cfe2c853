//! The real program, started for a test and ended with it.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what a test needs and does not find fails the test"
)]

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything that must happen may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(20);

/// A running exporter.
pub struct Exporter {
    child: Child,
    address: String,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// Whether the readers end with the next line.
    deaf: Arc<AtomicBool>,
    /// Its temporary files, which a program that is killed cannot take away itself.
    _temporary: TempDir,
}

/// What a program that ended left behind.
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output and standard error together.
    pub output: String,
}

impl Exporter {
    /// Starts the program on a free port of the loopback address and waits until it listens.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut arguments = arguments.to_vec();
        arguments.push("--web.listen-address=127.0.0.1:0");
        Self::start_on(&arguments, environment)
    }

    /// Starts the program on the addresses among `arguments` and waits until it listens.
    pub fn start_on(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut exporter = Self::spawn(arguments, environment);
        exporter.address = exporter.wait("an address to listen on", |exporter| {
            exporter.addresses().into_iter().next()
        });
        exporter
    }

    /// Starts the program and waits for nothing.
    pub fn start_unheard(arguments: &[&str]) -> Self {
        Self::spawn(arguments, &[])
    }

    fn spawn(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let temporary = TempDir::with_prefix("contact-rate-test-").expect("a temporary folder");
        let mut child = command(arguments, environment)
            .env("TMPDIR", temporary.path())
            .spawn()
            .expect("the exporter starts");
        let output = Arc::new(Mutex::new(String::new()));
        let deaf = Arc::new(AtomicBool::new(false));
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let readers = vec![
            collect(stdout, Arc::clone(&output), Arc::clone(&deaf)),
            collect(stderr, Arc::clone(&output), Arc::clone(&deaf)),
        ];
        Self {
            child,
            address: String::new(),
            output,
            readers,
            deaf,
            _temporary: temporary,
        }
    }

    /// Closes our ends of its standard output and standard error, at the next line of each.
    pub fn stop_reading(&mut self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    /// The addresses that it said it listens on, in either form of the log.
    pub fn addresses(&self) -> Vec<String> {
        let output = self.output();
        let lines = output.lines().filter(|line| line.contains("listening"));
        let address = |line: &str| {
            let (_, rest) = line.split_once("address")?;
            let start = rest.find(|c: char| c.is_ascii_digit() || c == '[')?;
            let rest = &rest[start..];
            let end = rest.find([' ', '"', ',']).unwrap_or(rest.len());
            Some(rest[..end].to_owned())
        };
        lines.filter_map(address).collect()
    }

    /// Everything it has printed so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Its address with `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Status and body of a GET.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = client()
            .get(self.url(path))
            .send()
            .await
            .expect("an answer");
        (
            response.status().as_u16(),
            response.text().await.expect("a body"),
        )
    }

    /// Status and body of a POST.
    pub async fn post(&self, path: &str) -> (u16, String) {
        let response = client()
            .post(self.url(path))
            .send()
            .await
            .expect("an answer");
        (
            response.status().as_u16(),
            response.text().await.expect("a body"),
        )
    }

    /// The metrics page.
    pub async fn metrics(&self) -> String {
        self.get("/metrics").await.1
    }

    /// The metrics page once `holds` is true of it.
    pub async fn metrics_when(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let page = self.metrics().await;
            if holds(&page) {
                return page;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "no {what} in:\n{page}\n{}",
                self.output()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The metrics page after the first refresh.
    pub async fn ready(&self) -> String {
        let start = Instant::now();
        while self.get("/-/ready").await.0 != 200 {
            assert!(start.elapsed() < PATIENCE, "not ready:\n{}", self.output());
            tokio::time::sleep(PAUSE).await;
        }
        self.metrics().await
    }

    /// Sends a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(sent.success());
    }

    /// Waits until a line of its output holds `text`.
    pub fn wait_for_output(&mut self, text: &str) {
        self.wait(text, |exporter| {
            exporter.output().contains(text).then_some(())
        });
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> Ended {
        let status: ExitStatus = self.wait("an end", |exporter| exporter.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().expect("its output is read");
        }
        Ended {
            code: status.code(),
            output: self.output(),
        }
    }

    fn wait<T>(&mut self, what: &str, mut find: impl FnMut(&mut Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "no {what}:\n{}", self.output());
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end, without a listen address of ours.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let output = command(arguments, environment)
        .output()
        .expect("the exporter runs");
    let mut text = String::from_utf8(output.stdout).expect("UTF-8");
    text.push_str(&String::from_utf8(output.stderr).expect("UTF-8"));
    Ended {
        code: output.status.code(),
        output: text,
    }
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"));
    command
        .args(arguments)
        // Nothing of the machine it runs on.
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn collect(
    stream: impl Read + Send + 'static,
    output: Arc<Mutex<String>>,
    deaf: Arc<AtomicBool>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut output = output.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
            if deaf.load(Ordering::Relaxed) {
                break;
            }
        }
    })
}

fn client() -> reqwest::Client {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(PATIENCE)
        .build()
        .expect("a client")
}

/// The value of a series, by its whole name with labels.
pub fn value(page: &str, series: &str) -> Option<f64> {
    page.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}
