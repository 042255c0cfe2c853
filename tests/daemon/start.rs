//! How it starts, where it listens, and what it says when it cannot.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::common::{
    desk::{Folder, good, populations},
    exporter::{Exporter, run, value},
    upstream::{Reply, Upstream},
};

#[test]
fn a_bad_command_line_is_2_and_says_why() {
    for (arguments, said) in [
        (&["--web.listen-adress=:1"][..], "--web.listen-address"),
        (&["--web.listen-address=10473"], "expected [HOST]:PORT"),
        (&["--web.listen-address=:65536"], "expected [HOST]:PORT"),
        (
            &["--web.telemetry-path=metrics"],
            "expected a path that starts with /",
        ),
        (&["--log.level=loud"], "debug"),
        (&["--log.format=xml"], "logfmt"),
        (&["demo", "--scenario=disaster"], "incident"),
        (&["demo", "--seed=x"], "--seed"),
        (&["chek"], "check"),
    ] {
        let ended = run(arguments, &[]);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.output);
        assert!(
            ended.output.contains(said),
            "{arguments:?}: {}",
            ended.output
        );
    }
}

#[test]
fn version_and_help_are_0() {
    let version = run(&["--version"], &[]);
    assert_eq!(version.code, Some(0));
    assert!(
        version.output.starts_with(concat!(
            "contact-rate-exporter ",
            env!("CARGO_PKG_VERSION"),
            " (revision "
        )),
        "{}",
        version.output
    );
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["check", "--help"],
        &["help"],
    ] {
        let help = run(arguments, &[]);
        assert_eq!(help.code, Some(0), "{arguments:?}");
        assert!(help.output.contains("--config.file"), "{}", help.output);
    }
}

#[tokio::test]
async fn a_bad_config_is_2_and_every_problem_is_told() {
    let desk = Upstream::start(good).await;
    for command in [&[][..], &["serve"], &["check"]] {
        let missing = run(
            &[command, &["--config.file=/nowhere/contact-rate.yml"]].concat(),
            &[],
        );
        assert_eq!(missing.code, Some(2));
        assert!(
            missing
                .output
                .contains("cannot read the config file /nowhere/contact-rate.yml: "),
            "{}",
            missing.output
        );

        let folder = Folder::new(&desk, "window: [7d]\nwindows: [24h, 1d]\n");
        let bad = run(&[command, &[&folder.flag()]].concat(), &[]);
        assert_eq!(bad.code, Some(2));
        for part in [
            "2 problems",
            "did you mean `windows`?",
            "contact-rate.yml:6:",
        ] {
            assert!(bad.output.contains(part), "{}", bad.output);
        }
        assert_eq!(
            bad.output
                .lines()
                .filter(|line| line.contains("contact-rate.yml:"))
                .count(),
            2,
            "{}",
            bad.output
        );

        folder.rewrite(
            &desk,
            &populations("mysql://somebody:planted-secret@/x?ssl-mode=perhaps"),
        );
        let address = run(&[command, &[&folder.flag()]].concat(), &[]);
        assert_eq!(address.code, Some(2), "{}", address.output);
        assert!(
            address.output.contains("databases.app.url: ") && !address.output.contains("planted"),
            "{}",
            address.output
        );
    }
}

#[tokio::test]
async fn a_port_in_use_is_1_and_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let ended = run(
        &[&folder.flag(), &format!("--web.listen-address={address}")],
        &[],
    );
    assert_eq!(ended.code, Some(1), "{}", ended.output);
    let last = ended.output.lines().last().unwrap();
    assert!(
        last.starts_with(&format!(
            "contact-rate-exporter: cannot listen on {address} (--web.listen-address): "
        )),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_listens_where_it_is_told() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "");
    let mut exporter = Exporter::start_on(
        &[
            &folder.flag(),
            "--web.listen-address=127.0.0.1:0",
            "--web.listen-address=[::1]:0",
            "--web.listen-address=:0",
            "--web.telemetry-path=/of/contact",
            "--log.format=json",
        ],
        &[],
    );
    exporter.ready().await;
    exporter.wait_for_output("[::]:");
    let addresses = exporter.addresses();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
    assert!(addresses[1].starts_with("[::1]:"), "{addresses:?}");
    let everywhere = addresses[2].replace("[::]", "127.0.0.1");
    for address in [&addresses[0], &addresses[1], &everywhere] {
        let page = reqwest::Client::builder().no_proxy().build().unwrap();
        let page = page
            .get(format!("http://{address}/of/contact"))
            .send()
            .await
            .unwrap();
        assert!(
            page.text()
                .await
                .unwrap()
                .contains("contact_created_tickets"),
            "{address}"
        );
    }
    assert_eq!(exporter.get("/metrics").await.0, 404);
    assert!(exporter.get("/").await.1.contains("href=\"of/contact\""));
    for line in exporter.output().lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            entry["level"].is_string() && entry["message"].is_string(),
            "{line}"
        );
        assert!(
            entry["timestamp"].as_str().unwrap().ends_with('Z'),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_when_the_first_refresh_has_ended() {
    // No token is granted before the test says so; the client tries again.
    let granted = Arc::new(AtomicBool::new(false));
    let may_grant = Arc::clone(&granted);
    let desk = Upstream::start(move |asked| {
        if may_grant.load(Ordering::Relaxed) {
            good(asked)
        } else {
            Reply::silence()
        }
    })
    .await;
    let folder = Folder::new(&desk, "");
    let more = populations(&folder.database().await);
    folder.rewrite(&desk, &format!("timeout: 3s\n{more}"));
    let exporter = Exporter::start(&[&folder.flag()], &[]);
    assert_eq!(exporter.get("/-/healthy").await.0, 200);
    let (status, text) = exporter.get("/-/ready").await;
    assert_eq!(status, 503, "{text}");
    let page = exporter.metrics().await;
    let sources = [
        "tickets",
        "daily_tickets",
        "open_tickets",
        "happiness",
        "users",
        "dossiers",
    ];
    let reasons = [
        "auth",
        "forbidden",
        "rate_limited",
        "timeout",
        "connect",
        "status",
        "decode",
        "query",
        "too_large",
    ];
    for source in sources {
        assert_eq!(
            value(&page, &format!("contact_source_up{{source=\"{source}\"}}")),
            Some(0.0),
            "{page}"
        );
        for reason in reasons {
            let counter =
                format!("contact_source_failures_total{{reason=\"{reason}\",source=\"{source}\"}}");
            assert_eq!(value(&page, &counter), Some(0.0), "{counter}\n{page}");
        }
    }
    for absent in [
        "contact_window_end",
        "contact_rate_ratio",
        "contact_created_tickets{",
        "last_success_timestamp_seconds{source",
    ] {
        assert!(!page.contains(absent), "{page}");
    }
    granted.store(true, Ordering::Relaxed);
    let page = exporter.ready().await;
    for source in sources {
        assert_eq!(
            value(&page, &format!("contact_source_up{{source=\"{source}\"}}")),
            Some(1.0),
            "{}",
            exporter.output()
        );
    }
    assert!(page.contains("contact_window_end_timestamp_seconds "));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_logfmt_and_as_loud_as_asked() {
    let desk = Upstream::start(good).await;
    let folder = Folder::new(&desk, "segments: [{name: lost, tags: [nowhere]}]\n");
    for (level, heard) in [
        ("debug", ["debug", "info", "warn"].as_slice()),
        ("info", &["info", "warn"]),
    ] {
        let exporter = Exporter::start(&[&folder.flag(), &format!("--log.level={level}")], &[]);
        exporter.ready().await;
        exporter.signal("TERM");
        let ended = exporter.ended();
        let mut levels = std::collections::BTreeSet::new();
        for line in ended.output.lines() {
            let level = line
                .split("level=")
                .nth(1)
                .unwrap_or_else(|| panic!("{line}"));
            levels.insert(level.split(' ').next().unwrap().to_owned());
        }
        assert_eq!(levels.iter().collect::<Vec<_>>(), heard, "{}", ended.output);
    }
    // So quiet that it does not even say where it listens.
    let ended = run(&["--log.level=error", "--config.file=/nowhere"], &[]);
    assert_eq!(ended.output.lines().count(), 1, "{}", ended.output);
}
