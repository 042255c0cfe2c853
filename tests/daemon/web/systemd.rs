//! What systemd hands over and is told. The test plays its part: it opens the socket and hears the
//! notices, as `man sd_listen_fds` and `man sd_notify` say. Debian package: `python3`.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use crate::common::exporter::{Exporter, PATIENCE, run};

/// Opens a socket, tells its port, and becomes the program with the socket as descriptor 3.
const ACTIVATE: &str = "
import os, socket, sys
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ['LISTEN_FDS'] = '1'
os.environ['LISTEN_PID'] = str(os.getpid())
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn the_socket_of_systemd_is_taken_over() {
    let mut child = Command::new("python3")
        .args(["-c", ACTIVATE, env!("CARGO_BIN_EXE_contact-rate-exporter")])
        // An address that cannot be bound: it must not be tried.
        .args([
            "demo",
            "--web.systemd-socket",
            "--web.listen-address=192.0.2.1:1",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3");
    let mut output = child.stdout.take().unwrap();
    let mut port = String::new();
    while !port.ends_with('\n') {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        port.push(char::from(byte[0]));
    }
    // The socket is open already: the connection waits for the program.
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", port.trim())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    child.kill().unwrap();
    child.wait().unwrap();
    read.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}

#[test]
fn without_a_socket_of_systemd_it_says_so() {
    let ended = run(&["demo", "--web.systemd-socket"], &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    assert!(
        ended.output.contains("--web.systemd-socket"),
        "{}",
        ended.output
    );
    assert!(ended.output.contains("socket unit"), "{}", ended.output);
}

#[test]
fn start_reload_life_and_stop_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let notices = UnixDatagram::bind(&path).unwrap();
    notices.set_read_timeout(Some(PATIENCE)).unwrap();
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "400000"),
    ];
    let exporter = Exporter::start(&["demo"], &environment);
    let next = || {
        let mut buffer = [0; 4096];
        let length = notices.recv(&mut buffer).unwrap();
        std::str::from_utf8(&buffer[..length]).unwrap().to_owned()
    };
    // Signs of life come in between.
    let next_but_life = || loop {
        let notice = next();
        if notice != "WATCHDOG=1\n" {
            break notice;
        }
    };
    assert_eq!(next_but_life(), "READY=1\n");
    let mut lives = 0;
    while lives < 3 {
        assert_eq!(next(), "WATCHDOG=1\n");
        lives += 1;
    }
    exporter.signal("HUP");
    let reloading = next_but_life();
    let microseconds = reloading
        .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
        .unwrap_or_else(|| panic!("{reloading}"));
    let since_boot = std::fs::read_to_string("/proc/uptime").unwrap();
    let since_boot: f64 = since_boot.split(' ').next().unwrap().parse().unwrap();
    let told: f64 = microseconds.trim().parse().unwrap();
    let difference = (since_boot - told / 1e6).abs();
    assert!(
        difference < Duration::from_hours(1).as_secs_f64(),
        "{difference}"
    );
    assert_eq!(next_but_life(), "READY=1\n");
    exporter.signal("TERM");
    assert_eq!(next_but_life(), "STOPPING=1\n");
    assert_eq!(exporter.ended().code, Some(0));
}
