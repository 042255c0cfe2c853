//! The shipped configs, with nothing changed but addresses and durations.

use std::{fmt::Write as _, fs};

/// How often the test scrapes and evaluates.
const INTERVAL: &str = "1s";
/// How long the test's alerts must hold.
const HELD: &str = "3s";

/// What alerts judge over time, the same for the test, and how often it occurs in the rules.
const OVER_TIME: [(&str, &str, usize); 8] = [
    (":bool[6h]", ":bool[3s]", 4),
    (":bool[12h]", ":bool[3s]", 1),
    (":bool[1h]", ":bool[3s]", 1),
    ("[8h:5m]) >= 72", "[6s:1s]) >= 3", 4),
    ("[16h:5m]) >= 144", "[6s:1s]) >= 3", 1),
    ("[2h:5m]) >= 12", "[6s:1s]) >= 3", 1),
    ("[15m]", "[3s]", 2),
    ("[25m:1m]) >= 15", "[6s:1s]) >= 3", 2),
];

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
    let rules = OVER_TIME
        .iter()
        .fold(rules, |rules, (shipped, short, times)| {
            addresses(&rules, shipped, short, *times)
        });
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

/// Replaces a text, as an address, which must be there `times` times.
fn addresses(text: &str, address: &str, by: &str, times: usize) -> String {
    assert_eq!(text.matches(address).count(), times, "{address}:\n{text}");
    text.replace(address, by)
}
