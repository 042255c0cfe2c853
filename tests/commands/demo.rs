//! `demo`: everything there is to see, on nothing but the program.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use contact_rate_exporter::exposition::catalogue::{CAPACITY_REACHED_TIMESTAMP_SECONDS, FAMILIES};

use crate::common::exporter::{self, Exporter, value};

fn promtool(page: &str) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool (package prometheus)");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[tokio::test]
async fn every_scenario_shows_every_family() {
    let scenarios = ["incident", "steady", "growth", "improvement"];
    // With a web config, whose gauge is absent without one.
    let web_config = "--web.config.file=tests/web_config/good/minimal.yml";
    let demos = scenarios.map(|scenario| {
        let flag = format!("--scenario={scenario}");
        (scenario, Exporter::start(&["demo", &flag, web_config], &[]))
    });
    for (scenario, mut demo) in demos {
        demo.ready().await;
        // Contact reasons and weeks are read after the first refresh.
        let page = demo
            .metrics_when("contact reasons and the forecast", |page| {
                page.contains("contact_reason_rate_ratio{")
                    && page.contains("contact_source_up{source=\"reasons\"} 1")
                    && page.contains("\ncontact_forecast_info")
                    && page.contains("contact_source_up{source=\"forecast\"} 1")
            })
            .await;
        let shown: BTreeSet<&str> = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        for family in FAMILIES {
            let name = &*family.name;
            // The desk of the demo is no endpoint that counts.
            if name.starts_with("contact_tickets_request")
                || name.starts_with("contact_tickets_rate_limit")
            {
                continue;
            }
            let is_there = shown.contains(name) || shown.contains(&*format!("{name}_count"));
            // Where people contact support less often, the team is large enough.
            let is_less =
                scenario == "improvement" && **family == CAPACITY_REACHED_TIMESTAMP_SECONDS;
            assert_eq!(is_there, !is_less, "{scenario}: {name}");
        }
        for name in ["contact_users", "contact_dossiers"] {
            assert!(shown.contains(name), "{scenario}: no {name}");
        }
        promtool(&page);
        let source_up = page
            .lines()
            .filter(|line| line.starts_with("contact_source_up{"));
        assert!(
            source_up.clone().count() == 9 && source_up.clone().all(|line| line.ends_with(" 1"))
        );
        let p_value = |population: &str, window: &str| {
            let labels = format!(
                r#"segment="all",population="{population}",window="{window}",tickets="created""#
            );
            value(&page, &format!("contact_rate_rise_p_value{{{labels}}}")).unwrap()
        };
        let smallest = p_value("users", "7d").min(p_value("dossiers", "7d"));
        assert_eq!(
            smallest < 0.003,
            scenario == "incident",
            "{scenario}: {smallest}"
        );

        demo.wait_for_output("It pretends");
        let said = demo.output();
        for part in [
            scenario,
            &demo.url("/metrics"),
            "SQLite file",
            "simulated Help Scout",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        demo.signal("INT");
        let ended = demo.ended();
        assert_eq!(ended.code, Some(0), "{}", ended.output);
        let file = said
            .split(['(', ')'])
            .find(|part| part.ends_with("demo.sqlite"))
            .unwrap();
        assert!(
            !std::path::Path::new(file).exists(),
            "{file} is left behind"
        );
    }
}

#[test]
fn a_demo_that_is_stopped_while_it_prepares_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"))
        .args(["demo", "--web.listen-address=127.0.0.1:0"])
        .env_clear()
        .env("TMPDIR", place)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    // The folder of the database is made when it begins to prepare.
    while std::fs::read_dir(place).unwrap().next().is_none() {
        assert!(start.elapsed() < exporter::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(place).unwrap().count(), 0);
}

/// Lines of a page that tell what was counted, but for times that only reports know and how the
/// exporter itself fares.
fn counted(page: &str) -> BTreeSet<&str> {
    let own = [
        "contact_exporter_",
        "contact_helpscout_",
        "contact_source_",
        "process_",
        // No query of the demo's.
        "contact_response_mean_seconds",
        "contact_resolution_mean_seconds",
        "contact_handle_mean_seconds",
        "contact_resolved_on_first_reply_ratio",
        // Help Scout's alone.
        "contact_help_center_",
        "contact_reason_",
    ];
    page.lines()
        .filter(|line| !line.starts_with('#') && !own.iter().any(|own| line.starts_with(own)))
        // Help Scout's list of conversations cannot filter by channel; a table can.
        .filter(|line| !(line.contains("_open_ticket") && line.contains("\"telephone\"")))
        .collect()
}

#[tokio::test]
async fn the_tables_tell_the_same_story_as_the_simulator() {
    let simulated = Exporter::start(&["demo"], &[]);
    let sql = Exporter::start(&["demo", "--helpdesk=sql"], &[]);
    simulated.ready().await;
    let page = sql.ready().await;
    assert!(
        !page.contains("contact_helpscout_requests_total{"),
        "{page}"
    );
    for line in page.lines() {
        let alone = ["contact_help_center_", "contact_reason_"];
        assert!(!alone.iter().any(|name| line.starts_with(name)), "{line}");
    }
    for source in ["tickets", "daily_tickets", "open_tickets", "happiness"] {
        let up = format!("contact_source_up{{source=\"{source}\"}}");
        assert_eq!(value(&page, &up), Some(1.0), "{source}: {}", sql.output());
    }
    // Both read at their own second: a ticket can be closed between the two, and a minute can begin.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(70);
    loop {
        let pages = [
            simulated.get("/metrics").await.1,
            sql.get("/metrics").await.1,
        ];
        let [one, other] = [counted(&pages[0]), counted(&pages[1])];
        assert!(one.len() > 100, "{one:?}");
        if one == other {
            break;
        }
        let differences: Vec<_> = one.symmetric_difference(&other).collect();
        assert!(std::time::Instant::now() < patience, "{differences:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}
