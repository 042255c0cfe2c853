//! The shipped configs, with nothing changed but addresses and durations.

use std::{fmt::Write as _, fs};

/// How often the test scrapes and evaluates.
const INTERVAL: &str = "1s";
/// How long the test's alerts must hold.
const HELD: &str = "3s";

/// The files for a Prometheus that scrapes `exporter` and tells `alertmanager`.
pub fn prometheus(exporter: &str, alertmanager: &str) -> Vec<(&'static str, String)> {
    let config = read("prometheus/prometheus.yml");
    let config = durations(
        &config,
        &["scrape_interval", "evaluation_interval"],
        INTERVAL,
    );
    let config = addresses(&config, "localhost:10473", exporter, 1);
    let config = addresses(&config, "localhost:9093", alertmanager, 1);
    let rules = durations(&read("prometheus/rules/contact-rate.yml"), &["for"], HELD);
    vec![
        ("prometheus.yml", config),
        ("rules/contact-rate.yml", rules),
    ]
}

/// The config of an Alertmanager that sends its messages to `webhook`.
pub fn alertmanager(webhook: &str) -> String {
    let config = read("prometheus/alertmanager.yml");
    let config = durations(&config, &["group_wait", "group_interval"], INTERVAL);
    addresses(&config, "localhost:9095", webhook, 2)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Sets the value of keys on lines of their own, each of which must be there.
fn durations(text: &str, keys: &[&str], value: &str) -> String {
    let mut missing = keys.to_vec();
    let mut changed = String::new();
    for line in text.lines() {
        let key = line.trim_start().split(": ").next().unwrap();
        if keys.contains(&key) {
            missing.retain(|one| *one != key);
            let indent = &line[..line.len() - line.trim_start().len()];
            writeln!(changed, "{indent}{key}: {value}").unwrap();
        } else {
            changed.push_str(line);
            changed.push('\n');
        }
    }
    assert!(missing.is_empty(), "no {missing:?} in:\n{text}");
    changed
}

/// Replaces an address outside comments, which must be there `times` times.
fn addresses(text: &str, address: &str, by: &str, times: usize) -> String {
    assert_eq!(text.matches(address).count(), times, "{address}:\n{text}");
    text.replace(address, by)
}
