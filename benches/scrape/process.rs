//! Child processes and what the kernel tells of them.

use std::{
    collections::HashMap,
    env,
    fmt::{self, Display, Formatter},
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{self, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use super::{common::server::free_port, size::Size, upstream::Upstream};

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many CPUs this process may use.
pub fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The middle of some numbers.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Waits for something that must happen.
pub fn until(mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "waited for {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A command on one CPU, or on any.
pub fn pinned(program: &Path, cpu: Option<usize>) -> Command {
    match cpu {
        Some(cpu) => {
            let mut command = Command::new("taskset");
            command.arg("--cpu-list").arg(cpu.to_string()).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// A server under measurement, killed when dropped.
pub struct Child {
    pub command: Command,
    process: Option<process::Child>,
    started: Instant,
    port: u16,
    port_open_after: Duration,
}

impl Child {
    pub fn new(program: &Path, cpu: Option<usize>) -> Self {
        let mut command = pinned(program, cpu);
        command.stdin(Stdio::null());
        Self {
            command,
            process: None,
            started: Instant::now(),
            port: 0,
            port_open_after: Duration::ZERO,
        }
    }

    /// Starts it and waits until its port is open.
    pub fn start(mut self, port: u16) -> Self {
        self.port = port;
        self.started = Instant::now();
        let child = self
            .command
            .spawn()
            .expect("it starts (taskset: util-linux)");
        let child = self.process.insert(child);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            assert!(self.started.elapsed() < PATIENCE, "the port stays closed");
            thread::sleep(Duration::from_micros(50));
        }
        self.port_open_after = self.started.elapsed();
        self
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub fn port_open_after(&self) -> Duration {
        self.port_open_after
    }

    fn path(&self, file: &str) -> String {
        let id = self.process.as_ref().expect("started").id();
        format!("/proc/{id}/{file}")
    }

    /// What its threads have used so far.
    pub fn cpu(&self) -> Cpu {
        let mut threads = HashMap::new();
        for entry in fs::read_dir(self.path("task")).unwrap() {
            let entry = entry.unwrap();
            // A thread may end meanwhile.
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else {
                continue;
            };
            let nanoseconds = text.split(' ').next().unwrap().parse().unwrap();
            threads.insert(entry.file_name().into_string().unwrap(), nanoseconds);
        }
        Cpu(threads)
    }

    pub fn memory(&self) -> Memory {
        let text = fs::read_to_string(self.path("status")).unwrap();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap()
                .trim_start_matches(':')
                .trim()
                .trim_end_matches(" kB")
                .parse::<u64>()
                .unwrap()
        };
        Memory {
            all: value("VmRSS"),
            anonymous: value("RssAnon"),
            of_files: value("RssFile"),
            most: value("VmHWM"),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// Nanoseconds on a CPU, user and system, by thread. Finer than `/proc/PID/stat`, whose unit is
/// 10 ms.
pub struct Cpu(HashMap<String, u64>);

impl Cpu {
    /// Seconds since `earlier`, of the threads that lived all the while and of new ones.
    pub fn since(&self, earlier: &Self) -> f64 {
        let nanoseconds: u64 = self
            .0
            .iter()
            .map(|(thread, now)| now - earlier.0.get(thread).copied().unwrap_or(0))
            .sum();
        nanoseconds as f64 / 1e9
    }
}

/// In KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub all: u64,
    pub anonymous: u64,
    pub of_files: u64,
    pub most: u64,
}

impl Memory {
    pub fn mebibytes(kibibytes: u64) -> f64 {
        kibibytes as f64 / 1024.0
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} ({:.1} + {:.1})",
            Self::mebibytes(self.all),
            Self::mebibytes(self.anonymous),
            Self::mebibytes(self.of_files)
        )
    }
}

/// With or without TLS.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// How to trust one authority.
pub fn connector(authority: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(authority).unwrap();
    roots.add(authority).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A page of metrics.
pub struct Page {
    pub body: Vec<u8>,
    pub series: usize,
}

/// The release binary under measurement.
pub struct Exporter {
    child: Child,
    /// How to ask it, over TLS.
    tls: Option<Arc<ClientConfig>>,
}

impl Exporter {
    /// Starts it and waits until its port is open.
    pub fn start(upstream: &Upstream, size: &Size, interval: &str, cpu: Option<usize>) -> Self {
        Self::with(upstream, size, interval, cpu, None)
    }

    /// The same with a web config, if there is one.
    pub fn with(
        upstream: &Upstream,
        size: &Size,
        interval: &str,
        cpu: Option<usize>,
        web_config: Option<&Path>,
    ) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let port = free_port();
        let config = upstream.folder().join(format!("config-{number}.yml"));
        fs::write(&config, size.config(upstream, interval)).unwrap();
        let log = upstream.folder().join(format!("log-{number}"));
        let program = env::var_os("EXPORTER")
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_contact-rate-exporter").into());
        let mut child = Child::new(Path::new(&program), cpu);
        child
            .command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(web_config.map(|path| format!("--web.config.file={}", path.display())))
            .env_clear()
            // Where taskset is.
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("SSL_CERT_FILE", upstream.certificates())
            .stderr(fs::File::create(log).unwrap());
        Self {
            child: child.start(port),
            tls: web_config.map(|_| connector(&upstream.made().authority)),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.child.address()
    }

    pub fn port_open_after(&self) -> Duration {
        self.child.port_open_after()
    }

    pub fn since_exec(&self) -> Duration {
        self.child.started.elapsed()
    }

    pub fn cpu(&self) -> Cpu {
        self.child.cpu()
    }

    pub fn memory(&self) -> Memory {
        self.child.memory()
    }

    /// Whether the first refresh has ended.
    pub fn is_ready(&self) -> bool {
        self.get("/-/ready", false).starts_with(b"HTTP/1.1 200 ")
    }

    /// What it shows, which must be all that it was told to read.
    pub fn page(&self, gzip: bool) -> Page {
        let mut body = self.get("/metrics", gzip);
        let head = body
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        body.drain(..head + 4);
        let text = if gzip {
            std::io::read_to_string(GzDecoder::new(&*body)).unwrap()
        } else {
            String::from_utf8(body.clone()).unwrap()
        };
        let failed: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("contact_source_up{") && line.ends_with(" 0"))
            .collect();
        assert!(
            failed.is_empty(),
            "not everything could be read: {failed:?}"
        );
        Page {
            series: text.lines().filter(|line| !line.starts_with('#')).count(),
            body,
        }
    }

    fn get(&self, path: &str, gzip: bool) -> Vec<u8> {
        let encoding = if gzip { "gzip" } else { "identity" };
        let mut socket = TcpStream::connect(self.address()).unwrap();
        let mut session = self.tls.as_ref().map(|config| {
            let name = ServerName::try_from("localhost").unwrap();
            ClientConnection::new(Arc::clone(config), name).unwrap()
        });
        let mut secured;
        let stream: &mut dyn Stream = match &mut session {
            None => &mut socket,
            Some(session) => {
                secured = rustls::Stream::new(session, &mut socket);
                &mut secured
            }
        };
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}
