//! The web config from outside: what is accepted, what an operator reads when it is not, and that
//! promtool agrees.

use crate::common::{exporter, web_certificates};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use contact_rate_exporter::web::WebConfig;
use tempfile::TempDir;

/// Copies the files of `tests/web_config/<kind>` beside the certificates that they name.
fn corpus(kind: &str) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    web_certificates::make(folder.path());
    let large = File::create(folder.path().join("large")).unwrap();
    large.set_len(2 * 1024 * 1024).unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(Path::new("tests/web_config").join(kind)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let copy = folder.path().join(path.file_name().unwrap());
            fs::copy(&path, &copy).unwrap();
            files.push(copy);
        }
    }
    files.sort();
    (folder, files)
}

/// What `promtool check web-config` says of a file; `None`: it is good.
fn promtool(path: &Path) -> Option<String> {
    let output = Command::new("promtool")
        .args(["check", "web-config"])
        .arg(path)
        .output()
        .expect("promtool (Debian package prometheus)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then_some(said)
}

/// Each `bad/x.yml` has its whole error text in `bad/x.txt`. `UPDATE_GOLDEN=1` rewrites them.
#[test]
fn every_bad_web_config_is_refused_with_its_message() {
    let (folder, files) = corpus("bad");
    for path in &files {
        let Err(error) = WebConfig::load(Some(path)) else {
            panic!("{} was accepted", path.display())
        };
        let here = folder.path().display().to_string();
        let message = format!("{error}\n").replace(&here, "FOLDER");
        for secret in ["hunter2", "X0h1gDs", "-----BEGIN"] {
            assert!(!message.contains(secret), "a secret is shown: {message}");
        }
        let name = path.file_name().unwrap();
        let golden = Path::new("tests/web_config/bad").join(name);
        let golden = golden.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &message).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(message, expected, "{}", path.display());
    }
    assert!(files.len() >= 20, "only {} found", files.len());
}

/// Where promtool would take what is refused here, the reason is that Go has it and rustls has not, or
/// that it is taken there and then does nothing or never ends.
#[test]
fn promtool_refuses_what_is_refused_but_for_what_is_known() {
    const TAKEN: [&str; 5] = [
        "both",
        "environment",
        "http2",
        "no-old-suite",
        "empty-lists",
    ];
    const NOT_READ: [&str; 1] = ["version-order"];
    let (_folder, files) = corpus("bad");
    for path in &files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if !TAKEN.contains(&name) && !NOT_READ.contains(&name) {
            assert!(promtool(path).is_some(), "{}", path.display());
        }
    }
}

/// `newer-…` are files with keys that came to the toolkit after the promtool of Debian 12.
#[test]
fn what_is_accepted_promtool_accepts_too() {
    let (_folder, files) = corpus("good");
    assert!(files.len() >= 10, "only {} found", files.len());
    for path in &files {
        if let Err(error) = WebConfig::load(Some(path)) {
            panic!("{error}");
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        match promtool(path) {
            None => {}
            Some(said) => assert!(
                name.starts_with("newer-") && said.contains("not found in type"),
                "{}: {said}",
                path.display()
            ),
        }
    }
}

#[test]
fn a_bad_web_config_is_a_usage_error_of_every_command_that_serves_and_of_check() {
    let (folder, _) = corpus("bad");
    let config = folder.path().join("config.yml");
    fs::write(&config, "helpscout: {app_id: a, app_secret: b}\n").unwrap();
    let config = format!("--config.file={}", config.display());
    let web = format!(
        "--web.config.file={}",
        folder.path().join("unknown-keys.yml").display()
    );
    for command in ["serve", "check", "demo"] {
        let ended = exporter::run(&[command, &config, &web], &[]);
        assert_eq!(ended.code, Some(2), "{command}: {}", ended.output);
        assert!(
            ended.output.contains("did you mean `tls_server_config`?"),
            "{}",
            ended.output
        );
    }
    let web = "--web.config.file=/nowhere/web.yml";
    let ended = exporter::run(&["serve", &config, web], &[]);
    assert_eq!(ended.code, Some(2), "{}", ended.output);
    assert!(
        ended.output.contains("/nowhere/web.yml"),
        "{}",
        ended.output
    );
}

/// Every key that the decoder asks for is documented, and every documented key is asked for.
#[test]
fn every_key_is_documented() {
    let mut known = BTreeSet::new();
    for (path, calls) in [
        ("src/web/settings.rs", &["take("][..]),
        ("src/web/settings/http.rs", &["take("]),
        ("src/web/settings/tls.rs", &["take(", "&mut section,"]),
        ("src/web/settings/tls/choices.rs", &["take(", "bound("]),
        (
            "src/web/settings/tls/clients.rs",
            &["take(", "let names = ("],
        ),
    ] {
        let code = fs::read_to_string(path).unwrap();
        for call in calls {
            for (at, _) in code.match_indices(call) {
                let rest = &code[at..];
                let end = rest.find([')', ';']).unwrap();
                let names = rest[..end].split('"').skip(1).step_by(2);
                let is_key = |name: &&str| {
                    name.chars()
                        .all(|c| c.is_ascii_lowercase() || c == '_' || c == '2')
                };
                known.extend(names.filter(is_key).map(str::to_owned));
            }
        }
    }
    let documentation = fs::read_to_string("docs/web-config.md").unwrap();
    let keys = documentation.split_once("<!-- keys:").unwrap().1;
    let keys = keys.split_once("<!-- end of keys -->").unwrap().0;
    let mut documented = BTreeSet::new();
    for row in keys.lines().filter(|line| line.starts_with("| `")) {
        let first = row.split(" | ").next().unwrap();
        documented.extend(first.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    assert!(known.len() > 20, "{known:?}");
    assert_eq!(known, documented);
}
