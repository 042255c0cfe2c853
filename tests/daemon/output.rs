//! Standard output and standard error that are full, closed, or read by nobody.

use std::{
    fs::{File, OpenOptions},
    process::{Command, Output, Stdio},
};

use crate::common::{
    desk::{Folder, good},
    exporter::Exporter,
    upstream::Upstream,
};

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

fn shell(script: &str, folder: &Folder) -> Output {
    Command::new("sh")
        .args(["-c", script])
        .env("exporter", env!("CARGO_BIN_EXE_contact-rate-exporter"))
        .env("config", folder.flag())
        .current_dir(
            std::path::Path::new(folder.flag().trim_start_matches("--config.file="))
                .parent()
                .unwrap(),
        )
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_a_failure_and_said() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    for arguments in [
        &["check", &folder.flag()][..],
        &["--help"],
        &["--version"],
        &["help", "report"],
        &["demo", "--web.listen-address=127.0.0.1:0"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(full())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(
            text.contains("cannot write to standard output: No space left"),
            "{arguments:?}: {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_panics_where_nobody_reads() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let bad = Folder::new(&desk, "windws: [1d]\n");
    for (script, folder, code) in [
        // Closed from the start, full, and a reader that is gone.
        (
            "\"$exporter\" check \"$config\" --log.level=debug 2>&-",
            &folder,
            0,
        ),
        (
            "\"$exporter\" check \"$config\" --log.level=debug 2>/dev/full",
            &folder,
            0,
        ),
        ("\"$exporter\" check \"$config\" 2>&-", &bad, 2),
        ("\"$exporter\" check \"$config\" 2>/dev/full", &bad, 2),
        ("\"$exporter\" --no-such-flag 2>/dev/full", &folder, 2),
        ("\"$exporter\" --no-such-flag 2>&-", &folder, 2),
        (
            "\"$exporter\" check \"$config\" >/dev/full 2>/dev/full",
            &folder,
            1,
        ),
        (
            // The reader has ended before the first line.
            "mkfifo gone; { cat gone; \"$exporter\" check \"$config\" --log.level=debug 2>&1 >/dev/null; echo $? >&3; } 3>code | { exec <&-; : >gone; }; exit $(cat code)",
            &folder,
            0,
        ),
    ] {
        let output = shell(script, folder);
        assert_eq!(output.status.code(), Some(code), "{script}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_goes_on_when_its_log_has_no_reader() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    for format in ["logfmt", "json"] {
        let mut exporter = Exporter::start(
            &[
                &folder.flag(),
                "--log.level=debug",
                "--web.enable-lifecycle",
                &format!("--log.format={format}"),
            ],
            &[],
        );
        exporter.ready().await;
        exporter.stop_reading();
        assert_eq!(exporter.post("/-/reload").await.0, 200);
        folder.rewrite(&desk, "windws: [1d]\n");
        assert_eq!(exporter.post("/-/reload").await.0, 500);
        folder.rewrite(&desk, "");
        assert_eq!(exporter.post("/-/reload").await.0, 200);
        assert!(exporter.metrics().await.contains("contact_created_tickets"));
        exporter.signal("TERM");
        assert_eq!(exporter.ended().code, Some(0), "{format}");
    }
}
