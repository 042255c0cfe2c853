//! Listings in the documentation are those of the code. `UPDATE_GOLDEN=1` rewrites what is generated.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use contact_rate_exporter::{
    commands::{forecast, report::KEYS},
    config,
    exposition::catalogue::{FAMILIES, Kind, family},
};

use crate::common::exporter;

/// Puts `generated` between two marker lines of a file, or holds the file against it.
fn hold(path: &str, begin: &str, end: &str, generated: &str) {
    let text = fs::read_to_string(path).unwrap();
    let after_begin = text
        .find(begin)
        .map(|at| at + text[at..].find('\n').unwrap() + 1);
    let start = after_begin.unwrap_or_else(|| panic!("{path} has no marker {begin}"));
    let stop = text[start..].find(end).map(|at| start + at);
    let stop = stop.unwrap_or_else(|| panic!("{path} has no marker {end}"));
    let expected = format!("{}{generated}{}", &text[..start], &text[stop..]);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &expected).unwrap();
    } else {
        assert_eq!(
            text, expected,
            "{path}: run UPDATE_GOLDEN=1 cargo test --test library docs"
        );
    }
}

#[test]
fn the_table_of_metrics_is_the_catalogue() {
    let mut table = String::from("| metric | type | labels | value |\n| --- | --- | --- | --- |\n");
    for family in FAMILIES {
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        let labels = if family.labels.is_empty() {
            "–".to_owned()
        } else {
            family.labels.join(", ")
        };
        let help = family.help.replace('|', "\\|");
        writeln!(table, "| `{}` | {kind} | {labels} | {help} |", family.name).unwrap();
    }
    hold(
        "docs/metrics.md",
        "<!-- catalogue:",
        "<!-- end of catalogue -->",
        &table,
    );
}

#[test]
fn the_keys_of_the_report_are_those_it_writes() {
    let mut table = String::from("| key | value |\n| --- | --- |\n");
    for (key, meaning) in KEYS {
        writeln!(table, "| `{key}` | {meaning} |").unwrap();
    }
    hold(
        "docs/report.md",
        "<!-- keys:",
        "<!-- end of keys -->",
        &table,
    );
}

#[test]
fn the_keys_of_the_forecast_are_those_it_writes() {
    let mut table = String::from("| key | value |\n| --- | --- |\n");
    for (key, meaning) in forecast::KEYS {
        writeln!(table, "| `{key}` | {meaning} |").unwrap();
    }
    hold(
        "docs/forecast.md",
        "<!-- keys:",
        "<!-- end of keys -->",
        &table,
    );
}

#[test]
fn the_command_line_is_what_the_program_says() {
    let mut text = String::new();
    for command in [
        &["--help"][..],
        &["demo", "--help"],
        &["backfill", "--help"],
        &["report", "--help"],
        &["forecast", "--help"],
    ] {
        let help = exporter::run(command, &[("COLUMNS", "100")]);
        assert_eq!(help.code, Some(0), "{}", help.output);
        writeln!(
            text,
            "```\n$ contact-rate-exporter {}\n{}```\n",
            command.join(" "),
            help.output
        )
        .unwrap();
    }
    hold(
        "docs/configuration.md",
        "<!-- help:",
        "<!-- end of help -->",
        &text,
    );
}

/// Every key that the decoder asks for is documented, and every documented key is asked for.
#[test]
fn every_config_key_is_documented() {
    let mut known = BTreeSet::new();
    for path in [
        "src/config/databases.rs",
        "src/config/forecast.rs",
        "src/config/help_center.rs",
        "src/config/populations.rs",
        "src/config/populations/http.rs",
        "src/config/reasons.rs",
        "src/config/sections.rs",
        "src/config/segments.rs",
        "src/config/tickets.rs",
        "src/config/endpoint.rs",
        "src/config/tickets/http/decode.rs",
        "src/config/tickets/sql/decode.rs",
    ] {
        let code = fs::read_to_string(path).unwrap();
        for call in [".take(", "required(decoder,", "decoder.secret("] {
            for (at, _) in code.match_indices(call) {
                let statement = code[at..].split([')', ';']).next().unwrap();
                known.extend(statement.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    assert!(known.len() > 30, "{known:?}");
    let documentation = fs::read_to_string("docs/configuration.md").unwrap();
    let keys = documentation
        .split_once("<!-- keys:")
        .and_then(|(_, rest)| rest.split_once("## Reload"))
        .unwrap()
        .0;
    let mut documented = BTreeSet::new();
    for row in keys.lines().filter(|line| line.starts_with("| `")) {
        let first = row.split(" | ").next().unwrap();
        documented.extend(first.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    assert_eq!(known, documented);
}

/// What these pages say to write is accepted, also with the other of two choices.
#[test]
fn recipes_are_configs() {
    let mut recipes = 0;
    for page in ["docs/reasons.md", "docs/help-centre.md"] {
        let text = fs::read_to_string(page).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let other = block
                .replace("  top: 10", "# ")
                .replace("  # tags", "  tags")
                .replace("  help_center: true", "# ")
                .replace("  # help_center", "  help_center");
            for recipe in [block, &other] {
                let mut config = recipe.replace(
                    "url_file: /run/secrets/matomo_database",
                    "url: mysql://reader@localhost/matomo",
                );
                if config.contains("\nhelpscout:") || config.starts_with("helpscout:") {
                    let keys = "helpscout:\n  app_id: a\n  app_secret: b\n";
                    config = config.replacen("helpscout:\n", keys, 1);
                } else {
                    config += "helpscout: {app_id: a, app_secret: b, help_center: true}\n";
                }
                if config.contains("database: logs") {
                    config += "databases: {logs: {url: 'postgres://localhost/logs'}}\n";
                }
                let parsed = config::parse(&config, page.as_ref(), &|_| None);
                parsed.unwrap_or_else(|error| panic!("{error}\n{config}"));
                recipes += 1;
            }
        }
    }
    assert_eq!(recipes, 2 * 5);
}

/// A population must not make a metric of the exporter's own once more; of a counter also the name
/// without `_total`, which is its family's name in OpenMetrics.
#[test]
fn no_population_can_take_a_metrics_name() {
    for family in FAMILIES {
        let Some(name) = family.name.strip_prefix("contact_") else {
            continue;
        };
        for name in [name, name.trim_end_matches("_total")] {
            let text = format!(
                "helpscout: {{app_id: a, app_secret: b}}\n\
                 databases: {{d: {{url: 'sqlite:///x'}}}}\n\
                 populations: {{{name}: {{total: {{database: d, query: SELECT 1}}}}}}\n"
            );
            let parsed = config::parse(&text, "x.yml".as_ref(), &|_| None);
            assert!(parsed.is_err(), "a population can be called {name}");
        }
    }
}

/// What the program prints has the names, types and help texts of the catalogue, parts that register
/// metrics by themselves included.
#[tokio::test]
async fn the_page_is_that_of_the_catalogue() {
    let web_config = "--web.config.file=tests/web_config/good/minimal.yml";
    let exporter = exporter::Exporter::start(&["demo", web_config], &[]);
    exporter.ready().await;
    // Contact reasons and weeks are read after the first refresh.
    let page = exporter
        .metrics_when("contact reasons and the forecast", |page| {
            page.contains("contact_reason_rate_ratio{") && page.contains("\ncontact_forecast_info")
        })
        .await;
    let mut shown = BTreeSet::new();
    for line in page.lines() {
        let Some((name, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        shown.insert(name);
        if !["contact_users", "contact_dossiers"].contains(&name) {
            let known = family(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
            assert_eq!(help, known.help, "{name}");
        }
    }
    for family in FAMILIES {
        // Of another kind of desk than the demo's: `tests/daemon/counting.rs` sees them.
        if is_of_an_endpoint(&family.name) {
            continue;
        }
        assert!(
            shown.contains(family.name.as_ref()),
            "the demo does not show {}",
            family.name
        );
    }
}

/// Names of all tests, of the program and of the rules.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![PathBuf::from("src"), PathBuf::from("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let begins = match path.extension().and_then(|extension| extension.to_str()) {
                Some("rs") => "fn ",
                Some("py") => "def test_",
                _ => continue,
            };
            // A Rust test is the first function after its attribute.
            let mut is_test = begins != "fn ";
            for line in fs::read_to_string(&path).unwrap().lines() {
                let line = line.trim_start();
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix(begins) {
                    let name = rest.split(['(', '<']).next().unwrap();
                    if begins != "fn " {
                        names.insert(format!("test_{name}"));
                    } else if std::mem::take(&mut is_test) {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
    }
    names
}

#[test]
fn every_fault_names_tests_that_exist() {
    let text = fs::read_to_string("docs/reliability.md").unwrap();
    let (_, table) = text.split_once("<!-- faults:").unwrap();
    let (table, _) = table.split_once("<!-- end of faults -->").unwrap();
    let tests = tests();
    let mut faults = BTreeSet::new();
    for row in table.lines().skip(3) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, fault, _, named] = cells[..] else {
            panic!("{row}");
        };
        assert!(faults.insert(fault), "twice: {fault}");
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row}");
        for name in named {
            assert!(tests.contains(name), "no test {name}: {row}");
        }
    }
    assert!(faults.len() >= 80, "{}", faults.len());
}

/// Whether only a desk that is asked over HTTP has the family.
fn is_of_an_endpoint(name: &str) -> bool {
    name.starts_with("contact_tickets_request") || name.starts_with("contact_tickets_rate_limit")
}
