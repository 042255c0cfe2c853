//! The program as the packages start it: the unit's command line and the configs that they bring.

use std::{fs, path::Path};

use crate::common::exporter::{Exporter, run};

/// The words of `ExecStart=`, and what its config file is.
fn command_line() -> (Vec<String>, String) {
    let unit = fs::read_to_string("packaging/systemd/contact-rate-exporter.service").unwrap();
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let words: Vec<String> = line.unwrap().split(' ').map(str::to_owned).collect();
    let config = words
        .iter()
        .find_map(|word| word.strip_prefix("--config.file="));
    let config = config.unwrap().to_owned();
    (words, config)
}

/// The config that the Debian package brings, with its examples switched on.
fn delivered_config() -> String {
    let text = fs::read_to_string("packaging/debian/contact-rate.yml").unwrap();
    let (_, examples) = text.split_once("\n\n").unwrap();
    let lines = examples.lines().map(|line| line.trim_start_matches("# "));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_units_command_line_runs_with_the_delivered_config() {
    let (words, config) = command_line();
    assert_eq!(words[0], "/usr/bin/contact-rate-exporter");
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    assert!(manifest.contains(&format!("conf-files = [\"{config}\"")));

    let folder = tempfile::tempdir().unwrap();
    // As LoadCredential=secrets:… names the files of the folder.
    fs::write(folder.path().join("secrets_helpscout"), "hunter2").unwrap();
    fs::write(
        folder.path().join("secrets_database"),
        "postgres://nobody:hunter2@127.0.0.1:9/app",
    )
    .unwrap();
    let here = folder.path().join("contact-rate.yml");
    // Nobody of the network is asked.
    let text = delivered_config().replace(
        "helpscout:\n",
        "helpscout:\n  base_url: http://127.0.0.1:9\n",
    );
    fs::write(&here, text).unwrap();
    let arguments: Vec<String> = words[1..]
        .iter()
        .filter(|word| *word != "$CONTACT_RATE_EXPORTER_OPTS")
        .map(|word| word.replace(&config, here.to_str().unwrap()))
        .collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--web.listen-address=127.0.0.1:0");
    let environment = [("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())];
    let exporter = Exporter::start_on(&arguments, &environment);
    let page = exporter.ready().await;
    assert!(
        page.contains("contact_source_up{source=\"users\"} 0"),
        "{page}"
    );
    assert!(!page.contains("\ncontact_users "), "{page}");
    exporter.signal("TERM");
    assert_eq!(exporter.ended().code, Some(0));
}

#[test]
fn the_config_as_delivered_is_not_taken_for_a_good_one() {
    let ended = run(
        &[
            "--config.file=packaging/debian/contact-rate.yml",
            "--web.listen-address=127.0.0.1:0",
        ],
        &[],
    );
    // RestartPreventExitStatus= of the unit.
    assert_eq!(ended.code, Some(2), "{}", ended.output);
    let unit = fs::read_to_string("packaging/systemd/contact-rate-exporter.service").unwrap();
    assert!(unit.contains("\nRestartPreventExitStatus=2\n"));
}

/// The config in the manifests of Kubernetes, read with the secrets where they are mounted.
#[tokio::test]
async fn the_config_of_the_manifests_is_a_good_one() {
    let text = fs::read_to_string("packaging/kubernetes/contact-rate-exporter.yaml").unwrap();
    let (_, rest) = text.split_once("contact-rate.yml: |\n").unwrap();
    let (config, _) = rest.split_once("\n---").unwrap();
    let mount = "/run/secrets/contact-rate-exporter";
    assert!(text.contains(&format!("mountPath: {mount},")));
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let config = config
        .replace(mount, folder.path().to_str().unwrap())
        .replace(
            "    helpscout:\n",
            "    helpscout:\n      base_url: http://127.0.0.1:9\n",
        );
    let path = folder.path().join("contact-rate.yml");
    fs::write(&path, config).unwrap();
    let file = format!("--config.file={}", path.display());
    let exporter = Exporter::start(&[&file], &[]);
    let page = exporter.ready().await;
    assert!(
        page.contains("contact_source_up{source=\"users\"} 0"),
        "{page}"
    );
}

fn write_secrets(folder: &Path) {
    fs::write(folder.join("helpscout"), "hunter2").unwrap();
    fs::write(
        folder.join("database"),
        "postgres://nobody:hunter2@127.0.0.1:9/app",
    )
    .unwrap();
}
