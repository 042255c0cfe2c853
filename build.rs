//! Tells the program which revision and compiler it was built from: labels of
//! `contact_exporter_build_info` and the output of `--version`. What is not known is `unknown`.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The revision changes with the branch that is checked out and with each commit on it.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = output("git", &["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let revision = output("git", &["rev-parse", "HEAD"]);
    let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    // `rustc 1.95.0 (f2d3ce0bd 2026-03-21)`
    let rustc = output(&compiler, &["--version"])
        .and_then(|text| text.split(' ').nth(1).map(str::to_owned));
    for (name, value) in [("BUILD_REVISION", revision), ("BUILD_RUSTC", rustc)] {
        let value = value.as_deref().unwrap_or("unknown");
        println!("cargo::rustc-env={name}={value}");
    }
}

/// The first line that a command prints, if it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
