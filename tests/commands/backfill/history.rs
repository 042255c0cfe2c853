//! Four hundred days: killed in the middle, resumed, imported by the real promtool, and asked for
//! from a real Prometheus.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    truth::{Moment, SEGMENTS, WINDOWS},
    world::{World, days},
};
use crate::common::{
    exporter,
    server::{self, Home, Process, on_a_free_port, program, until_ready},
};

const FROM: &str = "2025-01-15";
const TO: &str = "2026-02-18";
const STEPS: i64 = 400;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_goes_on_and_prometheus_shows_the_truth() {
    let world = World::new().await;
    let config = world.path("contact-rate.yml");
    fs::write(&config, world.config_text("", "").await).unwrap();
    let home = Home::new(&["prometheus"]);
    let output = home.path().join("history.om");
    let arguments = [
        "backfill".to_owned(),
        format!("--config.file={}", config.display()),
        format!("--from={FROM}"),
        format!("--to={TO}"),
        format!("--output={}", output.display()),
    ];

    let calls = foreseen(&arguments);
    // Pairs of 399 + 56 days, and of 399 + 28 days, the last of which is alone, and series of 60 days
    // over 398 + 56, for four segments.
    assert_eq!(calls, 4 * (228 + 214 + 8));
    assert!(
        !world.path("history.om.cache").exists(),
        "a dry run leaves no trace"
    );

    let answered = calls / 2;
    world.answer_only(answered);
    kill_when_quiet(&world, &arguments, &output, answered).await;
    assert!(!output.exists(), "whole or not at all");
    assert_eq!(foreseen(&arguments), calls - answered);

    world.answer_only(usize::MAX);
    let second = run(&arguments);
    assert_eq!(second.code, Some(0), "{}", second.output);
    let asked = world.asked();
    assert!(asked.values().all(|times| *times == 1), "no call twice");
    assert_eq!(asked.len(), calls, "no call too many");
    assert!(
        second.output.contains("backfill: 0 of "),
        "{}",
        second.output
    );
    assert!(
        second.output.contains("left out: contact_open_tickets"),
        "{}",
        second.output
    );
    let kept = super::cache::kept(&output).await;
    assert!(kept.of_populations > 1000, "{kept:?}");

    let text = fs::read_to_string(&output).unwrap();
    fs::remove_file(&output).unwrap();
    let third = run(&arguments);
    assert_eq!(third.code, Some(0), "{}", third.output);
    assert_eq!(world.asked().len(), calls, "all is in the cache");
    assert!(
        fs::read_to_string(&output).unwrap() == text,
        "the same from the cache"
    );

    home.own(&output);
    let imported = server::run(
        home.command(&program("promtool", &[], "prometheus"))
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args(["--quiet", "--max-block-duration=744h", "history.om", "data"]),
    );
    let said = [imported.stdout, imported.stderr].concat();
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    let (url, _prometheus) = prometheus(&home).await;
    ask_for_the_truth(&url).await;
}

/// Help Scout calls that a dry run tells of.
fn foreseen(arguments: &[String]) -> usize {
    let mut arguments = arguments.to_vec();
    arguments.push("--dry-run".to_owned());
    let dry = run(&arguments);
    assert_eq!(dry.code, Some(0), "{}", dry.output);
    let (calls, _) = dry.output.split_once(" Help Scout calls").unwrap();
    calls.lines().last().unwrap().parse().unwrap()
}

fn run(arguments: &[String]) -> exporter::Ended {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    exporter::run(&arguments, &[])
}

/// Kills the run once every answer that was given is kept: what a kill may lose are only answers
/// still under way.
async fn kill_when_quiet(world: &World, arguments: &[String], output: &Path, answered: usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_contact-rate-exporter"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "never quiet");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        let asked = world.asked();
        let answers: usize = asked.keys().map(|uri| answers(uri)).sum();
        let kept = super::cache::kept(output).await;
        if asked.len() == answered && kept.of_tickets == answers {
            break;
        }
        tokio::time::sleep(server::PAUSE).await;
    }
    world.kill(&mut child);
}

/// How many answers a call makes: a report that was asked for two ranges makes two, a series one for
/// each day.
fn answers(uri: &str) -> usize {
    let instant = |name: &str| -> Timestamp {
        let (_, rest) = uri.split_once(name).unwrap();
        rest.split('&').next().unwrap().parse().unwrap()
    };
    if uri.contains("viewBy=day") {
        let seconds = instant("&end=").as_second() + 1 - instant("start=").as_second();
        return usize::try_from(seconds / 86_400).unwrap();
    }
    if uri.contains("previousStart=") { 2 } else { 1 }
}

/// A Prometheus on the imported blocks, which scrapes nothing.
async fn prometheus(home: &Home) -> (String, Process) {
    let config = home.write("prometheus.yml", "scrape_configs: []\n");
    on_a_free_port(async |port| {
        let url = format!("http://127.0.0.1:{port}");
        let mut command = home.command(&program("prometheus", &[], "prometheus"));
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                home.path().join("data").display()
            ))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let log = home.path().join("log");
        let mut process = Process::start(command, &log);
        let ready = async || {
            let answer = client().get(format!("{url}/-/ready")).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        until_ready(&mut process, &log, ready).await?;
        Some((url, process))
    })
    .await
}

fn client() -> reqwest::Client {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

/// Fifty series and instants, chosen at random.
async fn ask_for_the_truth(url: &str) {
    let mut random = ChaCha8Rng::seed_from_u64(20_250_115);
    let client = client();
    let mut found = 0;
    let mut kinds = BTreeSet::new();
    let from: Timestamp = format!("{FROM}T00:00:00Z").parse().unwrap();
    while found < 50 {
        let moment = Moment {
            end: from + days(random.random_range(0..STEPS)),
            segment: random.random_range(0..SEGMENTS.len()),
            window: random.random_range(0..WINDOWS.len()),
        };
        let (series, truth) = moment.question(&mut random);
        let query = [
            ("query", series.as_str()),
            ("time", &moment.end.to_string()),
        ];
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let answer = client.get(format!("{url}/api/v1/query?{query}")).send();
        let answer: serde_json::Value =
            serde_json::from_slice(&answer.await.unwrap().bytes().await.unwrap()).unwrap();
        let result = answer["data"]["result"].as_array().unwrap();
        let values: Vec<f64> = result
            .iter()
            .map(|series| series["value"][1].as_str().unwrap().parse().unwrap())
            .collect();
        let expected: Vec<f64> = truth.into_iter().collect();
        assert_eq!(values, expected, "{series} at {}", moment.end);
        if !expected.is_empty() {
            found += 1;
            kinds.insert(series.split('{').next().unwrap().to_owned());
        }
    }
    assert!(kinds.len() > 12, "{kinds:?}");
}
