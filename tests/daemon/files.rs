//! Files that the configuration is made of: what is read of them, and what blocks nobody.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

use crate::common::{
    desk::{Folder, good, populations},
    exporter::{Exporter, PATIENCE, run},
    upstream::Upstream,
};

/// A named pipe that nobody writes to.
fn pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success());
}

/// Makes whoever opens a file wait, as a mount that hangs does: until it is dropped, or the system
/// breaks the lease after 45 s.
struct Hung {
    holder: Child,
    says: BufReader<ChildStdout>,
}

impl Hung {
    fn new(path: &Path) -> Self {
        let script = "import fcntl, os, signal, sys
signal.signal(signal.SIGIO, lambda *_: print('opened', flush=True))
fcntl.fcntl(os.open(sys.argv[1], os.O_RDWR), fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()";
        let mut holder = Command::new("python3")
            .args(["-c", script])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let says = BufReader::new(holder.stdout.take().expect("piped"));
        let mut hung = Self { holder, says };
        hung.expect("held");
        hung
    }

    /// Waits until somebody opens the file.
    fn opened(&mut self) {
        self.expect("opened");
    }

    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("a line");
        assert_eq!(line.trim(), word, "the file system knows leases");
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

const WITH_SECRET: &str = "databases: {app: {url_file: secret}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn only_regular_files_up_to_a_size_are_read() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, WITH_SECRET);
    let path = folder.write("secret", "");
    for (make, said) in [
        (
            (&|| pipe(&path)) as &dyn Fn(),
            "it is a pipe, and only regular files are read",
        ),
        (
            &|| {
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            },
            "it is a folder",
        ),
        (
            &|| {
                std::fs::remove_dir(&path).unwrap();
                folder.write("secret", &"x".repeat(64 * 1024 + 1));
            },
            "it is larger than 65536 bytes",
        ),
        (
            &|| {
                folder.write("secret", "\u{feff}\n");
            },
            "it is empty",
        ),
        (
            &|| {
                folder.write("secret", "sqlite:///app\nsqlite:///app2\n");
            },
            "it has several lines",
        ),
    ] {
        make();
        let ended = run(&["check", &folder.flag()], &[]);
        assert_eq!(ended.code, Some(2), "{said}: {}", ended.output);
        assert!(
            ended.output.contains(said) && ended.output.contains("databases.app.url_file: "),
            "{said}: {}",
            ended.output
        );
    }
    let config = folder.write("contact-rate.yml", "");
    pipe(&config);
    let ended = run(&["check", &folder.flag()], &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.output);
    assert!(ended.output.contains("it is a pipe"), "{}", ended.output);
    std::fs::remove_file(&config).unwrap();
    folder.write("contact-rate.yml", &"#".repeat(1024 * 1024 + 1));
    let ended = run(&["check", &folder.flag()], &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.output);
    assert!(
        ended.output.contains("larger than 1048576 bytes"),
        "{}",
        ended.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_that_hangs_at_start_makes_no_signal_unheard() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, WITH_SECRET);
    let secret = folder.write("secret", "sqlite:///nowhere\n");
    for (command, signal, code, said) in [
        ("serve", "TERM", 0, ""),
        ("serve", "INT", 0, ""),
        ("check", "INT", 1, "a signal ended it before it was done"),
        ("report", "TERM", 1, "a signal ended it"),
        ("check", "HUP", 1, "a signal ended it"),
    ] {
        let mut hung = Hung::new(&secret);
        let exporter = Exporter::start_unheard(&[command, &folder.flag()]);
        hung.opened();
        if command == "serve" {
            exporter.signal("HUP");
        }
        exporter.signal(signal);
        let ended = exporter.ended();
        assert_eq!(
            ended.code,
            Some(code),
            "{command} {signal}: {}",
            ended.output
        );
        assert!(
            ended.output.contains(said),
            "{command} {signal}: {}",
            ended.output
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_that_hangs_at_a_reload_holds_up_nothing_else() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, WITH_SECRET);
    let secret = folder.write("secret", "sqlite:///nowhere\n");
    let exporter = Exporter::start(&[&folder.flag(), "--web.enable-lifecycle"], &[]);
    exporter.ready().await;
    // A pipe is refused at once.
    pipe(&secret);
    let (status, text) = exporter.post("/-/reload").await;
    assert_eq!(status, 500);
    assert!(text.contains("it is a pipe"), "{text}");
    // What hangs is waited for, and meanwhile scrapes and signals are heard.
    std::fs::remove_file(&secret).unwrap();
    folder.write("secret", "sqlite:///elsewhere\n");
    let mut hung = Hung::new(&secret);
    exporter.signal("HUP");
    hung.opened();
    let start = Instant::now();
    assert_eq!(exporter.get("/-/healthy").await.0, 200);
    assert!(exporter.metrics().await.contains("contact_created_tickets"));
    exporter.signal("HUP");
    exporter.signal("TERM");
    let ended = exporter.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.output);
    assert!(start.elapsed() < PATIENCE / 2);
}

/// Windows editors put byte order marks before files; paths count from the config's folder, wherever
/// the program is started.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_no_part_of_a_file_and_paths_count_from_the_config() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(
        &desk,
        &populations("unused").replace("url: 'unused'", "url_file: secret"),
    );
    folder.database().await;
    folder.write("secret", "\u{feff}sqlite://app.sqlite\r\n");
    let path = folder.write("moved", "");
    let config = path.with_file_name("contact-rate.yml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let ended = run(&["check", &folder.flag()], &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.output);

    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(&config, utf16).unwrap();
    let ended = run(&["check", &folder.flag()], &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.output);
    assert!(
        ended.output.contains("it is UTF-16; save it as UTF-8"),
        "{}",
        ended.output
    );
}
