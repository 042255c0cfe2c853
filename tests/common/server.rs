//! Real servers for tests: started on a free port, ended with the test.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test needs and does not find fails the test"
)]

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a server may take to start.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How often a server that is starting is asked whether it is ready.
pub const PAUSE: Duration = Duration::from_millis(20);

/// A folder of a server, owned by the user that it runs as, gone with the test.
pub struct Home {
    folder: TempDir,
    user: Option<User>,
}

/// Database servers refuse to run as root, so there they run as somebody else.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Home {
    /// A new folder; for root it belongs to the first of `users` that the system knows, or `nobody`.
    pub fn new(users: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("contact-rate-test-")
            .tempdir()
            .expect("a temporary folder");
        let is_root = fs::metadata(folder.path()).expect("its owner").uid() == 0;
        let user = is_root.then(|| user(users));
        let home = Self { folder, user };
        home.give(home.path());
        home
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that only the server's user can read.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)
            .expect("a file in the server's folder");
        file.write_all(content.as_bytes()).expect("its content");
        self.own(&path);
        path
    }

    /// Gives a file to the server's user, for nobody else to read.
    pub fn own(&self, path: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its permissions");
        self.give(path);
    }

    fn give(&self, path: &Path) {
        if let Some(user) = self.user {
            chown(path, Some(user.uid), Some(user.gid)).expect("root may give files away");
        }
    }

    /// `program` as the server's user, that ends when this process does.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig").arg("KILL");
        if let Some(user) = self.user {
            command
                .arg(format!("--reuid={}", user.uid))
                .arg(format!("--regid={}", user.gid))
                .arg("--clear-groups");
        }
        command.arg("--").arg(program).current_dir(self.path());
        command
    }
}

/// Runs a command to its end, which must be a good one.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().expect("setpriv (package util-linux)");
    assert!(
        output.status.success(),
        "{command:?} ended with {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn user(names: &[&str]) -> User {
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    names
        .iter()
        .chain(&["nobody"])
        .find_map(|name| {
            let line = passwd
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(str::parse);
            Some(User {
                uid: ids.next()?.ok()?,
                gid: ids.next()?.ok()?,
            })
        })
        .expect("a user to run servers as")
}

/// A running server process, killed when dropped.
pub struct Process(Child);

impl Process {
    /// Starts `command`, with what it says written to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = fs::File::create(log).expect("a log file");
        command
            .stdin(std::process::Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file);
        let (sender, receiver) = mpsc::channel();
        // The kernel ends the server with the thread that started it, so this one stays.
        thread::spawn(move || {
            sender.send(command.spawn()).expect("the test waits");
            loop {
                thread::park();
            }
        });
        Self(
            receiver
                .recv()
                .expect("the thread lives")
                .expect("setpriv (package util-linux)"),
        )
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child process")
    }

    /// Waits for its end.
    pub fn wait(&mut self) {
        self.0.wait().expect("a child process");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A port that was free a moment ago. Who uses it must be ready to try another.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// The program `name`, in one of `folders` or on the path; its absence fails the test and names
/// the Debian package to install.
pub fn program(name: &str, folders: &[PathBuf], package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder: PathBuf| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!("{name} is not installed, and this test needs it: apt-get install -y {package}")
        })
}

/// Starts a server on a free port, with another port when somebody else took that one meanwhile.
/// `attempt` gives `None` when the port turned out taken.
pub async fn on_a_free_port<T>(mut attempt: impl AsyncFnMut(u16) -> Option<T>) -> T {
    for _ in 0..10 {
        if let Some(server) = attempt(free_port()).await {
            return server;
        }
    }
    panic!("no free port in ten attempts");
}

/// Asks `ready` until it says yes. `None` when the process ended because its port was taken; a
/// process that ended otherwise, or is not ready in time, fails the test with its log.
pub async fn until_ready(
    process: &mut Process,
    log: &Path,
    mut ready: impl AsyncFnMut() -> bool,
) -> Option<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = process.ended() {
            let text = fs::read_to_string(log).unwrap_or_default();
            if text.to_ascii_lowercase().contains("address already in use") {
                return None;
            }
            panic!("the server ended with {status}:\n{text}");
        }
        if ready().await {
            return Some(());
        }
        assert!(
            Instant::now() < deadline,
            "the server was not ready in {PATIENCE:?}:\n{}",
            fs::read_to_string(log).unwrap_or_default()
        );
        tokio::time::sleep(PAUSE).await;
    }
}
